//! Reads of the tenant, together with what the run has done so far.

use std::ops::Deref;

use futures_util::future::{join, try_join, try_join3};
use jiff::Timestamp;
use msgraph::{Belongings, Group, Ownerships, SubscribedSku, User, UserKey};
use outcome::{Left, Outcome, Pinned};
use serde::de::DeserializeOwned;
use serde_json::Value;
use workflow::{Call, Earlier};

use super::error::Error;
use super::facts::{Fact, Lookup};
use super::identity::{self, Found, Notices};
use super::person::{Person, PersonRef};
use super::pins::{self, Pins};
use super::world::{self, Known, World};

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
    pins: Option<Pins<'a>>,
    notices: Option<&'a Notices>,
    known: Option<&'a Known>,
    literal: &'a [String],
}

impl<'a> View<'a> {
    /// Reads after these steps of the run, for a step with this memo.
    pub fn new(graph: msgraph::Reader<'a>, earlier: Earlier<'a>, memo: Option<&'a Value>) -> Self {
        Self {
            graph,
            earlier,
            memo,
            replays: 0,
            due_since: Timestamp::MIN,
            pins: None,
            notices: None,
            known: None,
            literal: &[],
        }
    }

    /// Reads for this call of a step, which may remove something for good.
    pub fn of(call: &Call<'a, World>, graph: msgraph::Reader<'a>, removes_for_good: bool) -> Self {
        let &Call { earlier, before, people, memo, replays, sleeps, due_since, literal, .. } = call;
        let (first_seen, first_sight) = (call.first_seen, call.first_sight);
        let pins = Some(Pins { people, before, first_seen, first_sight, sleeps, removes_for_good });
        Self { replays, due_since, pins, literal, ..Self::new(graph, earlier, memo) }
            .remembering(call.world.known())
    }

    /// These reads, for a step whose author wrote these parameters out.
    pub fn written_out(self, literal: &'a [String]) -> Self {
        Self { literal, ..self }
    }

    /// Whether the workflow's author wrote this parameter out, without a template. Only for a powerful one.
    pub fn is_written_out(&self, parameter: &str) -> bool {
        self.literal.iter().any(|literal| literal == parameter)
    }

    /// These reads, which look up once what is known from then on.
    pub fn remembering(self, known: &'a Known) -> Self {
        Self { known: Some(known), ..self }
    }

    /// The tenant's verified domains; nothing if the application may not read them.
    pub async fn domains(&self) -> Result<Option<Vec<String>>, Error> {
        match self.known {
            Some(known) => known.domains(self.graph).await,
            None => world::domains(self.graph).await,
        }
    }

    /// Whether the settings let mail leave to this address.
    pub fn may_mail_to(&self, address: &str) -> bool {
        self.known.is_some_and(|known| known.may_mail_to(address))
    }

    /// The groups with this name, or the group with this id.
    pub async fn groups_with(&self, reference: &str) -> Result<Vec<Group>, Error> {
        match self.known {
            Some(known) => known.groups(reference, self.graph).await,
            None => world::groups(reference, self.graph).await,
        }
    }

    /// The groups with these names or ids, for [`Self::groups_with`], in as few requests as possible.
    pub async fn look_up_groups(&self, references: &[&str]) -> Result<(), Error> {
        match self.known {
            Some(known) => known.look_up_names(references, self.graph).await,
            None => Ok(()),
        }
    }

    /// These reads, which note here what a reference gives and the tenant does not know.
    pub fn noting(self, notices: &'a Notices) -> Self {
        Self { notices: Some(notices), ..self }
    }

    /// When the step became due, by the worker's clock.
    pub fn due_since(&self) -> Timestamp {
        self.due_since
    }

