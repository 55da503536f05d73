//! What a run remembers of steps that are refused the same at each attempt.

use serde::{Deserialize, Serialize};

/// What a service has refused a step, as the run carries it to the next attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// The stage's name.
    pub stage: String,
    /// The step's name, unique in its stage.
    pub step: String,
    /// How many attempts in a row met all of `refusals`.
    pub attempts: u32,
    /// What was refused, by id and without names.
    pub refusals: Vec<String>,
}

impl Refused {
    /// Whether this is about that step.
    pub fn is_of(&self, stage: &str, step: &str) -> bool {
        self.stage == stage && self.step == step
    }
}
