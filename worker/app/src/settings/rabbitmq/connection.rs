//! The section `[broker]`.

use std::path::{Path, PathBuf};

use broker::{Certificate, Management, Tls};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::settings::error::ConfigError;
use crate::settings::secret::{Secret, read_secret};

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Broker {
    pub(in crate::settings) url: Secret,
    pub(in crate::settings) url_file: PathBuf,
    ca_file: PathBuf,
    certificate_file: PathBuf,
    pub(in crate::settings) certificate_key_file: PathBuf,
    pub(in crate::settings) prefix: String,
    pub(in crate::settings) declare: bool,
    pub(in crate::settings) unencrypted: bool,
    pub(in crate::settings) publish_timeout_seconds: u64,
    management_url: Secret,
}

impl Broker {
    /// The management API of the broker with these settings, if there is an address.
    pub fn management(&self, settings: &broker::Settings) -> Result<Option<Management>, ConfigError> {
        let Some(url) = self.management_url.given() else { return Ok(None) };
        let management =
            Management::new(url, settings).map_err(|error| ConfigError::Invalid(error.to_string()))?;
        match management.unencrypted_host().filter(|_| !self.unencrypted) {
            None => Ok(Some(management)),
            Some(host) => Err(ConfigError::Invalid(format!(
                "broker.management_url: http:// would send the password to {host} unencrypted; use https://, or set \
                 broker.unencrypted to true if the network between is protected"
            ))),
        }
    }

    /// Whom to trust and what to show on the way to the broker.
    pub(in crate::settings) fn tls(&self) -> Result<Tls, ConfigError> {
        let Self { ca_file, certificate_file, certificate_key_file, .. } = self;
        let read = |key: &str, file: &Path| -> Result<Option<String>, ConfigError> {
            if file.as_os_str().is_empty() {
                return Ok(None);
            }
            let key = format!("broker.{key}");
            let text = read_secret(&key, file)?.expose_secret().to_owned();
            if text.contains("-----BEGIN ") {
                return Ok(Some(text));
            }
            Err(ConfigError::Invalid(format!(
                "{key}: {} has nothing in PEM, which begins with -----BEGIN; convert it with openssl",
                file.display()
            )))
        };
        let authorities = read("ca_file", ca_file)?;
        let chain = read("certificate_file", certificate_file)?;
        let key = read("certificate_key_file", certificate_key_file)?;
        let certificate = match (chain, key) {
            (Some(chain), Some(key)) => Some(Certificate { chain, key: SecretString::from(key) }),
            (None, None) => None,
            _ => {
                return Err(ConfigError::Invalid(
                    "broker.certificate_file and broker.certificate_key_file belong together: set both or none"
                        .to_owned(),
                ));
            }
        };
        Ok(Tls { authorities, certificate })
    }
}
