//! References to people, and the account behind one: known, still to be created, or absent.

use std::borrow::Cow;
use std::fmt;

use msgraph::{User, UserKey};
use outcome::{Taken, TakenKind};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::error::Error;
use super::pins::reference_of;

/// A person: an object id, a user principal name, or an object with at least one of `entra_id`, `upn` and
/// `employee_id`, of which the first counts.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonRef {
    key: UserKey,
    /// The user principal name, if given.
    upn: Option<String>,
    /// The employee id, if given.
    pub(super) employee_id: Option<String>,
}

impl PersonRef {
    /// The person that this parameter names, if it names one.
    pub fn in_parameter(params: &Value, name: &str) -> Option<Self> {
        Self::deserialize(params.get(name)?).ok()
    }

    /// The accounts that the properties of a new account find: those with an identifier of it, or else with its name.
    pub fn of_account(properties: &Value) -> Vec<Self> {
        let given = |name| properties.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let id = given("entra_id").map(|id| UserKey::Id(id.to_owned()));
        let number = given("employee_id").map(|number| UserKey::EmployeeId(number.to_owned()));
        let name = given("user_principal_name").map(|name| UserKey::Upn(name.to_owned()));
        let by_name = name.filter(|_| id.is_none() && number.is_none());
        [id, number, by_name].into_iter().flatten().map(Self::by).collect()
    }

    /// The person with this key.
    fn by(key: UserKey) -> Self {
        Self { key, upn: None, employee_id: None }
    }

    /// The key to find the person by.
    pub fn key(&self) -> &UserKey {
        &self.key
    }

    /// The user principal name, if given.
    pub(super) fn upn(&self) -> Option<&str> {
        self.upn.as_deref()
    }

    /// The text, if it can be an address: a manager is an object, and no address stands for one.
    pub fn address(&self) -> Option<&str> {
        match &self.key {
            UserKey::Upn(text) if self.upn.is_none() => Some(text),
            _ => None,
        }
    }

    /// The employee id beside a user principal name.
    pub(super) fn beside_upn(&self) -> Option<&str> {
        self.employee_id.as_deref().filter(|_| matches!(self.key, UserKey::Upn(_)))
    }

    /// Every identifier that is given.
    pub(super) fn keys(&self) -> impl Iterator<Item = UserKey> {
        let key = Some(self.key.clone());
        let upn = self.upn.clone().map(UserKey::Upn).filter(|upn| *upn != self.key);
        let number = self.employee_id.clone().map(UserKey::EmployeeId).filter(|number| *number != self.key);
        key.into_iter().chain(upn).chain(number)
    }

    /// All identifiers in one text, which is that of the key if there is no other.
    pub fn reference(&self) -> String {
        let all: Vec<_> = self.keys().map(|key| reference_of(&key)).collect();
        all.join("\n")
    }
}

impl<'de> Deserialize<'de> for PersonRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str =
            "expected a person: an object id, a UPN, or an object with entra_id, upn or employee_id";
        let person = match Value::deserialize(deserializer)? {
            Value::String(text) if text.contains('@') => Some(Self::by(UserKey::Upn(text))),
            Value::String(text) if uuid::Uuid::try_parse(&text).is_ok() => Some(Self::by(UserKey::Id(text))),
            Value::Object(fields) => of_fields(&fields),
            _ => None,
        };
        person.ok_or_else(|| serde::de::Error::custom(EXPECTED))
    }
}

