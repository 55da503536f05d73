//! Secrets in the settings, and files that hold one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use crate::settings::error::ConfigError;

/// A value that is never printed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "String")]
pub struct Secret(pub(super) SecretString);

impl Secret {
    /// The value, if it is not empty.
    pub fn given(&self) -> Option<&SecretString> {
        Some(&self.0).filter(|secret| !secret.expose_secret().is_empty())
    }
}

/// Every access of others.
const OTHERS: u32 = 0o077;

/// Says so if other users of this machine can access the file of this setting. A file that is not there exposes nothing.
pub(super) fn exposed(setting: &str, file: &Path) -> Option<String> {
    let mode = file.metadata().ok()?.permissions().mode();
    (mode & OTHERS != 0).then(|| {
        format!(
            "{setting}: other users of this machine can access {path}; run `chmod 600 {path}`",
            path = file.display()
        )
    })
}

/// The secret in the file of this setting.
pub(super) fn read_secret(key: &str, file: &Path) -> Result<SecretString, ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|source| ConfigError::SecretFile {
        key: key.to_owned(),
        path: file.to_owned(),
        source,
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.given().is_some() { "********" } else { "" })
    }
}
