//! What an attempt has read about people and not changed since, so that steps which need the same share one read.
//!
//! **Rule.** Steps of a stage run together, and share what is read meanwhile. When a step has written, or may have,
//! whatever was read before it ended is forgotten, except for what its changes leave as it was. So no later step sees
//! what an earlier one has changed. Nothing is kept for longer than [`KEPT`]. A failure, and that there is no account,
//! is shared with those who asked before the answer came, and with nobody later.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use msgraph::{Belongings, Error, Group, Ownerships, Reader, SubscribedSku, User, UserKey};
use tokio::time::Instant;

use super::pins::reference_of;

/// How long something read is good for: a few round trips, and shorter than a person takes to change something.
const KEPT: Duration = Duration::from_secs(10);

/// The properties that steps need of an account; all are read at once, because one read costs the same with any number.
const ACCOUNT: &[&str] = &[
    "id",
    "userPrincipalName",
    "employeeId",
    "accountEnabled",
    "createdDateTime",
    "onPremisesSyncEnabled",
    "userType",
    "mail",
    "displayName",
    "usageLocation",
    "signInSessionsValidFromDateTime",
    "lastPasswordChangeDateTime",
    "assignedLicenses",
    "licenseAssignmentStates",
];

/// A kind of what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The properties of accounts.
    Accounts,
    /// The groups that people are direct members of.
    Groups,
    /// The groups that people own.
    Owned,
    /// What people belong to, directly and through groups.
    Belongings,
    /// The tenant's subscriptions.
    Subscriptions,
}

/// What an attempt has read about people.
#[derive(Default)]
pub struct Facts {
    /// By identifier, as [`reference_of`] writes it.
    accounts: Shelf<Accounts>,
    /// By the person's name in a path, like the following.
    groups: Shelf<Vec<Group>>,
    owned: Shelf<Ownerships>,
    belongings: Shelf<Belongings>,
    /// Under one name.
    subscriptions: Shelf<Vec<SubscribedSku>>,
    /// What steps that are still to run will read of a person, by all identifiers.
    expected: Mutex<Vec<(String, Fact)>>,
}

/// Reads of accounts, which share what the attempt has read.
#[derive(Clone, Copy)]
pub struct Lookup<'a> {
    pub(super) graph: Reader<'a>,
    /// Nothing if nothing is shared.
    pub(super) facts: Option<&'a Facts>,
}

impl Lookup<'_> {
    /// The account with this object id or name, with at least these properties.
    pub(super) async fn account(self, key: &UserKey, select: &[&str]) -> Result<Option<User>, Error> {
        match (self.facts, key) {
            (Some(facts), UserKey::Id(_) | UserKey::Upn(_)) => {
                Ok(facts.accounts(key, select, self.graph).await?.into_iter().next())
            }
            _ => self.graph.user(key, select).await,
        }
    }

    /// The accounts with this employee id, with at least these properties.
    pub(super) async fn numbered(self, number: &str, select: &[&str]) -> Result<Vec<User>, Error> {
        match self.facts {
            Some(facts) => facts.accounts(&UserKey::EmployeeId(number.to_owned()), select, self.graph).await,
            None => self.graph.users_with_employee_id(number, select).await,
        }
    }
}

/// The accounts with one identifier.
#[derive(Clone)]
struct Accounts {
    users: Vec<User>,
    /// The properties that were read.
    select: Vec<String>,
}

impl Facts {
    /// The accounts with this identifier, with at least these properties.
    async fn accounts(&self, key: &UserKey, select: &[&str], graph: Reader<'_>) -> Result<Vec<User>, Error> {
        let covers = |known: &Accounts, is_of_now: bool| {
            (is_of_now || !known.users.is_empty())
                && select.iter().all(|property| known.select.iter().any(|its| its == property))
        };
        let more = select.iter().filter(|property| !ACCOUNT.contains(property));
        let all: Vec<&str> = ACCOUNT.iter().chain(more).copied().collect();
        let read = async || {
            let users = match key {
                UserKey::EmployeeId(number) => graph.users_with_employee_id(number, &all).await?,
                key => graph.user(key, &all).await?.into_iter().collect(),
            };
            Ok(Accounts { users, select: all.iter().map(|&property| property.to_owned()).collect() })
        };
        let found = self.accounts.get(reference_of(key), covers, read).await?;
        // Once it is known, a person is looked for by the object id.
        if let ([user], false) = (found.users.as_slice(), matches!(key, UserKey::Id(_))) {
            let id = reference_of(&UserKey::Id(user.id.clone()));
            self.accounts.copy(&reference_of(key), id);
        }
        Ok(found.users)
    }

    /// The groups of the person with this name in a path.
    pub(super) async fn groups_of(&self, name: &str, graph: Reader<'_>) -> Result<Vec<Group>, Error> {
        self.groups.get(name.to_lowercase(), |_, _| true, || graph.groups_of(name)).await
    }

