//! People whom no run changes without an operator's release, in one tenant.
//!
//! **Rule.** Before each attempt of a run writes anything, everybody whom one of its steps changes is looked up: the
//! account, with the roles and groups it has now. Whoever is protected ends the run as `protected`; where that cannot be
//! told, as `protection_unknown`. Somebody who was not found at first is looked up again by
//! each step, before the step writes.
//!
//! Only somebody who is *changed* counts: the person of a step, and the sender of a mail. A manager, a successor or a
//! recipient gets something and stays as before.
//!
//! A person's own roles and groups are read in each attempt. What cannot be read from the person (who may activate a role,
//! who has one for a part of the directory) is read from the roles, and kept for [`KEPT`].

pub(crate) mod guard;
pub(crate) mod look;
mod people;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{try_join, try_join_all};
use msgraph::{GLOBAL_ADMINISTRATOR, Reader};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::Error;

pub use people::ProtectedPeople;

/// How long the lists of a tenant are kept: long enough for a burst of runs, shorter than a change of roles matters.
const KEPT: Duration = Duration::from_secs(60);

/// How long a run waits for another one to read the lists before it reads them itself.
const SHARED_FOR: Duration = Duration::from_secs(1);

/// The permission that shows roles.
const READS_ROLES: &str = "RoleManagement.Read.Directory";

/// Whom no run changes in one tenant, with what was read about it.
#[derive(Default)]
pub struct Protection {
    people: ProtectedPeople,
    lists: Mutex<Option<(Instant, Arc<Lists>)>>,
    /// Held by the one run that changes a Global Administrator: two at once would each see the other one.
    administrators: Arc<Mutex<()>>,
}

/// The protected roles and groups, as the tenant has them.
#[derive(Debug, Default)]
struct Lists {
    /// The object ids of the groups.
    groups: BTreeSet<String>,
    roles: Vec<RoleHolders>,
}

/// Who has one role.
#[derive(Debug)]
struct RoleHolders {
    name: String,
    template: String,
    active: BTreeSet<String>,
    /// Who may activate it; nothing if that may not be read.
    eligible: Option<BTreeSet<String>>,
}

impl Protection {
    /// Of these people.
    pub fn new(people: ProtectedPeople) -> Self {
        Self { people, lists: Mutex::default(), administrators: Arc::default() }
    }

    /// Whether nobody is protected by a role: only then may a tenant be changed whose roles cannot be read.
    pub fn ignores_roles(&self) -> bool {
        self.people.roles.is_empty()
    }

    /// Reads what has to be known about the tenant, and says what cannot be known.
    ///
    /// # Errors
    ///
    /// `protection_unknown`: nothing may be written. Other errors are Graph's.
    pub async fn test(&self, graph: Reader<'_>) -> Result<Vec<String>, Error> {
        let grants = graph.grants().await?;
        let is_told = !grants.permissions.is_empty();
        if is_told && !self.people.needs_no_belongings() && !grants.covers("User.Read.All") {
            return Err(unknown(
                "roles and groups of people cannot be read; grant the application User.Read.All",
            ));
        }
        let lists = self.read(graph).await?;
        let blind = lists.roles.iter().filter(|role| role.eligible.is_none()).map(|role| role.name.as_str());
        let blind: Vec<_> = blind.collect();
        let mut notes = Vec::new();
        if !blind.is_empty() {
            notes.push(format!(
                "who may activate {} (Privileged Identity Management) cannot be read, so these people are protected \
                 only while the role is active; reading it needs {READS_ROLES} and Entra ID P2",
                blind.join(" or ")
            ));
        }
        if self.ignores_roles() {
            notes.push(
                "protected.roles is empty: administrators are changed like anybody else, except for the last enabled \
                 Global Administrator"
                    .to_owned(),
            );
        }
        Ok(notes)
    }

