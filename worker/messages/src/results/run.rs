//! Results about runs.

use std::borrow::Cow;

use jiff::Timestamp;
use outcome::{Failure, Finished, State};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::result_type::{ResultType, what};
use super::shut::{EndedRun, ShutRun};
use super::step::{PlannedStep, WaitingStep};
use crate::cloudevent::undecodable::Undecodable;
use crate::cloudevent::violation::Violation;
use crate::schema::{self, Schema};

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
    /// When the request takes effect, if the event says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_at: Option<Timestamp>,
    /// How many seconds after that the event came, if it was late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_by_seconds: Option<u64>,
    /// Why nothing of it would be applied as things stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<PlanRefusal>,
}

/// Why a plan would be refused, or would have to wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRefusal {
    /// The code with which apply would end, or `brake` if it would wait.
    pub code: String,
    /// For people.
    pub message: String,
}

impl PlanRefusal {
    /// By this code.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
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
    /// When the run resumes, or asks the brake again.
    pub until: Timestamp,
    /// Which sleep of the run this is, from 1.
    pub sleeps: u32,
    /// How often an operator had replayed the run by then.
    pub replays: u32,
    /// What the stage waits for, if it has not started: words that follow "waits for".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The steps that wait. None: the stage waits for its time.
    pub steps: Vec<WaitingStep>,
    /// That the run locked its person out without the ledger, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerWord>,
    /// When the same was said last, if nothing has happened since: the run only says again that it sleeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_said_at: Option<Timestamp>,
}

/// What the ledger said when a run locked its person out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerWord {
    /// Nothing: it could not be read.
    Unread,
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
    pub state: State,
    /// When it was first seen.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// How often the last stage was tried, at least 1.
    pub attempts: u32,
    /// How often an operator replayed it.
    pub replays: u32,
    /// Every step in order.
    pub steps: Vec<Finished>,
    /// The failure that decided the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The run of the event that took charge of the person, or that cancelled this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<Uuid>,
    /// The first step that changed something and removes for good, if the run was shut after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point_of_no_return: Option<String>,
    /// The runs of its person that it shut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shut: Vec<ShutRun>,
    /// The runs that it was to take out and that had ended before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub had_ended: Vec<EndedRun>,
    /// Everything wrong with an event that was rejected for its form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// How many seconds after its effective date the event came, if it was late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_by_seconds: Option<u64>,
    /// That the run locked its person out without the ledger, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerWord>,
}

/// `gatehouse.event.duplicate.v1`: an event came again whose run is known. Nothing was done for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventDuplicate {
    /// The run of the event.
    pub run_id: Uuid,
    /// Where the run stands.
    pub state: KnownState,
}

/// Where a run stands whose event came again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownState {
    /// It has not ended.
    Open,
    /// It reached its end.
    Done,
    /// It failed, and its message is a dead letter or was discarded.
    Failed,
    /// A newer event took charge of the person.
    Superseded,
    /// Somebody took it out.
    Cancelled,
}

impl KnownState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
        }
    }
}

impl RunFinished {
    /// The end of a run that never started, because its event was refused. `None` if the message does not say
    /// which run it would have been.
    pub fn rejected(undecodable: &Undecodable, at: Timestamp, replays: u32) -> Option<Self> {
        Some(Self {
            failure: Some(Failure::rejected(undecodable.code(), undecodable.reason.summary())),
            violations: undecodable.violations().to_vec(),
            ..Self::of_nothing(undecodable.run_id()?, State::Rejected, at, replays)
        })
    }

    /// The end of a run without a workflow.
    pub fn of_nothing(run_id: Uuid, state: State, at: Timestamp, replays: u32) -> Self {
        Self {
            run_id,
            workflow: None,
            state,
            started_at: at,
            finished_at: at,
            attempts: 1,
            replays,
            steps: Vec::new(),
            failure: None,
            ended_by: None,
            point_of_no_return: None,
            shut: Vec::new(),
            had_ended: Vec::new(),
            violations: Vec::new(),
            late_by_seconds: None,
            ledger: None,
        }
    }
}

impl ResultType for RunPlanned {
    const TYPE: &'static str = "gatehouse.run.planned.v1";
    const ADDRESS: &'static str = "run.planned";

    fn schema() -> &'static Schema {
        &schema::RUN_PLANNED
    }

    fn routing_key(&self) -> Cow<'static, str> {
        "run.planned".into()
    }

    fn run_id(&self) -> Option<Uuid> {
        Some(self.run_id)
    }

    fn what(&self) -> String {
        what(&["run.planned", &self.digest])
    }
}

impl ResultType for EventDuplicate {
    const TYPE: &'static str = "gatehouse.event.duplicate.v1";
    const ADDRESS: &'static str = "event.duplicate";

    fn schema() -> &'static Schema {
        &schema::EVENT_DUPLICATE
    }

    fn routing_key(&self) -> Cow<'static, str> {
        "event.duplicate".into()
    }

    fn run_id(&self) -> Option<Uuid> {
        Some(self.run_id)
    }

    fn what(&self) -> String {
        what(&["event.duplicate", self.state.as_str()])
    }
}

impl ResultType for RunWaiting {
    const TYPE: &'static str = "gatehouse.run.waiting.v1";
    const ADDRESS: &'static str = "run.waiting";

    fn schema() -> &'static Schema {
        &schema::RUN_WAITING
    }

    fn routing_key(&self) -> Cow<'static, str> {
        "run.waiting".into()
    }

    fn run_id(&self) -> Option<Uuid> {
        Some(self.run_id)
    }

    fn what(&self) -> String {
        let (replays, sleeps) = (self.replays.to_string(), self.sleeps.to_string());
        match self.last_said_at {
            None => what(&["run.waiting", &replays, &sleeps]),
            Some(at) => what(&["run.waiting", &replays, &sleeps, &at.to_string()]),
        }
    }
}

impl ResultType for RunFinished {
    const TYPE: &'static str = "gatehouse.run.finished.v1";
    const ADDRESS: &'static str = "run.{state}";

    fn schema() -> &'static Schema {
        &schema::RUN_FINISHED
    }

    fn routing_key(&self) -> Cow<'static, str> {
        match self.state {
            State::Succeeded => "run.succeeded",
            State::Partial => "run.partial",
            State::Failed => "run.failed",
            State::Rejected => "run.rejected",
            State::Superseded => "run.superseded",
            State::Cancelled => "run.cancelled",
        }
        .into()
    }

    fn run_id(&self) -> Option<Uuid> {
        Some(self.run_id)
    }

    /// A rejected event is apart from the run of the same id that the publisher may start with a corrected one.
    fn what(&self) -> String {
        let ended = if self.state == State::Rejected { "run.rejected" } else { "run.finished" };
        what(&[ended, &self.replays.to_string()])
    }
}