    /// What the person with this name in a path owns.
    pub(super) async fn owned_by(&self, name: &str, graph: Reader<'_>) -> Result<Ownerships, Error> {
        self.owned.get(name.to_lowercase(), |_, _| true, || graph.owned_by(name)).await
    }

    /// The tenant's subscriptions.
    pub(super) async fn subscriptions(&self, graph: Reader<'_>) -> Result<Vec<SubscribedSku>, Error> {
        self.subscriptions.get(String::new(), |_, _| true, || graph.subscribed_skus()).await
    }

    /// Notes that a step still to run will read this of a person.
    pub(super) fn expect(&self, person: &str, facts: &[Fact]) {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.extend(facts.iter().map(|fact| (person.to_owned(), *fact)));
    }

    /// What will be read of a person; each only once.
    pub(super) fn take_expected(&self, person: &str) -> Vec<Fact> {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.extract_if(.., |(reference, _)| reference == person).map(|(_, fact)| fact).collect()
    }

    /// What the person with this name in a path belongs to.
    pub(super) async fn belongings(&self, name: &str, graph: Reader<'_>) -> Result<Belongings, Error> {
        self.belongings.get(name.to_lowercase(), |_, _| true, || graph.belongings(name)).await
    }

    /// Whether it is known that neither a role nor a group that can have roles has the person as a member.
    pub(super) fn administers_nothing(&self, name: &str) -> bool {
        self.belongings.peek(&name.to_lowercase()).is_some_and(|belongings| !belongings.administers)
    }

    /// Forgets all of it but this, as soon as what is returned goes.
    pub(super) fn forgetting(&self, spared: Vec<Fact>) -> Forgetting<'_> {
        Forgetting { facts: self, spared }
    }

    fn forget(&self, fact: Fact) {
        match fact {
            Fact::Accounts => self.accounts.forget(),
            Fact::Groups => self.groups.forget(),
            Fact::Owned => self.owned.forget(),
            Fact::Belongings => self.belongings.forget(),
            Fact::Subscriptions => self.subscriptions.forget(),
        }
    }
}

impl Fact {
    const ALL: [Self; 5] = [Self::Accounts, Self::Groups, Self::Owned, Self::Belongings, Self::Subscriptions];

    /// Those that each of these spares.
    pub(super) fn spared_by_all<'a>(spared: impl Iterator<Item = &'a [Self]> + Clone) -> Vec<Self> {
        Self::ALL.into_iter().filter(|fact| spared.clone().all(|its| its.contains(fact))).collect()
    }
}

/// A write: what was read before it ended is forgotten, however it ends.
pub(super) struct Forgetting<'a> {
    facts: &'a Facts,
    /// What the write leaves as it was.
    spared: Vec<Fact>,
}

impl Drop for Forgetting<'_> {
    fn drop(&mut self) {
        let written = Fact::ALL.into_iter().filter(|fact| !self.spared.contains(fact));
        written.for_each(|fact| self.facts.forget(fact));
    }
}

/// The answer to one question. One reads it, and the others wait.
type Slot<T> = Arc<tokio::sync::Mutex<Option<Kept<T>>>>;

/// Answers to one kind of question.
struct Shelf<T> {
    slots: Mutex<HashMap<String, Slot<T>>>,
    /// How often all was forgotten.
    forgotten: AtomicU64,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { slots: Mutex::default(), forgotten: AtomicU64::default() }
    }
}

/// An answer.
#[derive(Clone)]
struct Kept<T> {
    answer: Result<T, Error>,
    answered_at: Instant,
    /// How often all had been forgotten when the read began.
    forgotten: u64,
}

impl<T: Clone> Shelf<T> {
    /// The answer that is known, or that somebody is waiting for, if it fits; or else reads it. `fits` is told whether
    /// the answer came after it was asked for.
    async fn get<F: Future<Output = Result<T, Error>>>(
        &self,
        question: String,
        fits: impl Fn(&T, bool) -> bool,
        read: impl FnOnce() -> F,
    ) -> Result<T, Error> {
        let asked_at = Instant::now();
        let slot = self.slot(question);
        let mut kept = slot.lock().await;
        if let Some(known) = kept.as_ref().filter(|known| self.holds(known)) {
            let is_of_now = known.answered_at >= asked_at;
            match &known.answer {
                Ok(value) if fits(value, is_of_now) => return Ok(value.clone()),
                Err(error) if is_of_now => return Err(error.clone()),
                _ => {}
            }
        }
        let forgotten = self.forgotten.load(Ordering::SeqCst);
        // In a box: most find their answer here, and would hold the size of a read.
        let answer = Box::pin(read()).await;
        *kept = Some(Kept { answer: answer.clone(), answered_at: Instant::now(), forgotten });
        answer
    }

