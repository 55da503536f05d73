//! What results say about steps. None of it holds names or addresses, only object ids.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Made true now.
    Changed,
    /// Was true already.
    Unchanged,
    /// Would be changed.
    Planned,
    /// Not tried.
    Skipped,
    /// Something goes on that was begun. Only in plans: a step that waits has not finished.
    Waiting,
    /// Could not be made true.
    Failed,
}

/// Who must act after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Time.
    Retry,
    /// The publisher.
    Rejected,
    /// An operator or administrator.
    Blocked,
    /// The makers of Gatehouse.
    Fault,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Who must act.
    pub class: FailureClass,
    /// Stable name, snake_case.
    pub code: String,
    /// One sentence that says what to do next.
    pub message: String,
}

/// Who has to act on something left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    /// Nobody.
    Nobody,
    /// An operator.
    Operator,
}

/// Something a step saw, left alone on purpose, and says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Left {
    /// Stable name of the reason, snake_case.
    pub code: String,
    /// One sentence with object ids.
    pub detail: String,
    /// Who has to act.
    pub needs: Needs,
}

/// A step in short: in a run's result and in its progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishedStep {
    /// Name of the stage.
    pub stage: String,
    /// Name of the step within the stage.
    pub step: String,
    /// Name of the action.
    pub action: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Number of writes made, or planned.
    pub changes: u32,
    /// What was left alone.
    pub left: Vec<Left>,
    /// Only if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Only if it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

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

/// A step that waits, as a result tells of it: without its memo.
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
    /// When it is looked at again.
    pub until: Timestamp,
    /// When it has failed unless it is done by then.
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
