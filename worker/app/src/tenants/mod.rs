//! The configured tenants, by name.

pub mod clock;
pub mod connection_test;
mod pause;
pub mod share;
pub mod syncs;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use msgraph::{Client, Error, Observer};
use outcome::Failure;

use self::clock::Clock;
use self::pause::Pause;
use crate::delivery::work::PutOff;
use crate::settings::Config;
use crate::settings::error::ConfigError;

/// Makes what watches the client of the tenant with this name.
pub type Observe<'a> = &'a dyn Fn(&str) -> Arc<dyn Observer>;

/// Nobody watches.
pub fn unobserved(_tenant: &str) -> Arc<dyn Observer> {
    Arc::new(())
}

/// A Graph client for each configured tenant. Clones share connections, tokens, limits, pauses and the clock.
#[derive(Clone)]
pub struct Tenants {
    tenants: BTreeMap<String, Tenant>,
    clock: Clock,
}

#[derive(Clone)]
struct Tenant {
    client: Client,
    pause: Pause,
}

impl Tenants {
    /// Makes the clients. Reads the credentials' files, but opens no connection yet.
    ///
    /// # Errors
    ///
    /// Invalid settings and unusable files. The error names the tenant.
    pub fn new(config: &Config, observe: Observe<'_>) -> Result<Self, ConfigError> {
        Self::made(config, observe, |_| true)
    }

    /// The same for whoever can do without some of the tenants: a credential's file that is missing or unusable is no
    /// error yet.
    ///
    /// # Errors
    ///
    /// Invalid settings. The error names the tenant.
    pub fn as_far_as_usable(config: &Config, observe: Observe<'_>) -> Result<Self, ConfigError> {
        Self::made(config, observe, |error| !error.is_credentials())
    }

    fn made(
        config: &Config,
        observe: Observe<'_>,
        is_fatal: impl Fn(&Error) -> bool,
    ) -> Result<Self, ConfigError> {
        if config.tenants.is_empty() {
            return Err(none());
        }
        let seal = config.seal()?;
        let clients = config.tenants.iter().map(|(name, tenant)| {
            let settings = msgraph::Settings { seal: seal.clone(), ..config.tenant(tenant) };
            let checked =
                settings.check().or_else(|error| if is_fatal(&error) { Err(error) } else { Ok(()) });
            let made = checked.and_then(|()| Client::new(settings, observe(name)));
            let client = made.map_err(|error| ConfigError::Invalid(format!("tenants.{name}: {error}")))?;
            Ok((name.clone(), Tenant::of(client)))
        });
        let tenants = clients.collect::<Result<_, _>>()?;
        Ok(Self { tenants, clock: Clock::default() })
    }

    /// Tenants with these clients.
    #[cfg(test)]
    pub fn of(clients: impl IntoIterator<Item = (String, Client)>) -> Self {
        let tenants = clients.into_iter().map(|(name, client)| (name, Tenant::of(client))).collect();
        Self { tenants, clock: Clock::default() }
    }

    /// All tenants, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Client)> {
        self.tenants.iter().map(|(name, tenant)| (name.as_str(), &tenant.client))
    }

    /// The name of the tenant that an event is for, as a label: `none` if there is no such tenant.
    pub fn label(&self, name: Option<&str>) -> &str {
        self.named(name).map_or("none", |(name, _)| name)
    }

    /// Whether an event for the named tenant, or the only one, can be worked on now. If it has no such tenant it can: it
    /// will be rejected.
    pub async fn may_begin(&self, name: Option<&str>) -> Result<(), PutOff> {
        match self.named(name) {
            Some((name, tenant)) => {
                let begun = tenant.pause.may_begin(name, &tenant.client).await;
                self.clock.look(&tenant.client);
                begun
            }
            None => Ok(()),
        }
    }

    /// Whether a run for the named tenant, or the only one, may claim by this worker's clock.
    pub async fn may_claim(&self, name: Option<&str>) -> Result<(), PutOff> {
        match self.named(name) {
            Some((_, tenant)) => self.clock.may_begin(&tenant.client).await,
            None => Ok(()),
        }
    }

    /// This worker's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Gets a token for every tenant, so that a credential that does not work, and a clock that is wrong, are known
    /// before an event needs them.
    pub async fn sign_in(&self) {
        join_all(self.tenants.keys().map(|name| self.may_begin(Some(name)))).await;
    }

    /// Every tenant, and why it is paused if it is.
    pub fn pauses(&self) -> impl Iterator<Item = (&str, Option<String>)> {
        self.tenants.iter().map(|(name, tenant)| (name.as_str(), tenant.pause.reason()))
    }

    /// The tenant named in an event, or the only tenant.
    pub fn find(&self, name: Option<&str>) -> Result<(&str, &Client), Failure> {
        self.named(name).map(|(name, tenant)| (name, &tenant.client)).ok_or_else(|| {
            let known: Vec<_> = self.tenants.keys().map(String::as_str).collect();
            let known = known.join(", ");
            match name {
                Some(name) => Failure::rejected(
                    "unknown_tenant",
                    format!("there is no tenant `{name}`; known: {known}"),
                ),
                None => Failure::rejected(
                    "unknown_tenant",
                    format!("the event has no attribute `tenant`; known: {known}"),
                ),
            }
        })
    }

    fn named(&self, name: Option<&str>) -> Option<(&str, &Tenant)> {
        let found = match name {
            Some(name) => self.tenants.get_key_value(name),
            None if self.tenants.len() == 1 => self.tenants.first_key_value(),
            None => None,
        };
        found.map(|(name, tenant)| (name.as_str(), tenant))
    }
}

impl Tenant {
    fn of(client: Client) -> Self {
        Self { client, pause: Pause::default() }
    }
}

/// The error if no tenant is configured.
pub fn none() -> ConfigError {
    let text = "no tenant is configured: set GATEHOUSE__TENANTS__<NAME>__TENANT_ID, __CLIENT_ID and __CLIENT_SECRET, \
                or a [tenants.<name>] table in the file given with --config";
    ConfigError::Invalid(text.to_owned())
}