    /// When the run first looked at the tenant, by Graph's clock. It has written nothing before.
    pub fn first_sight(&self) -> Option<Timestamp> {
        self.pins?.first_sight
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

    /// Whether this action has failed in an earlier stage. A replay repeats it, so no other step reports on its
    /// objects.
    pub fn has_failed(&self, action: &str) -> bool {
        self.earlier.outcome_of(action) == Some(Outcome::Failed)
    }

    /// The person's account, with these properties.
    ///
    /// An account that the run has found before is found by its object id, whatever its name is now.
    ///
    /// If an earlier step of the run created the account and Graph does not show it, replication is still under way.
    /// If an earlier step of a dry run would create it, it is [`Person::ToBeCreated`]. In both cases the event's name
    /// can belong to another person, because the account got a later name: then the employee id decides.
    pub async fn person(&self, person: &PersonRef, select: &[&str]) -> Result<Person, Error> {
        Ok(self.find(person, select).await?.0)
    }

    /// The person's account, and whether it is the one with the name of [`View::in_path`].
    pub async fn find(&self, person: &PersonRef, select: &[&str]) -> Result<(Person, bool), Error> {
        let (found, is_named) = match self.pinned(person) {
            Some(pinned) => (self.again(person, &pinned, select).await?, true),
            None => Box::pin(self.find_by_name(person, select)).await?,
        };
        let person = match (found, self.created()) {
            (Some(user), _) => return Ok((Person::Present(Box::new(user)), is_named)),
            (None, Some(Outcome::Planned | Outcome::Waiting)) => Person::ToBeCreated,
            (None, Some(Outcome::Changed | Outcome::Unchanged)) => return Err(Error::NotYetVisible),
            (None, Some(Outcome::Skipped | Outcome::Failed) | None) => Person::Absent,
        };
        Ok((person, false))
    }

    /// Looks up another person that a step names. `or_else` makes the error for a person without an account.
    pub async fn must_find(&self, named: &PersonRef, or_else: impl FnOnce() -> Error) -> Result<(), Error> {
        let found = identity::find(self.accounts(), named, &["id"]).await;
        match found {
            Ok(Found { user, .. }) => user.map(drop).ok_or_else(or_else),
            // Whatever is wrong with the reference is about the parameter that names the person.
            Err(error) => Err(match or_else() {
                Error::Rejected { parameters, .. } => error.about(parameters),
                _ => error,
            }),
        }
    }

    /// An account that is not the run's person, such as the manager, with these properties.
    pub async fn other(&self, person: &PersonRef, select: &[&str]) -> Result<Option<User>, Error> {
        match self.pinned(person) {
            Some(pinned) => self.again(person, &pinned, select).await,
            None => {
                let Found { user, notices, .. } =
                    identity::find(self.accounts(), person, &self.select(select)).await?;
                self.seen_first(person, user, notices)
            }
        }
    }

    /// The reads of accounts.
    pub(super) fn accounts(&self) -> Lookup<'a> {
        Lookup { graph: self.graph, facts: self.known.map(Known::facts) }
    }

    /// The account with this identifier, with at least these properties.
    pub async fn user(&self, key: &UserKey, select: &[&str]) -> Result<Option<User>, msgraph::Error> {
        self.accounts().account(key, select).await
    }

    /// The groups that the person with this name in a path is a direct member of.
    pub async fn groups_of(&self, name: &str) -> Result<Vec<Group>, msgraph::Error> {
        match self.known {
            Some(known) => known.facts().groups_of(name, self.graph).await,
            None => self.graph.groups_of(name).await,
        }
    }

    /// What the person with this name in a path owns.
    pub async fn owned_by(&self, name: &str) -> Result<Ownerships, msgraph::Error> {
        match self.known {
            Some(known) => known.facts().owned_by(name, self.graph).await,
            None => self.graph.owned_by(name).await,
        }
    }

    /// The tenant's subscriptions.
    pub async fn subscribed_skus(&self) -> Result<Vec<SubscribedSku>, msgraph::Error> {
        match self.known {
            Some(known) => known.facts().subscriptions(self.graph).await,
            None => self.graph.subscribed_skus().await,
        }
    }

    /// Reads what later steps will read of this person. Whatever keeps it from an answer, they meet.
    async fn read_ahead(&self, person: &PersonRef) {
        let (Some(known), Some(name)) = (self.known, self.in_path(person)) else { return };
        let expected = known.facts().take_expected(&person.reference());
        let owned = async {
            if expected.contains(&Fact::Owned) {
                let _met_by_the_step = self.owned_by(&name).await;
            }
        };
        let subscriptions = async {
            if expected.contains(&Fact::Subscriptions) {
                let _met_by_the_step = self.subscribed_skus().await;
            }
        };
        join(owned, subscriptions).await;
    }

    /// What the person with this name in a path belongs to, directly and through groups.
    pub async fn belongings(&self, name: &str) -> Result<Belongings, msgraph::Error> {
        match self.known {
            Some(known) => known.facts().belongings(name, self.graph).await,
            None => self.graph.belongings(name).await,
        }
    }

    /// Whether the attempt has read that the person with this name in a path holds no role, nor is in a group that can
    /// have roles.
    pub fn administers_nothing(&self, name: &str) -> bool {
        self.known.is_some_and(|known| known.facts().administers_nothing(name))
    }

    /// The person by the object id, if the run has found the account before, and otherwise as named.
    pub fn key(&self, person: &PersonRef) -> UserKey {
        self.pinned(person).map_or_else(|| person.key().clone(), |pinned| UserKey::Id(pinned.object_id))
    }

    /// The name of the person in a Graph path, so that reads below it need not wait for the object id.
    pub fn in_path(&self, person: &PersonRef) -> Option<String> {
        match self.key(person) {
            UserKey::Id(id) => Some(id),
            // Graph accepts a name that begins with a dollar sign in parentheses only.
            UserKey::Upn(upn) => Some(upn).filter(|upn| !upn.starts_with('$')),
            UserKey::EmployeeId(_) => None,
        }
    }

    /// The account that the run has found for this person. Once the run has asked for an account, the employee id
    /// decides whether that one was the person's.
    fn pinned(&self, person: &PersonRef) -> Option<Pinned> {
        let pinned = self.pins?.find(person)?;
        let number = person.beside_upn().filter(|_| self.asked_for_account());
        number.is_none_or(|number| pins::has_number(&pinned, number)).then_some(pinned)
    }

