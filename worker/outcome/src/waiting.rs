//! What a run remembers of steps that wait and of stages that have not started.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A step that waits, as the run carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// The stage's name.
    pub stage: String,
    /// The step's name, unique in its stage.
    pub step: String,
    /// The action it runs.
    pub action: String,
    /// What it waits for.
    pub reason: String,
    /// When it first waited.
    pub since: Timestamp,
    /// When to look again.
    pub until: Timestamp,
    /// When the wait must be over.
    pub deadline: Timestamp,
    /// How many writes the step has made so far.
    pub changes: u32,
    /// Given back to the step when it looks again.
    pub memo: Value,
    /// The writes of this attempt, one sentence each; reported when the run goes to sleep, not carried.
    #[serde(skip)]
    pub told: Vec<String>,
    /// The ids of this attempt's requests; reported and not carried likewise.
    #[serde(skip)]
    pub request_ids: Vec<String>,
}

impl Waiting {
    /// Whether this is the wait of that step.
    pub fn is_of(&self, stage: &str, step: &str) -> bool {
        self.stage == stage && self.step == step
    }
}

/// When a stage with a delay starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The stage's name.
    pub stage: String,
    /// Not before this.
    pub at: Timestamp,
}
