//! The record of one step.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Class, Failure, Left};

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Something was missing; the step wrote it.
    Changed,
    /// Everything was already as requested.
    Unchanged,
    /// The step would write something. Only in plans.
    Planned,
    /// The step was not tried; the reason says why.
    Skipped,
    /// The step waits for something that was started. Only in plans: a waiting step has not finished.
    Waiting,
    /// The step failed; the failure says why.
    Failed,
}

impl Outcome {
    /// The word on the wire, in logs and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Planned => "planned",
            Self::Skipped => "skipped",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
        }
    }
}

/// One step that finished: the part that the run carries on, and every result about the run repeats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finished {
    /// The stage's name.
    pub stage: String,
    /// The step's name, unique in its stage.
    pub step: String,
    /// The action it ran.
    pub action: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How many writes it made, or planned.
    pub changes: u32,
    /// What it left alone.
    pub left: Vec<Left>,
    /// Only if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Only if it was skipped or waits: why, or for what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Finished {
    /// Whether a later attempt skips this step.
    pub fn is_done(&self) -> bool {
        self.outcome != Outcome::Failed
    }
}

/// What a step reports once, when it finishes. No message carries it on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The writes it made or planned, one sentence each.
    pub changes: Vec<String>,
    /// What it counted, by name.
    pub details: Map<String, Value>,
    /// The ids of its requests, for the support of the service that answered them.
    pub request_ids: Vec<String>,
    /// The object id of the account that it created.
    pub created: Option<String>,
    /// Whether it may have written something, though it counts no change: it failed while it wrote.
    pub may_have_written: bool,
    /// What the service refused, each equal to that of another attempt only if it was refused the same.
    pub refusals: Vec<String>,
    /// How long this attempt took.
    pub took: Duration,
}

/// One step that finished. On the wire it is its [`Finished`] part: a record that came back in a message has no
/// sentences any more, but still their number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Record {
    /// What is carried on.
    pub finished: Finished,
    /// What is reported once.
    #[serde(skip)]
    pub told: Told,
}

impl Record {
    /// Whether this is the record of that step.
    pub fn is_of(&self, stage: &str, step: &str) -> bool {
        self.finished.stage == stage && self.finished.step == step
    }

    /// Whether a later attempt skips this step.
    pub fn is_done(&self) -> bool {
        self.finished.is_done()
    }

    /// Whether the step has written something, or may have.
    pub fn may_have_written(&self) -> bool {
        let Self { finished, told } = self;
        told.may_have_written || (finished.changes > 0 && finished.outcome != Outcome::Planned)
    }

    /// The failure, if time may fix it.
    pub fn retry(&self) -> Option<&Failure> {
        self.finished.failure.as_ref().filter(|failure| failure.class == Class::Retry)
    }

    /// This record with the step failed.
    #[must_use]
    pub fn failed(mut self, failure: Failure) -> Self {
        self.finished.outcome = Outcome::Failed;
        self.finished.failure = Some(failure);
        self.finished.reason = None;
        self
    }
}
