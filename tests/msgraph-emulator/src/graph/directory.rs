//! The directory itself: the organization and what was deleted from it.

use std::ops::Bound;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::graph::users::user::{entity, project_user};
use crate::graph::{Answer, Visit};
use crate::http::paging::{Window, metadata};
use crate::http::query::{ENTITY, LIST, NONE, Query, project};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{USER_DEFAULTS, User};

/// The one report setting: whether reports show pseudonyms instead of names.
const CONCEALED: &str = "displayConcealedNames";

const ORGANIZATION: &[&str] = &["countryLetterCode", "displayName", "id", "verifiedDomains"];

pub(crate) fn list_organization(visit: &mut Visit<'_>) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let has = |name: &str| ORGANIZATION.contains(&name);
    let names = query.selected(has, "microsoft.graph.organization", ORGANIZATION)?;
    let tenant = &visit.tenant;
    let domains: Vec<Value> = tenant
        .domains
        .iter()
        .enumerate()
        .map(|(index, name)| {
            json!({
                "isDefault": index == 0,
                "isInitial": index == 0,
                "name": name,
                "type": "Managed",
            })
        })
        .collect();
    let organization = project(&names, |name| match name {
        "countryLetterCode" => Some(json!(tenant.country)),
        "displayName" => Some(json!(tenant.display_name)),
        "id" => Some(json!(tenant.id)),
        "verifiedDomains" => Some(json!(domains)),
        _ => None,
    });
    let context = format!("organization{}", query.context_suffix());
    let context = metadata(visit.request, &context);
    let body = json!({ "@odata.context": context, "value": [organization] });
    Ok(Reply::ok(&body))
}

pub(crate) fn list_deleted_users(visit: &mut Visit<'_>) -> Answer {
    let query = Query::read(visit.request, LIST)?;
    let names = selected(&query)?;
    let window = Window::read(visit.request, &query, visit.page_limit)?;
    let filter = query.filter_on(&["id", "userPrincipalName", "mail", "employeeId"])?;
    let after = window.after.map_or(Bound::Unbounded, Bound::Excluded);
    let users = visit
        .tenant
        .deleted
        .range((after, Bound::Unbounded))
        .filter(|(_, user)| {
            filter.is_none_or(|filter| {
                let held = user.property(&filter.property);
                let held = held.as_ref().and_then(Value::as_str);
                held.is_some_and(|held| held.eq_ignore_ascii_case(&filter.value))
            })
        })
        .map(|(&id, user)| (id, Value::Object(project_user(user, &names))));
    let context = format!("users{}", query.context_suffix());
    Ok(Reply::ok(&window.page(visit.request, &context, users)))
}

pub(crate) fn get_deleted_user(visit: &mut Visit<'_>, key: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let names = selected(&query)?;
    let id = Uuid::try_parse(key).ok();
    let user = id.and_then(|id| visit.tenant.deleted.get(&id));
    let user = user.ok_or_else(|| Refusal::not_found(key))?;
    let context = format!("users{}/$entity", query.context_suffix());
    Ok(Reply::ok(&entity(visit, &context, project_user(user, &names))))
}

pub(crate) fn get_report_settings(visit: &mut Visit<'_>) -> Answer {
    Query::read(visit.request, NONE)?;
    let context = metadata(visit.request, "admin/reportSettings/$entity");
    let body = json!({ "@odata.context": context, CONCEALED: visit.tenant.concealed_names });
    Ok(Reply::ok(&body))
}

pub(crate) fn update_report_settings(visit: &mut Visit<'_>) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.object()?;
    if let Some(name) =
        body.keys().find(|name| !["@odata.type", "@odata.context", CONCEALED].contains(&name.as_str()))
    {
        return Err(Refusal::unknown_property(name, "microsoft.graph.adminReportSettings"));
    }
    let concealed = body.get(CONCEALED).and_then(Value::as_bool);
    let concealed =
        concealed.ok_or_else(|| Refusal::malformed(format!("{CONCEALED} must be true or false.")))?;
    if visit.tenant.concealed_names != concealed {
        visit.tenant.concealed_names = concealed;
        visit.effects.push(format!("set {CONCEALED} to {concealed}"));
    }
    Ok(Reply::no_content())
}

fn selected(query: &Query) -> Result<Vec<&str>, Refusal> {
    let has = |name: &str| User::properties().any(|property| property == name);
    query.selected(has, crate::graph::users::user::TYPE, USER_DEFAULTS)
}
