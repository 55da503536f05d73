//! What a run carries from one message to the next: the event as accepted, and how far it has come.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;
use uuid::Uuid;

use crate::{EVENT_LIMIT_BYTES, Envelope, Event, FinishedStep, Reason, Undecodable, Violation, json, schema};

/// What a run has done so far. It lives in the message and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The run; always that of the event.
    pub run_id: Uuid,
    /// The workflow the run began with.
    pub workflow: WorkflowVersion,
    /// When a worker first saw the event.
    pub first_seen: Timestamp,
    /// Which attempt of the current stage comes next, from 1.
    pub attempt: u32,
    /// How often an operator replayed the run.
    pub replays: u32,
    /// The steps finished so far, in order.
    pub steps: Vec<FinishedStep>,
    /// How often the run has gone to sleep, retries apart.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sleeps: u32,
    /// The steps that wait, and those that waited and then failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// When the stages with a delay start, as far as the run has come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<StageStart>,
    /// What failed for want of time is not tried before this, while other steps of its stage wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
}

/// A step that waits, with what it gets back when it looks again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// Name of the stage.
    pub stage: String,
    /// Name of the step within the stage.
    pub step: String,
    /// Name of the action.
    pub action: String,
    /// What it waits for.
    pub reason: String,
    /// When it first waited.
    pub since: Timestamp,
    /// When to look again.
    pub until: Timestamp,
    /// When it has to be over.
    pub deadline: Timestamp,
    /// Number of writes so far.
    pub changes: u32,
    /// What the step gets back.
    pub memo: Value,
}

/// When a stage with a delay starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageStart {
    /// Name of the stage.
    pub stage: String,
    /// Not before this.
    pub at: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A workflow by name and content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowVersion {
    /// The name.
    pub name: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
}

/// A run that goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Continuation {
    /// The event that started it.
    pub event: Event,
    /// How far it has come.
    pub progress: Progress,
}

/// Why a continuation cannot be written.
#[derive(Debug, Error)]
pub enum Unwritable {
    /// The progress is too large to ride in a message.
    #[error(
        "the run's progress has {bytes} bytes and must stay below {limit}; give the workflow fewer steps"
    )]
    ProgressTooLarge {
        /// Size found.
        bytes: usize,
        /// Size it must stay below.
        limit: usize,
    },
    /// A field cannot be written as JSON.
    #[error("the run's progress cannot be written as JSON")]
    Encode(#[from] serde_json::Error),
}

/// Both parts as JSON, for writing.
#[derive(Serialize)]
struct Wire<'a> {
    event: &'a Value,
    progress: &'a Progress,
}

/// Both parts as JSON, for reading.
#[derive(Deserialize)]
struct Parts {
    event: Value,
    progress: Progress,
}

impl Continuation {
    /// The content type that tells a continuation from a new event.
    pub const CONTENT_TYPE: &'static str = "application/vnd.gatehouse.continuation+json";

    /// What a run's progress must stay below, in bytes.
    pub const PROGRESS_LIMIT_BYTES: usize = 64 * 1024;

    /// The largest continuation taken in. Written anew, an event can grow: a control character in a header becomes six
    /// bytes, `1e15` becomes `1000000000000000.0`. `whatever_is_accepted_can_be_carried_on` has both.
    const LIMIT_BYTES: usize = 8 * EVENT_LIMIT_BYTES;

    /// Writes the message.
    ///
    /// # Errors
    ///
    /// The progress must stay below [`Self::PROGRESS_LIMIT_BYTES`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, Unwritable> {
        let bytes = serde_json::to_vec(&self.progress)?.len();
        if bytes >= Self::PROGRESS_LIMIT_BYTES {
            return Err(Unwritable::ProgressTooLarge { bytes, limit: Self::PROGRESS_LIMIT_BYTES });
        }
        Ok(serde_json::to_vec(&Wire { event: &self.event.raw, progress: &self.progress })?)
    }

    /// Reads the message.
    ///
    /// # Errors
    ///
    /// Says why it is no continuation of ours, with every violation at once.
    pub fn from_bytes(body: &[u8]) -> Result<Self, Undecodable> {
        let unread = |reason| Undecodable::new(reason, Envelope::default());
        if body.len() > Self::LIMIT_BYTES {
            return Err(unread(Reason::TooLarge { bytes: body.len(), limit: Self::LIMIT_BYTES }));
        }
        let value = json::parse(body).map_err(unread)?;
        let envelope = value.get("event").map(Envelope::read).unwrap_or_default();
        let fail = |reason| Undecodable::new(reason, envelope.clone());

        let violations = schema::CONTINUATION.violations(&value);
        if !violations.is_empty() {
            return Err(fail(Reason::Invalid { violations }));
        }
        let parts: Parts = serde_json::from_value(value).map_err(|_| fail(Reason::schema_mismatch()))?;
        let event = Event::from_value(parts.event).map_err(under_event)?;
        if parts.progress.run_id != event.run_id() {
            let violation = Violation::new("/progress/run_id", "must be the run of the event beside it");
            return Err(fail(Reason::Invalid { violations: vec![violation] }));
        }
        Ok(Self { event, progress: parts.progress })
    }
}

/// Points into the continuation instead of the event.
fn under_event(mut undecodable: Undecodable) -> Undecodable {
    if let Reason::Invalid { violations } = undecodable.reason {
        let violations = violations.into_iter().map(|violation| violation.under("/event")).collect();
        undecodable.reason = Reason::Invalid { violations };
    }
    undecodable
}