impl JsonSchema for PersonRef {
    fn schema_name() -> Cow<'static, str> {
        "PersonRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let uuid = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}";
        let urn = "[Uu][Rr][Nn]:[Uu][Uu][Ii][Dd]:";
        let with = |field: &str| json!({ "required": [field], "properties": { field: { "type": "string", "minLength": 1 } } });
        let keys = ["entra_id", "upn", "employee_id"].map(with);
        json_schema!({
            "description": "A person: an object id, a user principal name, or an object with at least one of `entra_id`, \
                            `upn` and `employee_id`, of which the first counts.",
            "anyOf": [
                {
                    "type": "string",
                    "pattern": format!("@|^([0-9A-Fa-f]{{32}}|({urn})?{uuid}|\\{{{uuid}\\}})$"),
                    "examples": ["ada@contoso.example", "6f0a8a6c-0001-4000-8000-000000000001"],
                },
                { "type": "object", "anyOf": keys },
            ],
        })
    }
}

/// The most reliable identifier first: names change and are reused, object ids are not.
fn of_fields(fields: &Map<String, Value>) -> Option<PersonRef> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let [id, upn, employee_id] =
        ["entra_id", "upn", "employee_id"].map(|name| text(name).map(ToOwned::to_owned));
    let key = id
        .map(UserKey::Id)
        .or_else(|| upn.clone().map(UserKey::Upn))
        .or_else(|| employee_id.clone().map(UserKey::EmployeeId))?;
    Some(PersonRef { key, upn, employee_id })
}

/// The account a change is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// It exists, with this object id.
    Known(String),
    /// An earlier step of this plan creates it. Such a change is only printed, never applied.
    ToBeCreated,
}

impl Account {
    /// The object id, for a write.
    pub fn id(&self) -> Result<&str, Error> {
        match self {
            Self::Known(id) => Ok(id),
            Self::ToBeCreated => {
                Err(Error::Broken("a change to an account that is only planned cannot be applied"))
            }
        }
    }

    /// Something of this kind that the account loses; nothing if it is still to be created.
    pub fn loses(&self, kind: TakenKind) -> Option<Taken> {
        self.id().ok().map(|id| Taken::from(id, kind))
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

/// A person's account, as found.
#[derive(Clone, Debug)]
pub enum Person {
    /// It exists.
    Present(Box<User>),
    /// It does not exist, and an earlier step of this plan creates it.
    ToBeCreated,
    /// It does not exist.
    Absent,
}

impl Person {
    /// The account for a change, and its properties. Refuses an absent person.
    pub fn account(&self) -> Result<(Account, Option<&User>), Error> {
        match self {
            Self::Present(user) => Ok((Account::Known(user.id.clone()), Some(user))),
            Self::ToBeCreated => Ok((Account::ToBeCreated, None)),
            Self::Absent => Err(Error::rejected(
                &["user"],
                "user_not_found",
                "no account found for this person; check entra_id, upn or employee_id",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::parameters::tests::assert_agree;

    #[test]
    fn a_person_is_found_by_the_most_reliable_identifier() {
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
    #[test]
    fn a_person_is_published_as_it_is_read() {
        let id = "6f0a8a6c-0001-4000-8000-000000000001";
        let simple = id.replace('-', "");
        assert_agree::<PersonRef, PersonRef>(&[
            (json!("ada@contoso.example"), true),
            (json!("@"), true),
            (json!(id), true),
            (json!(id.to_uppercase()), true),
            (json!(simple), true),
            (json!(format!("{{{id}}}")), true),
            (json!(format!("URN:uuid:{id}")), true),
            (json!(format!("{{{simple}}}")), false),
            (json!(format!("{id}0")), false),
            (json!(format!("{id}\n")), false),
            (json!("ada"), false),
            (json!(""), false),
            (json!({ "entra_id": "1" }), true),
            (json!({ "upn": "ada", "given_name": ["Ada"] }), true),
            (json!({ "employee_id": "7", "upn": "", "entra_id": 42 }), true),
            (json!({ "employee_id": 7 }), false),
            (json!({ "entra_id": "", "upn": null }), false),
            (json!({ "given_name": "Ada" }), false),
            (json!({}), false),
            (json!([]), false),
            (json!(["ada@contoso.example"]), false),
            (json!(42), false),
            (json!(true), false),
            (json!(null), false),
        ]);
    }
}
