//! Secrets in the settings.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

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
