//! What results say about runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Failure, FailureClass, FinishedStep, PlannedStep, Undecodable, Violation, WaitingStep};

/// `gatehouse.run.planned.v1`: what would be changed. Nothing was touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunPlanned {
    /// The run.
    pub run_id: Uuid,
    /// Name of the workflow.
    pub workflow: String,
    /// Every step in order.
    pub steps: Vec<PlannedStep>,
    /// `sha256:` and 64 hexadecimal digits: what a publisher sends back as `expected_plan`.
    pub digest: String,
}

/// `gatehouse.run.waiting.v1`: a run went to sleep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunWaiting {
    /// The run.
    pub run_id: Uuid,
    /// Name of the workflow.
    pub workflow: String,
    /// The stage that waits for its time, or whose steps wait.
    pub stage: String,
    /// When the run goes on.
    pub until: Timestamp,
    /// Which sleep of the run this is, from 1.
    pub sleeps: u32,
    /// How often an operator had replayed the run by then.
    pub replays: u32,
    /// The steps that wait. None: the stage waits for its time.
    pub steps: Vec<WaitingStep>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Every step is as asked.
    Succeeded,
    /// It came to its end, but a step failed or left something for an operator.
    Partial,
    /// It stopped before its end.
    Failed,
    /// Nothing was touched; the publisher must act.
    Rejected,
}

/// `gatehouse.run.finished.v1`: a run came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunFinished {
    /// The run.
    pub run_id: Uuid,
    /// Name of the workflow, if one had been chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// How it ended.
    pub state: RunState,
    /// When it was first seen.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// How often the last stage was tried, at least 1.
    pub attempts: u32,
    /// How often an operator replayed it.
    pub replays: u32,
    /// Every step in order.
    pub steps: Vec<FinishedStep>,
    /// The first decisive failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Everything wrong with an event that was rejected for its form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
}

impl RunFinished {
    /// The end of a run that never began, because its event was not accepted. `None` if the message does not say
    /// which run it would have been.
    pub fn rejected(undecodable: &Undecodable, at: Timestamp, replays: u32) -> Option<Self> {
        Some(Self {
            run_id: undecodable.run_id()?,
            workflow: None,
            state: RunState::Rejected,
            started_at: at,
            finished_at: at,
            attempts: 1,
            replays,
            steps: Vec::new(),
            failure: Some(Failure {
                class: FailureClass::Rejected,
                code: undecodable.code().to_owned(),
                message: undecodable.reason.summary(),
            }),
            violations: undecodable.violations().to_vec(),
        })
    }
}
