//! What a run will do. It is made once, from the event and its workflow, and carried from then on: a workflow that is
//! changed or removed changes no run under way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The steps of a run with their parameters. Equal values are written once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreparedSteps {
    /// The digest of the steps, as another event with the same request would have them.
    pub digest: String,
    /// The values of all parameters, each once.
    pub values: Vec<Value>,
    /// Run in this order.
    pub stages: Vec<StageToRun>,
    /// Of a restore: the number of the last entry of all snapshots when they were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots_read: Option<u64>,
}

/// Steps that run together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageToRun {
    /// Unique in its run.
    pub stage: String,
    /// How many seconds after the end of the stage before it the stage starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_seconds: Option<u64>,
    /// How many seconds after the effective date the stage starts, negative before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_seconds: Option<i64>,
    /// What a failed step means for the stages after it.
    #[serde(default, skip_serializing_if = "OnFailure::is_default")]
    pub on_failure: OnFailure,
    /// The stages and steps before it that must not have failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Run together.
    pub steps: Vec<StepToRun>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepToRun {
    /// Unique in its stage.
    pub step: String,
    /// The action's name.
    pub action: String,
    /// Why it is skipped, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// The place of each parameter's value in [`PreparedSteps::values`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, usize>,
    /// The parameters that the event filled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from_event: Vec<String>,
    /// The parameters that may give power and that the workflow's author wrote out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub literal: Vec<String>,
}

/// What a failed step means for the stages after its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// They do not run.
    #[default]
    Stop,
    /// They run as well.
    Continue,
}

impl OnFailure {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl PreparedSteps {
    /// The size of the steps in a message, in bytes.
    pub fn bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |bytes| bytes.len())
    }

    /// Where this value is written, once.
    pub fn place_of(&mut self, value: &Value) -> usize {
        let known = self.values.iter().position(|known| known == value);
        known.unwrap_or_else(|| {
            self.values.push(value.clone());
            self.values.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_values_are_written_once() {
        let mut steps = PreparedSteps::default();
        let ada = json!({ "upn": "ada@contoso.example" });
        let places = [&ada, &json!("ada@contoso.example"), &ada].map(|value| steps.place_of(value));
        assert_eq!((places, steps.values.len()), ([0, 1, 0], 2));
    }
}
