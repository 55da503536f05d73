//! What the end of a run says of other runs of its person: those it shut, and those it came too late for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::run::KnownState;

/// A run that this one shut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShutRun {
    /// The run.
    pub run_id: Uuid,
    /// What it was for.
    pub side: RunSide,
    /// Where it stood.
    pub state: ShutState,
    /// The time of its event.
    pub event_time: Timestamp,
    /// When it would have woken, if it sleeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The steps that changed something, in order.
    pub changed: Vec<String>,
    /// How many more steps did, if not all have room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_changed: Option<u32>,
    /// The first of these steps that removes for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point_of_no_return: Option<String>,
    /// Whether there is something that a restore would give back.
    pub to_restore: bool,
}

/// What a run was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunSide {
    /// To let in.
    Join,
    /// To let out.
    Leave,
    /// To change somebody who stays.
    Change,
    /// To lock out at once.
    Revoke,
}

/// Where a run stood that was shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShutState {
    /// It slept until a date, or before a stage.
    Asleep,
    /// It waited for another run, or to be tried again.
    Waiting,
    /// The brake held it.
    Braked,
    /// It was at work, and stops before its next write.
    Running,
    /// It has stopped, and reported that.
    Ended,
}

/// A run that a cancel names and that had ended before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndedRun {
    /// The run.
    pub run_id: Uuid,
    /// How it ended.
    pub state: KnownState,
}
