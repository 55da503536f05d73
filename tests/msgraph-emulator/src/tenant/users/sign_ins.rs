//! When a user last signed in, as the reports on sign-ins know it.

use serde::{Deserialize, Serialize};

/// Stands for "never" where the reports have a user who never signed in (microsoft-graph-docs 441, 2021).
pub(crate) const NEVER: &str = "0001-01-01T00:00:00Z";

/// The last sign-ins of a user. Failed ones move the first two dates, too (microsoft-graph-docs 21082, 2023); the
/// third is there since 2023-12 ("signInActivity resource type", 2024).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIns {
    #[serde(default, rename = "lastSignInDateTime")]
    pub(crate) interactive: Option<String>,
    #[serde(default, rename = "lastNonInteractiveSignInDateTime")]
    pub(crate) non_interactive: Option<String>,
    #[serde(default, rename = "lastSuccessfulSignInDateTime")]
    pub(crate) successful: Option<String>,
}
