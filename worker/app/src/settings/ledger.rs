//! The settings of the ledger.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ledger::{Key, KeyRing, Kind, Timing};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::error::ConfigError;
use super::secret::read_secret;
use crate::ledger::identifiers::Identifier;

/// How the people of a tenant are named in the ledger.
pub struct Directory {
    /// The directory's id: two connections to it are about the same people.
    pub id: String,
    /// What identifiers are hashed with.
    pub secrets: Arc<KeyRing>,
}

impl Directory {
    /// A person, by these identifiers.
    pub fn keys(&self, identifiers: &[Identifier]) -> Vec<Key> {
        let hashed = |(kind, value): &Identifier| self.secrets.keys(&self.id, *kind, value);
        let mut keys: Vec<_> = identifiers.iter().flat_map(hashed).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The tenant itself, as the brake counts for it.
    pub fn tenant(&self) -> Vec<Key> {
        self.secrets.keys(&self.id, Kind::Tenant, "")
    }
}

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    pub(super) key_file: PathBuf,
    renew_within_seconds: u64,
    take_after_seconds: u64,
}

impl Ledger {
    /// How long a right to act lasts where a request takes at most this long.
    pub(super) fn timing(&self, request_timeout: Duration) -> Result<Timing, ConfigError> {
        let [renew_within, take_after] =
            [self.renew_within_seconds, self.take_after_seconds].map(Duration::from_secs);
        if self.renew_within_seconds == 0 {
            return Err(ConfigError::Invalid("ledger.renew_within_seconds must be at least 1".to_owned()));
        }
        Timing::new(renew_within, request_timeout, take_after).map_err(|_| {
            ConfigError::Invalid(format!(
                "ledger.take_after_seconds ({}) must be more than ledger.renew_within_seconds ({}) and \
                 graph.request_timeout_seconds ({}) together, or two workers could write for one person",
                self.take_after_seconds,
                self.renew_within_seconds,
                request_timeout.as_secs()
            ))
        })
    }

    /// What the identifiers of a directory's people are hashed with: the secret of the file, and the one before it; or
    /// one that follows from the directory's id.
    pub(super) fn secrets(&self, directory: &str) -> Result<Arc<KeyRing>, ConfigError> {
        if self.key_file.as_os_str().is_empty() {
            return Ok(Arc::new(KeyRing::new(directory.to_lowercase().as_bytes())));
        }
        let text = read_secret("ledger.key_file", &self.key_file)?;
        let mut lines = text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
        let (current, former, more) = (lines.next(), lines.next(), lines.next());
        let invalid =
            |why: &str| ConfigError::Invalid(format!("ledger.key_file {}: {why}", self.key_file.display()));
        let Some(current) = current.filter(|current| current.len() >= 32) else {
            return Err(invalid(
                "needs a secret of at least 32 characters, as `openssl rand -hex 32` makes it",
            ));
        };
        if more.is_some() {
            return Err(invalid("has more than two lines: the secret, and the one that it replaces"));
        }
        let ring = KeyRing::new(current.as_bytes());
        Ok(Arc::new(match former {
            Some(former) => ring.with_former(former.as_bytes()),
            None => ring,
        }))
    }
}
