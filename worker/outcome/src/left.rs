//! What a step left alone on purpose.

use serde::{Deserialize, Serialize};

/// Something that a step saw, left alone for a good reason, and reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Left {
    /// Stable, `snake_case`.
    pub code: String,
    /// What was left and why, naming objects by id.
    pub detail: String,
    /// Whether somebody still has to act.
    pub needs: Needs,
}

/// Who still has to act on something that was left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    /// Nobody: it ends by itself, or is meant to stay.
    Nobody,
    /// An operator: until then the run is `partial`.
    Operator,
}
