//! Reads of the tenant, and what the run has done so far.

use std::ops::Deref;

use futures_util::future::{try_join, try_join3};
use msgraph::{Group, UserKey};
use serde::de::DeserializeOwned;
use serde_json::Value;
use workflow::{Earlier, OutcomeKind};

use super::error::Error;
use super::person::{Person, PersonRef};

/// The action that makes accounts: what it did earlier in a run decides what an absent account means.
const CREATES: &str = "create_user";

/// Reads of the tenant, with what this run has made so far.
#[derive(Clone, Copy)]
pub struct View<'a> {
    graph: msgraph::Reader<'a>,
    earlier: Earlier<'a>,
    memo: Option<&'a Value>,
    replays: u32,
}

impl<'a> View<'a> {
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
        matches!(self.earlier.outcome_of(action), Some(OutcomeKind::Planned | OutcomeKind::Changed))
    }

    /// What earlier looks of this step have noted. A note of another form is passed over: it is only a hint.
    pub fn notes<N: DeserializeOwned>(&self) -> Vec<N> {
        let notes = self.memo.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        notes.iter().filter_map(|note| N::deserialize(note).ok()).collect()
    }

    /// Whether this action was a step before this stage that did, or would do, what it is there for.
    pub fn has_run(&self, action: &str) -> bool {
        let ran = [OutcomeKind::Planned, OutcomeKind::Changed, OutcomeKind::Unchanged];
        self.earlier.outcome_of(action).is_some_and(|outcome| ran.contains(&outcome))
    }

    /// The person's account, with these properties.
    ///
    /// Where an earlier step of the run made it, an account that does not show is replication taking its time,
    /// and where an earlier step of a plan would make it, it is [`Person::ToBeCreated`]. In such a run the name that
    /// the event gives can be somebody else's, for whom the person has another: there the employee id decides.
    pub async fn person(&self, person: &PersonRef, select: &[&str]) -> Result<Person, Error> {
        Ok(self.find(person, select).await?.0)
    }

    /// The person's account, and whether it is the one under the name in [`PersonRef::in_path`].
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
            (None, Some(OutcomeKind::Planned | OutcomeKind::Waiting)) => Person::ToBeCreated,
            (None, Some(OutcomeKind::Changed | OutcomeKind::Unchanged)) => return Err(Error::NotYetVisible),
            (None, Some(OutcomeKind::Skipped | OutcomeKind::Failed) | None) => Person::Absent,
        };
        Ok((person, false))
    }

    /// Whether an earlier step of this run made the person's account, would make it, or was refused.
    fn asked_for_account(&self) -> bool {
        self.created().is_some_and(|created| created != OutcomeKind::Skipped)
    }

    fn created(&self) -> Option<OutcomeKind> {
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
            (Person::ToBeCreated | Person::Absent, _) => Vec::new(),
        };
        Ok((found, groups))
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
            (Person::ToBeCreated | Person::Absent, _) => Default::default(),
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

impl<'a> Deref for View<'a> {
    type Target = msgraph::Reader<'a>;

    fn deref(&self) -> &Self::Target {
        &self.graph
    }
}
