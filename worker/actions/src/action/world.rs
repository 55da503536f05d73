//! The tenant as one attempt at a run sees it.
//!
//! The groups that steps name, and the tenant's domains, are looked up before the first write of a run, and the steps
//! need them again in their turn. Within one attempt, which lasts minutes at most, a name means the group that it meant
//! at first. What is read about people holds until a step writes (`facts.rs`).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use msgraph::{Client, Fence, Group, Reader};
use outcome::Protected;
use tokio::sync::OnceCell;

use super::error::Error;
use super::facts::Facts;
use crate::protection::Protection;
use crate::protection::guard::Guard;

/// What the steps of one attempt act on.
pub struct World {
    client: Client,
    known: Known,
    guard: Option<Guard>,
}

impl World {
    /// For one attempt in the tenant of this client.
    pub fn of(client: &Client) -> Self {
        Self { client: client.clone(), known: Known::default(), guard: None }
    }

    /// The same, where an attempt changes nobody who is protected and not released.
    #[must_use]
    pub fn guarded(self, protection: &Arc<Protection>, released: &[Protected]) -> Self {
        Self { guard: Some(Guard::new(protection, released)), ..self }
    }

    /// The same, where this fence is asked before each write.
    #[must_use]
    pub fn fenced(mut self, fence: Arc<dyn Fence>) -> Self {
        self.client = self.client.fenced(fence);
        self
    }

    /// The same, where mail may also leave to these domains.
    #[must_use]
    pub fn mailing_to(mut self, domains: &[String]) -> Self {
        self.known.outside = domains.to_vec();
        self
    }

    /// Whom the attempt may not change.
    pub fn refused(&self) -> Vec<Protected> {
        self.guard.as_ref().map(Guard::refused).unwrap_or_default()
    }

    pub(super) fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn known(&self) -> &Known {
        &self.known
    }
}

/// The longest display name that Graph finds (Microsoft Graph, "Known issues", 2023, read 2026-11-29).
const LONGEST_NAME: usize = 120;

/// What an attempt has looked up. An error is not remembered.
#[derive(Default)]
pub struct Known {
    /// By the name or id in the step.
    groups: Mutex<HashMap<String, Arc<OnceCell<Vec<Group>>>>>,
    domains: OnceCell<Option<Vec<String>>>,
    /// About people, until a step writes.
    facts: Facts,
    /// The domains outside to which mail may go, by the settings.
    outside: Vec<String>,
}

impl Known {
    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The groups with this name or id.
    pub(super) async fn groups(&self, reference: &str, graph: Reader<'_>) -> Result<Vec<Group>, Error> {
        let cell = self.cell(reference);
        Ok(cell.get_or_try_init(|| groups(reference, graph)).await?.clone())
    }

    /// Looks up in as few requests as possible the groups with these names, as far as they are not known.
    pub(super) async fn look_up_names(&self, references: &[&str], graph: Reader<'_>) -> Result<(), Error> {
        let is_open = |name: &&str| {
            let is_name = uuid::Uuid::try_parse(name).is_err() && name.chars().count() <= LONGEST_NAME;
            is_name && self.cell(name).get().is_none()
        };
        let names: BTreeSet<&str> = references.iter().copied().filter(is_open).collect();
        let names: Vec<_> = names.into_iter().collect();
        if names.len() < 2 {
            return Ok(());
        }
        let found = graph.groups_with_names(&names).await?;
        for (name, groups) in by_name(&names, &found) {
            // Whoever asked meanwhile has the same answer.
            let _known = self.cell(name).set(groups);
        }
        Ok(())
    }

    fn cell(&self, reference: &str) -> Arc<OnceCell<Vec<Group>>> {
        let mut cells = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(reference.to_owned()).or_default())
    }

    /// Whether mail may leave to this address, by the settings.
    pub(super) fn may_mail_to(&self, address: &str) -> bool {
        let domain = address.rsplit('@').next().unwrap_or_default();
        self.outside.iter().any(|allowed| allowed.eq_ignore_ascii_case(domain))
    }

    /// The tenant's verified domains.
    pub(super) async fn domains(&self, graph: Reader<'_>) -> Result<Option<Vec<String>>, Error> {
        Ok(self.domains.get_or_try_init(|| domains(graph)).await?.clone())
    }
}

/// The groups of each name; nothing where the directory found one that has none of the names as far as we can tell:
/// it compares in another way than we do, so it alone can say who has which name.
fn by_name<'a>(names: &[&'a str], found: &[Group]) -> Vec<(&'a str, Vec<Group>)> {
    let has = |group: &Group, name: &str| {
        group.display_name.as_ref().is_some_and(|its| its.to_lowercase() == name.to_lowercase())
    };
    if !found.iter().all(|group| names.iter().any(|name| has(group, name))) {
        return Vec::new();
    }
    let of = |name| (name, found.iter().filter(|group| has(group, name)).cloned().collect());
    names.iter().copied().map(of).collect()
}

/// The groups with this name or id.
pub(super) async fn groups(reference: &str, graph: Reader<'_>) -> Result<Vec<Group>, Error> {
    Ok(match uuid::Uuid::try_parse(reference) {
        Ok(_) => graph.group(reference).await?.into_iter().collect(),
        Err(_) => graph.groups_named(reference).await?,
    })
}

/// The tenant's verified domains, if they may be read. Otherwise Graph refuses other domains, with less detail.
pub(super) async fn domains(graph: Reader<'_>) -> Result<Option<Vec<String>>, Error> {
    match graph.organization().await {
        Ok(organization) => {
            let domains = organization.and_then(|organization| organization.verified_domains);
            Ok(domains.map(|domains| domains.into_iter().map(|domain| domain.name).collect()))
        }
        Err(error) if error.is_forbidden() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::client::client;
    use msgraph_emulator::{Emulator, Options, Tenant};

    #[tokio::test]
    async fn names_are_looked_up_together_and_each_once() {
        let groups = ["Sales", "Engineers", "Engineers"].map(msgraph_emulator::Group::security);
        let tenant = groups.into_iter().fold(Tenant::empty(), Tenant::group);
        let emulator = Emulator::start(Options::new(tenant)).unwrap();
        let client = client(&emulator);
        let known = Known::default();
        let names = ["sales", "Engineers", "No Such Group", "Engineers"];
        known.look_up_names(&names, client.reader()).await.unwrap();
        for (name, count) in names.into_iter().zip([1, 2, 0, 2]) {
            assert_eq!(known.groups(name, client.reader()).await.unwrap().len(), count, "{name}");
        }
        known.look_up_names(&names, client.reader()).await.unwrap();
        assert_eq!(emulator.journal().iter().filter(|entry| !entry.token).count(), 1);
    }

    #[test]
    fn a_group_that_has_none_of_the_names_leaves_them_to_the_directory() {
        let group = |name: &str| Group { display_name: Some(name.to_owned()), ..Group::default() };
        let found = [group("sales"), group("Caf\u{e9}")];
        let of = |names: &[&'static str]| by_name(names, &found).into_iter().map(|(name, _)| name).collect();
        let known: Vec<&str> = of(&["Sales", "CAF\u{c9}"]);
        assert_eq!(known, ["Sales", "CAF\u{c9}"]);
        assert_eq!(of(&["Sales", "Cafe"]), [""; 0]);
    }
}
