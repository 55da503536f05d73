//! The account: whether it is there, deleted or gone for good, and its own properties.

use msgraph::UserKey;
use outcome::TakenKind;
use serde_json::{Map, Value, json};

use super::{Remembered, Restorable, Things, id, lost, refused};
use crate::{Error, View};

/// A property of an account, and how the variable `person` names it.
const NAMES: [(&str, &str); 12] = [
    ("upn", "upn"),
    ("display_name", "display_name"),
    ("mail", "email"),
    ("employee_id", "employee_id"),
    ("given_name", "given_name"),
    ("surname", "family_name"),
    ("job_title", "job_title"),
    ("department", "department"),
    ("office_location", "office"),
    ("company_name", "company"),
    ("mobile_phone", "phone"),
    ("usage_location", "usage_location"),
];

/// Where the account is.
enum Place {
    Directory,
    Deleted,
    Gone,
}

/// Looks for the account, and says how it comes back.
pub async fn look(user: &str, things: &Things, graph: View<'_>) -> Result<Restorable, Error> {
    let mut found = Restorable::default();
    let place = place_of(user, graph).await?;
    let (state, named) = match place {
        Place::Directory => ("present", json!({ "entra_id": user })),
        Place::Deleted => ("deleted", json!({ "entra_id": user })),
        Place::Gone => {
            let properties = made_anew(things)?;
            let upn = properties.get("upn").cloned().unwrap_or_default();
            found.person.extend(as_person(&properties));
            for (property, name) in [("mail_nickname", "mail_nickname"), ("user_type", "user_type")] {
                found.snapshot.insert(name.to_owned(), properties.get(property).cloned().into());
            }
            ("gone", json!({ "upn": upn }))
        }
    };
    found.snapshot.insert("account".to_owned(), state.into());
    found.snapshot.insert("user".to_owned(), named);
    overwritten(things, &mut found);
    let user_type = things.of_kind(TakenKind::UserType).find_map(|thing| id(&thing.taken, "user_type"));
    if let Some(user_type) = user_type {
        found.snapshot.insert("user_type".to_owned(), user_type.into());
    }
    found.snapshot.entry("user_type").or_insert(Value::Null);
    found.snapshot.entry("mail_nickname").or_insert(Value::Null);
    let manager = things.of_kind(TakenKind::Manager).find_map(|thing| id(&thing.taken, "manager"));
    let manager = match manager {
        Some(manager) => manager_there(manager, &mut found, graph).await?,
        None => Value::Null,
    };
    found.snapshot.insert("manager".to_owned(), manager);
    // An account that is made anew can sign in.
    let could_sign_in = things.of_kind(TakenKind::SignIn).next().is_some();
    found.snapshot.insert("sign_in".to_owned(), (could_sign_in && !matches!(place, Place::Gone)).into());
    Ok(found)
}

async fn place_of(user: &str, graph: View<'_>) -> Result<Place, Error> {
    let key = UserKey::Id(user.to_owned());
    if graph.user(&key, &["id"]).await?.is_some() {
        return Ok(Place::Directory);
    }
    let deleted = graph.deleted_users(&key).await?;
    Ok(if deleted.is_empty() { Place::Gone } else { Place::Deleted })
}

/// The properties with which an account that is gone for good is made anew.
fn made_anew(things: &Things) -> Result<Map<String, Value>, Error> {
    let Some(Remembered { taken, lacks }) = things.of_kind(TakenKind::Account).next() else {
        return Err(refused(
            "user_not_found",
            "the account is gone, and this run did not delete it; name the run that did, or include `account` in kinds",
        ));
    };
    match (&taken.text, lacks) {
        (Some(Value::Object(properties)), _) if properties.contains_key("upn") => Ok(properties.clone()),
        (_, why) => {
            let why = why.as_deref().unwrap_or("they were not written down");
            let detail = format!(
                "the account is gone for good, and its properties are not known: {why}; create it with an onboarding event"
            );
            Err(refused("account_gone", detail))
        }
    }
}

fn as_person(properties: &Map<String, Value>) -> Map<String, Value> {
    let known = NAMES
        .iter()
        .filter_map(|(property, name)| Some(((*name).to_owned(), properties.get(*property)?.clone())));
    known.collect()
}

/// The properties that the run has overwritten. One that had no value cannot be cleared here.
fn overwritten(things: &Things, found: &mut Restorable) {
    let (texts, left) = things.texts(TakenKind::Properties, "a property");
    found.left.extend(left);
    let mut before = Map::new();
    for (_, text) in &texts {
        for (name, value) in text.as_object().into_iter().flatten() {
            before.entry(name.clone()).or_insert(value.clone());
        }
    }
    let names = things.of_kind(TakenKind::Properties).filter(|thing| thing.lacks.is_none());
    let names = names.filter_map(|thing| thing.taken.object.get("names")?.as_array()).flatten();
    let mut empty: Vec<_> =
        names.filter_map(Value::as_str).filter(|name| !before.contains_key(*name)).collect();
    empty.sort_unstable();
    empty.dedup();
    if !empty.is_empty() {
        let detail = format!("{} had no value before; clear it in the Entra admin center", empty.join(", "));
        found.left.push(lost("property_was_empty", detail));
    }
    if let Some(nickname) = before.get("mail_nickname") {
        found.snapshot.insert("mail_nickname".to_owned(), nickname.clone());
    }
    found.snapshot.insert("properties".to_owned(), (!before.is_empty()).into());
    found.person.extend(as_person(&before));
}

async fn manager_there(manager: &str, found: &mut Restorable, graph: View<'_>) -> Result<Value, Error> {
    if graph.user(&UserKey::Id(manager.to_owned()), &["id"]).await?.is_some() {
        return Ok(json!({ "entra_id": manager }));
    }
    let detail = format!("the manager before, user {manager}, has no account any more; set another one");
    found.left.push(lost("manager_gone", detail));
    Ok(Value::Null)
}
