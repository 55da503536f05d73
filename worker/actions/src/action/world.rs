//! The tenant as one attempt at a run sees it.
//!
//! The groups that steps name, and the tenant's domains, are looked up before the first write of a run, and the steps
//! need them again in their turn. Within one attempt, which lasts minutes at most, a name means the group that it meant
//! at first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use msgraph::{Client, Group, Reader};
use outcome::Protected;
use tokio::sync::OnceCell;

use super::error::Error;
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

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn known(&self) -> &Known {
        &self.known
    }
}

/// What an attempt has looked up. An error is not remembered.
#[derive(Default)]
pub struct Known {
    /// By the name or id in the step.
    groups: Mutex<HashMap<String, Arc<OnceCell<Vec<Group>>>>>,
    domains: OnceCell<Option<Vec<String>>>,
    /// The domains outside to which mail may go, by the settings.
    outside: Vec<String>,
}

impl Known {
    /// The groups with this name or id.
    pub(super) async fn groups(&self, reference: &str, graph: Reader<'_>) -> Result<Vec<Group>, Error> {
        let cell = {
            let mut cells = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(reference.to_owned()).or_default())
        };
        Ok(cell.get_or_try_init(|| groups(reference, graph)).await?.clone())
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
        Ok(organization) => Ok(organization.map(|organization| {
            organization.verified_domains.into_iter().map(|domain| domain.name).collect()
        })),
        Err(error) if error.is_forbidden() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