    /// The lists, at most [`KEPT`] old. Runs that need them at once share one look.
    async fn lists(&self, graph: Reader<'_>) -> Result<Arc<Lists>, Error> {
        // Whoever reads them may wait for somebody else's slow answer in the same batch: a lock-out does not.
        let Ok(mut kept) = timeout(SHARED_FOR, self.lists.lock()).await else {
            return Ok(Arc::new(self.read(graph).await?));
        };
        if let Some((read_at, lists)) = kept.as_ref()
            && read_at.elapsed() < KEPT
        {
            return Ok(Arc::clone(lists));
        }
        let lists = Arc::new(self.read(graph).await?);
        *kept = Some((Instant::now(), Arc::clone(&lists)));
        Ok(lists)
    }

    async fn read(&self, graph: Reader<'_>) -> Result<Lists, Error> {
        let groups = try_join_all(self.people.groups.iter().map(|group| group_ids(group, graph)));
        let roles = try_join_all(
            self.people.roles.iter().map(|(name, template)| RoleHolders::read(name, template, graph)),
        );
        let (groups, roles) = try_join(groups, roles).await?;
        Ok(Lists { groups: groups.into_iter().flatten().collect(), roles })
    }
}

impl RoleHolders {
    async fn read(name: &str, template: &str, graph: Reader<'_>) -> Result<Self, Error> {
        let active =
            async { graph.role_holders(template).await.map_err(|error| hidden(error, "directory roles")) };
        let eligible = async {
            match graph.eligible_for_role(template).await {
                Ok(principals) => Ok(Some(principals)),
                Err(error) if error.is_forbidden() || error.is_not_bought() => Ok(None),
                Err(error) => Err(Error::from(error)),
            }
        };
        let (active, eligible) = try_join(active, eligible).await?;
        Ok(Self { name: name.to_owned(), template: template.to_owned(), active, eligible })
    }
}

/// The ids of the groups that a setting names.
async fn group_ids(group: &str, graph: Reader<'_>) -> Result<Vec<String>, Error> {
    if Uuid::try_parse(group).is_ok() {
        return Ok(vec![group.to_lowercase()]);
    }
    let found = graph.groups_named(group).await.map_err(|error| hidden(error, "groups"))?;
    if found.is_empty() {
        return Err(unknown(&format!("protected.groups names `{group}`, and no group has that name")));
    }
    Ok(found.into_iter().map(|group| group.id.to_lowercase()).collect())
}

/// Whether another Global Administrator than this one can sign in.
async fn has_another_administrator(user_id: &str, graph: Reader<'_>) -> Result<bool, Error> {
    let holders = graph.role_holders(GLOBAL_ADMINISTRATOR).await?;
    let others = holders.iter().filter(|holder| !holder.eq_ignore_ascii_case(user_id));
    let can_sign_in = try_join_all(others.map(async |holder| {
        let key = msgraph::UserKey::Id(holder.clone());
        if let Some(user) = graph.user(&key, &["accountEnabled"]).await? {
            return Ok(user.account_enabled == Some(true));
        }
        // Not a person: a group whose members hold the role, or an application.
        match graph.members(holder).await {
            Ok(members) => Ok(members.iter().any(|member| {
                !member.id.eq_ignore_ascii_case(user_id) && member.account_enabled == Some(true)
            })),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(Error::from(error)),
        }
    }));
    Ok(can_sign_in.await?.contains(&true))
}

fn hidden(error: msgraph::Error, what: &str) -> Error {
    if !error.is_forbidden() {
        return error.into();
    }
    unknown(&format!("{what} cannot be read; grant the application {READS_ROLES} and User.Read.All"))
        .explains(error)
}

fn unknown(why: &str) -> Error {
    let detail = format!(
        "nobody can tell who is protected, so nothing is written: {why}; to change administrators like anybody else, \
         set protected.roles to []"
    );
    Error::blocked(UNKNOWN, detail)
}

/// The code of a refusal because of somebody who is protected.
pub const PROTECTED: &str = "protected";
/// The code of a refusal because nobody can tell who is protected.
pub const UNKNOWN: &str = "protection_unknown";
