//! Naming a person, finding the account, and the account that is not there yet.

use std::fmt;
use std::ops::Deref;

use futures_util::future::{try_join, try_join3};
use msgraph::{Group, User, UserKey};
use outcome::Outcome;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use workflow::Earlier;

use crate::administrators::Obstacle;
use crate::error::Error;

/// The action that makes accounts: what it did earlier in a run decides what an absent account means.
const CREATES: &str = "create_user";

/// A person, as an event or a workflow names one: an object id, a user principal name, or an object with at least
/// one of `entra_id`, `upn` and `employee_id` (the first of these that is there counts).
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(with = "Value")]
pub struct PersonRef {
    key: UserKey,
    /// The employee id that stands beside a user principal name.
    employee_id: Option<String>,
}

impl PersonRef {
    /// The key to look for.
    pub fn key(&self) -> &UserKey {
        &self.key
    }

    /// The name by which Graph takes the person in a path, so that what is below need not wait for the object id.
    fn in_path(&self) -> Option<&str> {
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
    Promised,
}

impl Account {
    /// The object id, for a write.
    pub fn id(&self) -> Result<&str, Error> {
        match self {
            Self::Known(id) => Ok(id),
            Self::Promised => {
                Err(Error::Broken("a change for an account that is only planned was to be applied"))
            }
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(id) => write!(f, "user {id}"),
            Self::Promised => f.write_str("the new user"),
        }
    }
}

/// A person's account as it was seen.
#[derive(Clone, Debug)]
pub enum Person {
    /// It is there.
    Present(Box<User>),
    /// It is not there, and an earlier step of this plan is to create it.
    Promised,
    /// It is not there.
    Absent,
}

impl Person {
    /// What a change names and what is known about it; refuses an absent person.
    pub fn account(&self) -> Result<(Account, Option<&User>), Error> {
        match self {
            Self::Present(user) => Ok((Account::Known(user.id.clone()), Some(user))),
            Self::Promised => Ok((Account::Promised, None)),
            Self::Absent => Err(Error::rejected(
                "user_not_found",
                "the tenant has no account for this person; check entra_id, upn or employee_id",
            )),
        }
    }
}

/// Reads of the tenant, with what this run has made so far.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    graph: msgraph::Reader<'a>,
    earlier: Earlier<'a>,
    memo: Option<&'a Value>,
    replays: u32,
}

impl<'a> Reader<'a> {
    /// Reads in a run that has done this much, for a step that asked to be given this back.
    pub fn new(graph: msgraph::Reader<'a>, earlier: Earlier<'a>, memo: Option<&'a Value>) -> Self {
        Self { graph, earlier, memo, replays: 0 }
    }

    /// The same, in a run that an operator has replayed so often.
    pub fn replayed(self, replays: u32) -> Self {
        Self { replays, ..self }
    }

    /// How often an operator has replayed the run. What was given up before is worth another try.
    pub fn replays(&self) -> u32 {
        self.replays
    }

    /// Whether an earlier step of the run has changed what this action changes, or a plan says that it would.
    pub fn was_changed(&self, action: &str) -> bool {
        matches!(self.earlier.outcome_of(action), Some(Outcome::Planned | Outcome::Changed))
    }

    /// What earlier looks of this step have noted. A note of another form is passed over: it is only a hint.
    pub fn notes<N: DeserializeOwned>(&self) -> Vec<N> {
        let notes = self.memo.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        notes.iter().filter_map(|note| N::deserialize(note).ok()).collect()
    }

    /// Whether this action was a step before this stage that did, or would do, what it is there for.
    pub fn has_run(&self, action: &str) -> bool {
        let ran = [Outcome::Planned, Outcome::Changed, Outcome::Unchanged];
        self.earlier.outcome_of(action).is_some_and(|outcome| ran.contains(&outcome))
    }

    /// The person's account, with these properties.
    ///
    /// Where an earlier step of the run made it, an account that does not show is replication taking its time,
    /// and where an earlier step of a plan would make it, it is [`Person::Promised`]. In such a run the name that
    /// the event gives can be somebody else's, for whom the person has another: there the employee id decides.
    pub async fn person(&self, person: &PersonRef, select: &[&str]) -> Result<Person, Error> {
        Ok(self.find(person, select).await?.0)
    }

