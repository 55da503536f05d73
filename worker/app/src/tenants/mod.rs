//! The configured tenants, by name.

pub mod connection_test;
pub mod syncs;

use std::collections::BTreeMap;
use std::sync::Arc;

use msgraph::{Client, Observer};
use outcome::Failure;

use crate::settings::Config;
use crate::settings::error::ConfigError;

/// A Graph client for each configured tenant. Clones share connections, tokens and limits.
#[derive(Clone)]
pub struct Tenants(BTreeMap<String, Client>);

impl Tenants {
    /// Makes the clients. Reads the credentials' files, but opens no connection yet.
    ///
    /// # Errors
    ///
    /// Invalid settings and unusable files. The error names the tenant.
    pub fn new(config: &Config, observer: &Arc<dyn Observer>) -> Result<Self, ConfigError> {
        if config.tenants.is_empty() {
            return Err(none());
        }
        let clients = config.tenants.iter().map(|(name, tenant)| {
            let settings = config.tenant(tenant);
            let made = settings.check().and_then(|()| Client::new(settings, Arc::clone(observer)));
            let client = made.map_err(|error| ConfigError::Invalid(format!("tenants.{name}: {error}")))?;
            Ok((name.clone(), client))
        });
        clients.collect::<Result<_, _>>().map(Self)
    }

    /// Tenants with these clients.
    #[cfg(test)]
    pub fn of(clients: impl IntoIterator<Item = (String, Client)>) -> Self {
        Self(clients.into_iter().collect())
    }

    /// All tenants, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Client)> {
        self.0.iter().map(|(name, client)| (name.as_str(), client))
    }

    /// The tenant named in an event, or the only tenant.
    pub fn find(&self, name: Option<&str>) -> Result<(&str, &Client), Failure> {
        let found = match name {
            Some(name) => self.0.get_key_value(name),
            None if self.0.len() == 1 => self.0.first_key_value(),
            None => None,
        };
        found.map(|(name, client)| (name.as_str(), client)).ok_or_else(|| {
            let known: Vec<_> = self.0.keys().map(String::as_str).collect();
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
}

/// The error if no tenant is configured.
pub fn none() -> ConfigError {
    let text = "no tenant is configured: set GATEHOUSE__TENANTS__<NAME>__TENANT_ID, __CLIENT_ID and __CLIENT_SECRET, \
                or a [tenants.<name>] table in the file given with --config";
    ConfigError::Invalid(text.to_owned())
}
