//! The settings of mail about people.

use serde::{Deserialize, Serialize};

use super::words::words;

/// Where mail about people may go, and who sends passes. See `config.default.toml`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// Domains outside of the tenant.
    #[serde(deserialize_with = "words")]
    pub outside_domains: Vec<String>,
    /// The mailbox that sends passes; empty if none does.
    pub pass_from: String,
}
