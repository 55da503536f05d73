//! Whether a run changes anything.

use serde::{Deserialize, Serialize};

/// Whether a run changes anything.
///
/// The engine passes it on and asks it only [`Mode::waits`]; the driver of a step is the one place that matches it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Look and write what is missing.
    #[default]
    Apply,
    /// Look and report what would be written.
    Plan,
}

impl Mode {
    /// Whether stages and steps wait for their time. A plan shows everything at once.
    pub fn waits(self) -> bool {
        self == Self::Apply
    }
}