    /// The person's account, and whether it is the one under the name in [`PersonRef::in_path`].
    async fn find(&self, person: &PersonRef, select: &[&str]) -> Result<(Person, bool), Error> {
        let named = |user| Ok((Person::Present(Box::new(user)), true));
        let found = match person.employee_id.as_ref().filter(|_| self.asked_for_account()) {
            None => match self.graph.user(person.key(), select).await? {
                Some(user) => return named(user),
                None => None,
            },
            Some(number) => {
                let others = select.iter().copied().filter(|property| *property != "employeeId");
                let select: Vec<_> = others.chain(["employeeId"]).collect();
                match self.graph.user(person.key(), &select).await? {
                    Some(user) if user.employee_id.as_ref() == Some(number) => return named(user),
                    _ => self.graph.user(&UserKey::EmployeeId(number.clone()), &select).await?,
                }
            }
        };
        let person = match (found, self.created()) {
            (Some(user), _) => Person::Present(Box::new(user)),
            (None, Some(Outcome::Planned | Outcome::Waiting)) => Person::Promised,
            (None, Some(Outcome::Changed | Outcome::Unchanged)) => return Err(Error::NotYetVisible),
            (None, Some(Outcome::Skipped | Outcome::Failed) | None) => Person::Absent,
        };
        Ok((person, false))
    }

    /// Whether an earlier step of this run made the person's account, would make it, or was refused.
    fn asked_for_account(&self) -> bool {
        self.created().is_some_and(|created| created != Outcome::Skipped)
    }

    fn created(&self) -> Option<Outcome> {
        self.earlier.outcome_of(CREATES)
    }

    /// The person's account and the groups it is in, both at once where the person's name allows it.
    pub async fn person_and_groups(
        &self,
        person: &PersonRef,
        select: &[&str],
    ) -> Result<(Person, Vec<Group>), Error> {
        let groups = under_name(person, |name| self.graph.groups_of(name));
        let ((found, is_named), groups) = try_join(self.find(person, select), groups).await?;
        let groups = match (&found, groups.filter(|_| is_named)) {
            (Person::Present(_), Some(groups)) => groups,
            (Person::Present(user), None) => self.graph.groups_of(&user.id).await?,
            (Person::Promised | Person::Absent, _) => Vec::new(),
        };
        Ok((found, groups))
    }

    /// The person's account, and what keeps the application from changing what is sensitive in it.
    pub async fn person_and_obstacle(
        &self,
        person: &PersonRef,
        select: &[&str],
    ) -> Result<(Person, Obstacle), Error> {
        let obstacle = async {
            match person.in_path() {
                Some(name) => Obstacle::look(name, *self).await.map(Some),
                None => Ok(None),
            }
        };
        let ((found, is_named), obstacle) = try_join(self.find(person, select), obstacle).await?;
        let obstacle = match (&found, obstacle.filter(|_| is_named)) {
            (Person::Present(_), Some(obstacle)) => obstacle,
            (Person::Present(user), None) => Obstacle::look(&user.id, *self).await?,
            (Person::Promised | Person::Absent, _) => Obstacle::NONE,
        };
        Ok((found, obstacle))
    }

    /// The person's account, the groups it is in, and those it owns, all at once where the person's name allows it.
    pub async fn person_groups_and_owned(
        &self,
        person: &PersonRef,
        select: &[&str],
    ) -> Result<(Person, Vec<Group>, Vec<Group>), Error> {
        let groups = under_name(person, |name| self.graph.groups_of(name));
        let owned = under_name(person, |name| self.graph.groups_owned_by(name));
        let ((found, is_named), groups, owned) = try_join3(self.find(person, select), groups, owned).await?;
        let (groups, owned) = match (&found, groups.zip(owned).filter(|_| is_named)) {
            (Person::Present(_), Some(both)) => both,
            (Person::Present(user), None) => {
                try_join(self.graph.groups_of(&user.id), self.graph.groups_owned_by(&user.id)).await?
            }
            (Person::Promised | Person::Absent, _) => Default::default(),
        };
        Ok((found, groups, owned))
    }
}

/// What is listed under the person's name, where it can stand in a path and somebody has it.
async fn under_name<'a, F>(
    person: &'a PersonRef,
    list: impl FnOnce(&'a str) -> F,
) -> Result<Option<Vec<Group>>, Error>
where
    F: Future<Output = Result<Vec<Group>, msgraph::Error>>,
{
    let Some(name) = person.in_path() else { return Ok(None) };
    match list(name).await {
        // Whether there is an account is what the other read tells.
        Err(error) if error.is_not_found() => Ok(None),
        groups => Ok(Some(groups?)),
    }
}

impl<'a> Deref for Reader<'a> {
    type Target = msgraph::Reader<'a>;

    fn deref(&self) -> &Self::Target {
        &self.graph
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
