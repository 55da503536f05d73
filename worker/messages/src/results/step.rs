//! Results about steps. They hold object ids, never names or addresses.

use std::borrow::Cow;

use jiff::Timestamp;
use outcome::{Failure, Left, Outcome, Record, Waiting};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::result_type::{ResultType, what};
use crate::schema::{self, Schema};

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedStep {
    /// Name of the stage.
    pub stage: String,
    /// Name of the step within the stage.
    pub step: String,
    /// Name of the action.
    pub action: String,
    /// Only if the stage starts so many seconds after the end of the one before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_seconds: Option<u64>,
    /// When the stage starts at the earliest, if a date says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// `Planned` if there is something to change.
    pub outcome: Outcome,
    /// The writes that would be made, one sentence each.
    pub changes: Vec<String>,
    /// What would be left alone.
    pub left: Vec<Left>,
    /// What the step counted, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
    /// Only if it cannot be planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Only if it would be skipped, or waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A step that waits, as a result reports it: without its memo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitingStep {
    /// Name of the step within the stage.
    pub step: String,
    /// Name of the action.
    pub action: String,
    /// What it waits for.
    pub reason: String,
    /// When it first waited.
    pub since: Timestamp,
    /// When it looks again.
    pub until: Timestamp,
    /// When it fails unless it is done by then.
    pub deadline: Timestamp,
    /// The writes it made before it went to sleep this time, one sentence each.
    pub changes: Vec<String>,
    /// Microsoft Graph's request ids of the same time.
    pub graph_request_ids: Vec<String>,
}

/// `gatehouse.step.finished.v1`: a step came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepFinished {
    /// The run.
    pub run_id: Uuid,
    /// Name of the workflow.
    pub workflow: String,
    /// Name of the stage.
    pub stage: String,
    /// Name of the step within the stage.
    pub step: String,
    /// Name of the action.
    pub action: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The writes made since it last waited, one sentence each.
    pub changes: Vec<String>,
    /// What was left alone.
    pub left: Vec<Left>,
    /// What the step counted, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
    /// Only if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Only if it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How often it was tried; 0 if it was skipped.
    pub attempts: u32,
    /// How often an operator had replayed the run by then.
    pub replays: u32,
    /// Milliseconds the last attempt took.
    pub duration_ms: u64,
    /// Microsoft Graph's request ids of the last attempt.
    pub graph_request_ids: Vec<String>,
}

impl PlannedStep {
    /// A record of a plan; `after_seconds` after the stage before it, its own stage starts.
    pub fn of(record: &Record, after_seconds: Option<u64>) -> Self {
        let Record { finished, told } = record;
        Self {
            stage: finished.stage.clone(),
            step: finished.step.clone(),
            action: finished.action.clone(),
            after_seconds,
            starts_at: None,
            outcome: finished.outcome,
            changes: told.changes.clone(),
            left: finished.left.clone(),
            details: told.details.clone(),
            failure: finished.failure.clone(),
            reason: finished.reason.clone(),
        }
    }
}

impl WaitingStep {
    /// What everybody may know of a step that waits.
    pub fn of(waiting: &Waiting) -> Self {
        Self {
            step: waiting.step.clone(),
            action: waiting.action.clone(),
            reason: waiting.reason.clone(),
            since: waiting.since,
            until: waiting.until,
            deadline: waiting.deadline,
            changes: waiting.told.clone(),
            graph_request_ids: waiting.request_ids.clone(),
        }
    }
}

impl StepFinished {
    /// A record of a run of this workflow, at this attempt and after so many replays.
    pub fn of(record: &Record, run_id: Uuid, workflow: &str, attempt: u32, replays: u32) -> Self {
        let Record { finished, told } = record;
        Self {
            run_id,
            workflow: workflow.to_owned(),
            stage: finished.stage.clone(),
            step: finished.step.clone(),
            action: finished.action.clone(),
            outcome: finished.outcome,
            changes: told.changes.clone(),
            left: finished.left.clone(),
            details: told.details.clone(),
            failure: finished.failure.clone(),
            reason: finished.reason.clone(),
            attempts: if finished.outcome == Outcome::Skipped { 0 } else { attempt },
            replays,
            duration_ms: u64::try_from(told.took.as_millis()).unwrap_or(u64::MAX),
            graph_request_ids: told.request_ids.clone(),
        }
    }
}

impl ResultType for StepFinished {
    const TYPE: &'static str = "gatehouse.step.finished.v1";
    const ADDRESS: &'static str = "step.{outcome}";

    fn schema() -> &'static Schema {
        &schema::STEP_FINISHED
    }

    fn routing_key(&self) -> Cow<'static, str> {
        match self.outcome {
            Outcome::Changed => "step.changed",
            Outcome::Unchanged => "step.unchanged",
            Outcome::Planned => "step.planned",
            Outcome::Skipped => "step.skipped",
            Outcome::Waiting => "step.waiting",
            Outcome::Failed => "step.failed",
        }
        .into()
    }

    fn run_id(&self) -> Option<Uuid> {
        Some(self.run_id)
    }

    fn what(&self) -> String {
        what(&["step.finished", &self.replays.to_string(), &self.stage, &self.step])
    }
}
