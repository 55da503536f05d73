//! Naming a person, finding the account, and the account that is not there yet.

use std::fmt;

use msgraph::{User, UserKey};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::error::Error;

/// A person, as an event or a workflow names one: an object id, a user principal name, or an object with at least
/// one of `entra_id`, `upn` and `employee_id` (the first of these that is there counts).
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(with = "Value")]
pub struct PersonRef {
    key: UserKey,
    /// The employee id that stands beside a user principal name.
    pub(super) employee_id: Option<String>,
}

impl PersonRef {
    /// The key to look for.
    pub fn key(&self) -> &UserKey {
        &self.key
    }

    /// The name by which Graph takes the person in a path, so that what is below need not wait for the object id.
    pub fn in_path(&self) -> Option<&str> {
        match &self.key {
            UserKey::Id(id) => Some(id),
            // A name that begins with a dollar sign is taken in parentheses only.
            UserKey::Upn(upn) => Some(upn.as_str()).filter(|upn| !upn.starts_with('$')),
            UserKey::EmployeeId(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for PersonRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str =
            "names nobody: expected an object id, a UPN, or an object with entra_id, upn or employee_id";
        let (key, employee_id) = match Value::deserialize(deserializer)? {
            Value::String(text) if text.contains('@') => (Some(UserKey::Upn(text)), None),
            Value::String(text) if uuid::Uuid::try_parse(&text).is_ok() => (Some(UserKey::Id(text)), None),
            Value::Object(fields) => keys_of(&fields),
            _ => (None, None),
        };
        let key = key.ok_or_else(|| serde::de::Error::custom(EXPECTED))?;
        Ok(Self { employee_id: employee_id.filter(|_| matches!(key, UserKey::Upn(_))), key })
    }
}

/// The surest identifier first: names change and are given again, object ids do not. And the employee id.
fn keys_of(fields: &Map<String, Value>) -> (Option<UserKey>, Option<String>) {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let employee_id = text("employee_id").map(ToOwned::to_owned);
    let key = text("entra_id")
        .map(|id| UserKey::Id(id.to_owned()))
        .or_else(|| text("upn").map(|upn| UserKey::Upn(upn.to_owned())))
        .or_else(|| employee_id.clone().map(UserKey::EmployeeId));
    (key, employee_id)
}

/// The account a change is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// It exists, with this object id.
    Known(String),
    /// An earlier step of this plan is to create it. Such a change is only ever printed.
    ToBeCreated,
}

impl Account {
    /// The object id, for a write.
    pub fn id(&self) -> Result<&str, Error> {
        match self {
            Self::Known(id) => Ok(id),
            Self::ToBeCreated => {
                Err(Error::Broken("a change for an account that is only planned was to be applied"))
            }
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(id) => write!(f, "user {id}"),
            Self::ToBeCreated => f.write_str("the new user"),
        }
    }
}

/// A person's account as it was seen.
#[derive(Clone, Debug)]
pub enum Person {
    /// It is there.
    Present(Box<User>),
    /// It is not there, and an earlier step of this plan is to create it.
    ToBeCreated,
    /// It is not there.
    Absent,
}

impl Person {
    /// What a change names and what is known about it; refuses an absent person.
    pub fn account(&self) -> Result<(Account, Option<&User>), Error> {
        match self {
            Self::Present(user) => Ok((Account::Known(user.id.clone()), Some(user))),
            Self::ToBeCreated => Ok((Account::ToBeCreated, None)),
            Self::Absent => Err(Error::rejected(
                "user_not_found",
                "the tenant has no account for this person; check entra_id, upn or employee_id",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_person_is_named_by_the_surest_identifier_given() {
        let id = "6f0a8a6c-0001-4000-8000-000000000001";
        let rows = [
            (json!({ "entra_id": id, "upn": "ada@contoso.example" }), UserKey::Id(id.into())),
            (
                json!({ "employee_id": "7", "upn": "ada@contoso.example" }),
                UserKey::Upn("ada@contoso.example".into()),
            ),
            (json!({ "employee_id": "7", "given_name": "Ada" }), UserKey::EmployeeId("7".into())),
            (json!("ada@contoso.example"), UserKey::Upn("ada@contoso.example".into())),
            (json!(id), UserKey::Id(id.into())),
        ];
        for (value, expected) in rows {
            assert_eq!(serde_json::from_value::<PersonRef>(value).unwrap().key(), &expected);
        }
        for value in [json!(null), json!({}), json!({ "upn": "" }), json!("ada"), json!(7)] {
            assert!(serde_json::from_value::<PersonRef>(value).is_err());
        }
    }
}
