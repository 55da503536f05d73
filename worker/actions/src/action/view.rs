//! Reads of the tenant, together with what the run has done so far.

use std::ops::Deref;

use futures_util::future::{try_join, try_join3};
use jiff::Timestamp;
use msgraph::{Client, Group, UserKey};
use outcome::Outcome;
use serde::de::DeserializeOwned;
use serde_json::Value;
use workflow::{Call, Earlier};

use super::error::Error;
use super::person::{Person, PersonRef};

/// The action that creates accounts: its earlier outcome in the run decides what an absent account means.
const CREATES: &str = "create_user";

/// Reads of the tenant, with the earlier steps of the run and the notes of this step.
#[derive(Clone, Copy)]
pub struct View<'a> {
    graph: msgraph::Reader<'a>,
    earlier: Earlier<'a>,
    memo: Option<&'a Value>,
    replays: u32,
    due_since: Timestamp,
}

impl<'a> View<'a> {
    /// Reads after these steps of the run, for a step with this memo.
    pub fn new(graph: msgraph::Reader<'a>, earlier: Earlier<'a>, memo: Option<&'a Value>) -> Self {
        Self { graph, earlier, memo, replays: 0, due_since: Timestamp::MIN }
    }

    /// Reads for this call of a step.
    pub fn of(call: &Call<'a, Client>, graph: msgraph::Reader<'a>) -> Self {
        let (replays, due_since) = (call.replays, call.due_since);
        Self { replays, due_since, ..Self::new(graph, call.earlier, call.memo) }
    }

    /// When the step became due, by the worker's clock.
    pub fn due_since(&self) -> Timestamp {
        self.due_since
    }

    /// How often an operator has replayed the run. A replay retries what an action had given up.
    pub fn replays(&self) -> u32 {
        self.replays
    }

    /// Whether this action has changed something earlier in the run, or would in a dry run.
    pub fn was_changed(&self, action: &str) -> bool {
        matches!(self.earlier.outcome_of(action), Some(Outcome::Planned | Outcome::Changed))
    }

    /// The notes of earlier looks of this step. A note of another form is ignored: notes are only hints.
    pub fn notes<N: DeserializeOwned>(&self) -> Vec<N> {
        let notes = self.memo.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        notes.iter().filter_map(|note| N::deserialize(note).ok()).collect()
    }

    /// Whether this action has succeeded in an earlier stage, or would in a dry run.
    pub fn has_run(&self, action: &str) -> bool {
        let ran = [Outcome::Planned, Outcome::Changed, Outcome::Unchanged];
        self.earlier.outcome_of(action).is_some_and(|outcome| ran.contains(&outcome))
    }

    /// The person's account, with these properties.
    ///
    /// If an earlier step of the run created the account and Graph does not show it, replication is still under way.
    /// If an earlier step of a dry run would create it, it is [`Person::ToBeCreated`]. In both cases the event's name
    /// can belong to another person, because the account got a later name: then the employee id decides.
    pub async fn person(&self, person: &PersonRef, select: &[&str]) -> Result<Person, Error> {
        Ok(self.find(person, select).await?.0)
    }

    /// The person's account, and whether it is the one with the name in [`PersonRef::in_path`].
    pub async fn find(&self, person: &PersonRef, select: &[&str]) -> Result<(Person, bool), Error> {
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
            (None, Some(Outcome::Planned | Outcome::Waiting)) => Person::ToBeCreated,
            (None, Some(Outcome::Changed | Outcome::Unchanged)) => return Err(Error::NotYetVisible),
            (None, Some(Outcome::Skipped | Outcome::Failed) | None) => Person::Absent,
        };
        Ok((person, false))
    }

    /// Looks up somebody whom a step names besides the person to act on; `or_else` rejects whoever has no account.
    pub async fn must_find(&self, named: &PersonRef, or_else: impl FnOnce() -> Error) -> Result<(), Error> {
        self.graph.user(named.key(), &["id"]).await?.map(drop).ok_or_else(or_else)
    }

    /// Whether an earlier step of this run created the person's account, would create it, or was refused.
    fn asked_for_account(&self) -> bool {
        self.created().is_some_and(|created| created != Outcome::Skipped)
    }

    fn created(&self) -> Option<Outcome> {
        self.earlier.outcome_of(CREATES)
    }

    /// The person's account and its groups; both reads at once if the reference can stand in a path.
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
            (Person::ToBeCreated | Person::Absent, _) => Vec::new(),
        };
        Ok((found, groups))
    }

    /// The person's account, its groups, and the groups it owns; all reads at once if the reference can stand in a
    /// path.
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
            (Person::ToBeCreated | Person::Absent, _) => Default::default(),
        };
        Ok((found, groups, owned))
    }
}

/// The groups listed under the person's name, if the name can stand in a path and belongs to an account.
async fn under_name<'a, F>(
    person: &'a PersonRef,
    list: impl FnOnce(&'a str) -> F,
) -> Result<Option<Vec<Group>>, Error>
where
    F: Future<Output = Result<Vec<Group>, msgraph::Error>>,
{
    let Some(name) = person.in_path() else { return Ok(None) };
    match list(name).await {
        // The other read shows whether there is an account.
        Err(error) if error.is_not_found() => Ok(None),
        groups => Ok(Some(groups?)),
    }
}

impl<'a> Deref for View<'a> {
    type Target = msgraph::Reader<'a>;

    fn deref(&self) -> &Self::Target {
        &self.graph
    }
}
