//! Properties of a person: which differ from the request, and where the event's person provides them.

use std::fmt;

use msgraph::{User, UserPatch};
use outcome::{Taken, TakenKind};
use serde_json::{Map, Value};

use crate::{Error, Plan};

/// The properties that [`missing`] compares, and the age of an account, for `$select`.
pub const SELECT: &[&str] = &[
    "id",
    "displayName",
    "mail",
    "mailNickname",
    "employeeId",
    "givenName",
    "surname",
    "jobTitle",
    "department",
    "officeLocation",
    "companyName",
    "mobilePhone",
    "usageLocation",
    "createdDateTime",
    "onPremisesSyncEnabled",
];

/// The only property that the cloud may set on an account that is mastered on premises.
const MASTERED_IN_THE_CLOUD: &str = "usage_location";

/// The properties that the directory compares without regard to case.
const IN_ANY_CASE: [&str; 3] = ["mail", "mail_nickname", "usage_location"];

/// The usage location of the event's person: the property of that name, or else the code of the country.
pub const USAGE_LOCATION: &str = "{{ person.usage_location if person.usage_location else \
                                  (person.country | country_code if person.country else none) }}";

/// The name to show: the one given, else both names, else the only one. Without any there is no value.
pub const DISPLAY_NAME: &str = "{{ person.display_name if person.display_name else \
                            person.given_name ~ ' ' ~ person.family_name if person.given_name and person.family_name \
                            else person.given_name if person.given_name else person.family_name }}";

/// The defaults of an action that writes an account's properties: its own ones, and those that every such action takes
/// from the event's person in the same way.
macro_rules! defaults_with_properties {
    ($($own:expr),* $(,)?) => {
        &[
            $($own,)*
            ("mail", "{{ person.email | default(none) }}"),
            ("employee_id", "{{ person.employee_id | default(none) }}"),
            ("given_name", "{{ person.given_name | default(none) }}"),
            ("surname", "{{ person.family_name | default(none) }}"),
            ("job_title", "{{ person.job_title | default(none) }}"),
            ("department", "{{ person.department | default(none) }}"),
            ("office_location", "{{ person.office | default(none) }}"),
            ("company_name", "{{ person.company | default(none) }}"),
            ("mobile_phone", "{{ person.phone | default(none) }}"),
            ("usage_location", $crate::users::properties::USAGE_LOCATION),
        ]
    };
}

pub(crate) use defaults_with_properties;

/// Properties to write, and their names to print: the values are personal.
#[derive(Debug, PartialEq)]
pub struct Update {
    /// The account's object id.
    pub user: String,
    /// What to write.
    pub patch: UserPatch,
    /// The properties' names.
    pub names: Vec<&'static str>,
}

/// The write that brings a person's properties to the requested ones. Others stay, and so does the sign-in name: an
/// update never renames a person.
pub fn missing(asked: &UserPatch, user: &User) -> Result<Plan<Update>, Error> {
    let mut patch = UserPatch::default();
    let mut names = Vec::new();
    let mut compare = |name, asked: &Option<String>, seen: &Option<String>, slot: &mut Option<String>| {
        if asked.is_some() && !is_same(name, asked.as_deref(), seen.as_deref()) {
            slot.clone_from(asked);
            names.push(name);
        }
    };
    compare("display_name", &asked.display_name, &user.display_name, &mut patch.display_name);
    compare("mail", &asked.mail, &user.mail, &mut patch.mail);
    compare("mail_nickname", &asked.mail_nickname, &user.mail_nickname, &mut patch.mail_nickname);
    compare("employee_id", &asked.employee_id, &user.employee_id, &mut patch.employee_id);
    compare("given_name", &asked.given_name, &user.given_name, &mut patch.given_name);
    compare("surname", &asked.surname, &user.surname, &mut patch.surname);
    compare("job_title", &asked.job_title, &user.job_title, &mut patch.job_title);
    compare("department", &asked.department, &user.department, &mut patch.department);
    compare("office_location", &asked.office_location, &user.office_location, &mut patch.office_location);
    compare("company_name", &asked.company_name, &user.company_name, &mut patch.company_name);
    compare("mobile_phone", &asked.mobile_phone, &user.mobile_phone, &mut patch.mobile_phone);
    compare("usage_location", &asked.usage_location, &user.usage_location, &mut patch.usage_location);
    if names.is_empty() {
        return Ok(Plan::nothing());
    }
    let mastered_elsewhere = names.iter().any(|name| *name != MASTERED_IN_THE_CLOUD);
    if user.on_premises_sync_enabled == Some(true) && mastered_elsewhere {
        return Err(Error::blocked(
            "synced_user",
            format!("user {} is mastered on premises; set {} in Active Directory", user.id, names.join(", ")),
        ));
    }
    Ok(Plan::in_order([Update { user: user.id.clone(), patch, names }]))
}

