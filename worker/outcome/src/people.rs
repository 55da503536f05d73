//! Whom a run has found. A name that is given to somebody else later means the same person to the run.

use serde::{Deserialize, Serialize};

use crate::Left;

/// An account that the run has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// Its object id.
    pub object_id: String,
    /// The references that mean it, each as a digest: no names or addresses.
    pub references: Vec<String>,
    /// The employee id it had, as a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<String>,
    /// Whether the run has seen it disabled.
    #[serde(default, skip_serializing_if = "is_false")]
    pub was_disabled: bool,
    /// What the references give and the tenant does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Left>,
}

/// Somebody whom a run may not change without an operator's release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protected {
    /// The object id; nothing if nobody could tell who is protected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Whether the person is the last enabled Global Administrator, which takes a release of its own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub last_administrator: bool,
}

impl Protected {
    /// Whether a release for this one also covers another.
    pub fn covers(&self, other: &Self) -> bool {
        self.person == other.person && (self.last_administrator || !other.last_administrator)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_false(flag: &bool) -> bool {
    !flag
}