    /// The account found before, if it still exists.
    async fn again(
        &self,
        person: &PersonRef,
        pinned: &Pinned,
        select: &[&str],
    ) -> Result<Option<User>, Error> {
        let Some(pins) = self.pins else { return Ok(None) };
        let id = UserKey::Id(pinned.object_id.clone());
        let select = pins.select(select, false);
        if let Some(user) = self.user(&id, &select).await? {
            pins.check_number(person, pinned, &user, self.earlier)?;
            pins.check_returned(&user, pinned.was_disabled)?;
            if self.earlier.is_empty() {
                self.note(pinned.notices.clone());
            }
            // Only a step that asks for it notes that the account is disabled.
            let is_asked = select.contains(&"accountEnabled");
            let account_enabled = user.account_enabled.filter(|_| is_asked);
            pins.pin(person, &User { account_enabled, ..user.clone() }, &[]);
            return Ok(Some(user));
        }
        if pins.had_name(person, pinned)
            && let Some(other) = self.graph.user(person.key(), &["id"]).await?
        {
            return Err(pins::replaced(pinned, &other));
        }
        Ok(None)
    }

    /// The account as named, and whether it has the name of [`View::in_path`].
    async fn find_by_name(&self, person: &PersonRef, select: &[&str]) -> Result<(Option<User>, bool), Error> {
        let mut select = self.select(select);
        let Some(number) = person.beside_upn().filter(|_| self.asked_for_account()) else {
            let Found { user, by_key, notices } = identity::find(self.accounts(), person, &select).await?;
            return Ok((self.seen_first(person, user, notices)?, by_key));
        };
        if !select.contains(&"employeeId") {
            select.push("employeeId");
        }
        let named = self.user(person.key(), &select).await?;
        let named = named.filter(|user| user.employee_id.as_deref() == Some(number));
        let (user, is_named) = match named {
            Some(user) => (Some(user), true),
            None => (self.graph.user(&UserKey::EmployeeId(number.to_owned()), &select).await?, false),
        };
        Ok((self.seen_first(person, user, Vec::new())?, is_named))
    }

    fn note(&self, found: Vec<Left>) {
        if let Some(notices) = self.notices {
            notices.extend(found);
        }
    }

    fn select<'s>(&self, select: &[&'s str]) -> Vec<&'s str> {
        self.pins.map_or_else(|| select.to_vec(), |pins| pins.select(select, true))
    }

    /// Pins an account that was found under a name, and says what was noticed.
    fn seen_first(
        &self,
        person: &PersonRef,
        user: Option<User>,
        notices: Vec<Left>,
    ) -> Result<Option<User>, Error> {
        if let (Some(pins), Some(user)) = (self.pins, &user) {
            pins.pin(person, user, &notices);
            let was_disabled = pins.find(person).is_some_and(|pinned| pinned.was_disabled);
            pins.check_returned(user, was_disabled)?;
        }
        self.note(notices);
        Ok(user)
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
        let name = self.in_path(person);
        let groups = under_name(name.as_deref(), |name| self.groups_of(name));
        let seen = try_join(self.find(person, select), groups);
        let ((found, is_named), groups) = join(seen, self.read_ahead(person)).await.0?;
        let groups = match (&found, groups.filter(|_| is_named)) {
            (Person::Present(_), Some(groups)) => groups,
            (Person::Present(user), None) => self.groups_of(&user.id).await?,
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
        let name = self.in_path(person);
        let groups = under_name(name.as_deref(), |name| self.groups_of(name));
        let owned = under_name(name.as_deref(), |name| self.owned_by(name));
        let ((found, is_named), groups, owned) = try_join3(self.find(person, select), groups, owned).await?;
        let (groups, owned) = match (&found, groups.zip(owned).filter(|_| is_named)) {
            (Person::Present(_), Some(both)) => both,
            (Person::Present(user), None) => {
                try_join(self.groups_of(&user.id), self.owned_by(&user.id)).await?
            }
            (Person::ToBeCreated | Person::Absent, _) => Default::default(),
        };
        Ok((found, groups, owned.groups))
    }
}

/// What is listed under the person's name, if the name can stand in a path and belongs to an account.
async fn under_name<'a, T, F>(
    name: Option<&'a str>,
    list: impl FnOnce(&'a str) -> F,
) -> Result<Option<T>, Error>
where
    F: Future<Output = Result<T, msgraph::Error>>,
{
    let Some(name) = name else { return Ok(None) };
    match list(name).await {
        // The other read shows whether there is an account.
        Err(error) if error.is_not_found() => Ok(None),
        listed => Ok(Some(listed?)),
    }
}

impl<'a> Deref for View<'a> {
    type Target = msgraph::Reader<'a>;

    fn deref(&self) -> &Self::Target {
        &self.graph
    }
}
