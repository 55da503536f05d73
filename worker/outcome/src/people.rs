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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_false(flag: &bool) -> bool {
    !flag
}