    /// Answers another question like this one, unless somebody is reading its answer.
    fn copy(&self, question: &str, other: String) {
        let (from, to) = (self.slot(question.to_owned()), self.slot(other));
        if let (Ok(from), Ok(mut to)) = (from.try_lock(), to.try_lock()) {
            to.clone_from(&from);
        }
    }

    /// The answer that is known.
    fn peek(&self, question: &str) -> Option<T> {
        let slot = self.slot(question.to_owned());
        let kept = slot.try_lock().ok()?;
        kept.as_ref().filter(|known| self.holds(known))?.answer.clone().ok()
    }

    fn holds(&self, kept: &Kept<T>) -> bool {
        kept.forgotten == self.forgotten.load(Ordering::SeqCst) && kept.answered_at.elapsed() < KEPT
    }

    fn slot(&self, question: String) -> Slot<T> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(question).or_default())
    }
}

impl<T> Shelf<T> {
    fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::client::client;
    use futures_util::future::join;
    use msgraph::Client;
    use msgraph_emulator::{Emulator, Options, Tenant};

    const ADA: &str = "ada@contoso.example";

    struct Read {
        emulator: Emulator,
        client: Client,
        facts: Facts,
    }

    impl Read {
        fn new() -> Self {
            let tenant = Tenant::empty().user(msgraph_emulator::User::new(ADA, "Ada Lovelace"));
            let emulator = Emulator::start(Options::new(tenant)).unwrap();
            let client = client(&emulator);
            Self { emulator, client, facts: Facts::default() }
        }

        async fn account(&self, key: UserKey, select: &[&str]) -> Option<User> {
            let accounts = Lookup { graph: self.client.reader(), facts: Some(&self.facts) };
            accounts.account(&key, select).await.unwrap()
        }

        async fn ada(&self, select: &[&str]) -> User {
            self.account(UserKey::Upn(ADA.to_owned()), select).await.unwrap()
        }

        fn requests(&self) -> usize {
            self.emulator.journal().iter().filter(|entry| !entry.token && entry.batch.is_none()).count()
        }
    }

    #[tokio::test]
    async fn whoever_asks_for_the_same_account_shares_one_read_until_something_is_written() {
        let read = Read::new();
        let (ada, _) = join(read.ada(&["id"]), read.ada(&["accountEnabled"])).await;
        assert_eq!(read.ada(&["userType"]).await.account_enabled, Some(true));
        read.account(UserKey::Id(ada.id.clone()), &["id"]).await.unwrap();
        assert_eq!(read.requests(), 1);
        read.ada(&["jobTitle"]).await;
        assert_eq!(read.requests(), 2, "more than steps usually need");
        let writing = read.facts.forgetting(Vec::new());
        read.ada(&["jobTitle"]).await;
        assert_eq!(read.requests(), 2, "steps of a stage run together");
        read.emulator.with_tenant(|tenant| tenant.set(ADA, "accountEnabled", false)).unwrap();
        drop(writing);
        assert_eq!(read.ada(&["id"]).await.account_enabled, Some(false));
        assert_eq!(read.requests(), 3);
        read.account(UserKey::Id(ada.id), &["id"]).await.unwrap();
        assert_eq!(read.requests(), 3);
    }

    #[tokio::test]
    async fn what_was_read_while_something_was_written_is_for_its_reader_alone() {
        let read = Read::new();
        let (reading, writing) = (read.ada(&["id"]), read.facts.forgetting(Vec::new()));
        let write = async {
            tokio::task::yield_now().await;
            drop(writing);
        };
        join(reading, write).await;
        read.ada(&["id"]).await;
        assert_eq!(read.requests(), 2);
    }

    #[test]
    fn a_step_forgets_whatever_one_of_its_changes_may_alter() {
        let (all, one): (&[Fact], &[Fact]) = (&Fact::ALL, &[Fact::Owned]);
        assert_eq!(Fact::spared_by_all([all, one].into_iter()), [Fact::Owned]);
        assert_eq!(Fact::spared_by_all([one, &[]].into_iter()), []);
    }

    #[tokio::test]
    async fn what_a_write_leaves_as_it_was_is_not_read_again() {
        let read = Read::new();
        let groups = async || read.facts.groups_of(ADA, read.client.reader()).await.unwrap();
        join(read.ada(&["id"]), groups()).await;
        drop(read.facts.forgetting(vec![Fact::Accounts]));
        read.ada(&["id"]).await;
        let before = read.requests();
        groups().await;
        assert_eq!((before, read.requests()), (1, 2));
    }

    #[tokio::test]
    async fn nobody_is_there_only_for_those_who_ask_meanwhile() {
        let read = Read::new();
        let nobody = || UserKey::Upn("grace@contoso.example".to_owned());
        let (first, second) = join(read.account(nobody(), &["id"]), read.account(nobody(), &["id"])).await;
        assert_eq!((first, second, read.requests()), (None, None, 1));
        assert_eq!(read.account(nobody(), &["id"]).await, None);
        assert_eq!(read.requests(), 2);
    }
}