/// Whether the directory takes two values for equal: it ignores the case of an address, an alias or a country.
fn is_same(name: &str, asked: Option<&str>, seen: Option<&str>) -> bool {
    match (asked, seen) {
        (Some(asked), Some(seen)) if IN_ANY_CASE.contains(&name) => {
            asked.to_lowercase() == seen.to_lowercase()
        }
        _ => asked == seen,
    }
}

/// The properties of an account that [`missing`] writes, by name, without those it has not.
fn by_name(user: &User) -> Map<String, Value> {
    let all = [
        ("display_name", &user.display_name),
        ("mail", &user.mail),
        ("mail_nickname", &user.mail_nickname),
        ("employee_id", &user.employee_id),
        ("given_name", &user.given_name),
        ("surname", &user.surname),
        ("job_title", &user.job_title),
        ("department", &user.department),
        ("office_location", &user.office_location),
        ("company_name", &user.company_name),
        ("mobile_phone", &user.mobile_phone),
        ("usage_location", &user.usage_location),
    ];
    let known = all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into())));
    known.collect()
}

/// What an update overwrites, as it is. A property that has no value is among the names alone.
pub fn taken(update: &Update, before: &User) -> Taken {
    let mut values = by_name(before);
    values.retain(|name, _| update.names.contains(&name.as_str()));
    let taken = Taken::from(&update.user, TakenKind::Properties).with("names", update.names.clone());
    if values.is_empty() { taken } else { taken.with_text(Value::Object(values)) }
}

/// What an account can be made anew from: its names and properties.
pub fn of_account(user: &User) -> Value {
    let mut values = by_name(user);
    values.extend(user.user_principal_name.clone().map(|upn| ("upn".to_owned(), upn.into())));
    values.extend(user.user_type.clone().map(|kind| ("user_type".to_owned(), kind.to_lowercase().into())));
    Value::Object(values)
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set {} of user {}", self.names.join(", "), self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        User {
            id: "1".into(),
            display_name: Some("Ada Lovelace".into()),
            department: Some("Research".into()),
            ..User::default()
        }
    }

    fn asked(department: &str) -> UserPatch {
        UserPatch { department: Some(department.into()), ..UserPatch::default() }
    }

    #[test]
    fn only_what_is_asked_for_and_differs_is_written() {
        assert_eq!(missing(&UserPatch::default(), &user()).unwrap(), Plan::nothing());
        assert_eq!(missing(&asked("Research"), &user()).unwrap(), Plan::nothing());
        let plan = missing(&asked("Sales"), &user()).unwrap();
        let update = Update { user: "1".into(), patch: asked("Sales"), names: vec!["department"] };
        assert_eq!(plan, Plan::in_order([update]));
    }

    #[test]
    fn an_address_that_differs_in_its_case_is_the_same() {
        let addressed = |mail: &str| UserPatch { mail: Some(mail.into()), ..UserPatch::default() };
        for synced in [None, Some(true)] {
            let mail = Some("ada.lovelace@contoso.example".into());
            let seen = User { mail, on_premises_sync_enabled: synced, ..user() };
            assert_eq!(missing(&addressed("Ada.Lovelace@Contoso.example"), &seen).unwrap(), Plan::nothing());
        }
        let named = UserPatch { display_name: Some("ada lovelace".into()), ..UserPatch::default() };
        assert_eq!(
            missing(&named, &user()).unwrap().changes().count(),
            1,
            "a name is shown as it is written"
        );
    }

    #[test]
    fn of_a_synced_account_only_the_location_is_the_clouds() {
        let synced = User { on_premises_sync_enabled: Some(true), ..user() };
        let code = |asked: &UserPatch| {
            missing(asked, &synced)
                .map(|plan| plan.changes().count())
                .map_err(|error| outcome::Failure::from(error).code)
        };
        let located = UserPatch { usage_location: Some("GB".into()), ..UserPatch::default() };
        assert_eq!(code(&located), Ok(1));
        assert_eq!(code(&asked("Research")), Ok(0));
        assert_eq!(code(&asked("Sales")), Err("synced_user".to_owned()));
        assert_eq!(
            code(&UserPatch { department: Some("Sales".into()), ..located }),
            Err("synced_user".to_owned())
        );
    }
}
