//! What a run carries from one message to the next: the event as accepted, and how far it has come.

use outcome::Progress;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;
use uuid::Uuid;

use crate::cloudevent::envelope::Envelope;
use crate::cloudevent::incoming::EVENT_LIMIT_BYTES;
use crate::cloudevent::json;
use crate::cloudevent::undecodable::{Reason, Undecodable};
use crate::cloudevent::violation::Violation;
use crate::requests::event::Event;
use crate::schema;

/// What a run does and has done so far. It lives in the message and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunProgress {
    /// The run; always that of the event.
    pub run_id: Uuid,
    /// The workflow that its steps were prepared from.
    pub workflow: WorkflowVersion,
    /// How far it has come.
    #[serde(flatten)]
    pub progress: Progress,
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

/// serde's own `flatten` would let unknown fields pass.
impl<'de> Deserialize<'de> for RunProgress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Named {
            run_id: Uuid,
            workflow: WorkflowVersion,
        }
        let mut fields = Map::deserialize(deserializer)?;
        let named = ["run_id", "workflow"].into_iter().filter_map(|name| fields.remove_entry(name)).collect();
        let Named { run_id, workflow } =
            serde_json::from_value(Value::Object(named)).map_err(D::Error::custom)?;
        let progress = serde_json::from_value(Value::Object(fields)).map_err(D::Error::custom)?;
        Ok(Self { run_id, workflow, progress })
    }
}

/// A run that resumes.
#[derive(Debug, Clone, PartialEq)]
pub struct Continuation {
    /// The event that started it.
    pub event: Event,
    /// How far it has come.
    pub progress: RunProgress,
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
struct Written<'a> {
    event: &'a Value,
    progress: &'a RunProgress,
}

/// Both parts as JSON, for reading.
#[derive(Deserialize)]
struct Read {
    event: Value,
    progress: RunProgress,
}

impl Continuation {
    /// The content type that tells a continuation from a new event.
    pub const CONTENT_TYPE: &'static str = "application/vnd.gatehouse.continuation+json";

    /// What a run's progress must stay below, in bytes.
    pub const PROGRESS_LIMIT_BYTES: usize = 128 * 1024;

    /// The largest accepted continuation. Written anew, an event can grow: a control character in a header becomes six
    /// bytes, `1e15` becomes `1000000000000000.0`. `whatever_is_accepted_can_be_carried_on` has both.
    pub(crate) const LIMIT_BYTES: usize = 8 * EVENT_LIMIT_BYTES;

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
        Ok(serde_json::to_vec(&Written { event: &self.event.raw, progress: &self.progress })?)
    }

    /// Reads the message.
    ///
    /// # Errors
    ///
    /// Says why it is refused, with every violation at once.
    pub fn from_bytes(body: &[u8]) -> Result<Self, Undecodable> {
        let unread = |reason| Undecodable::new(reason, Envelope::default());
        if body.len() > Self::LIMIT_BYTES {
            return Err(unread(Reason::TooLarge { bytes: body.len(), limit: Self::LIMIT_BYTES }));
        }
        let value = json::parse(body).map_err(unread)?;
        let fail = |reason, event: Option<&Value>| {
            Undecodable::new(reason, event.map(Envelope::read).unwrap_or_default())
        };

        let violations = schema::CONTINUATION.violations(&value);
        if !violations.is_empty() {
            return Err(fail(Reason::Invalid { violations }, value.get("event")));
        }
        let parts = Read::deserialize(&value);
        let parts = parts.map_err(|_| fail(Reason::schema_mismatch(), value.get("event")))?;
        let mut event = Event::from_value(parts.event).map_err(under_event)?;
        if !event.resumes(parts.progress.run_id) {
            let violation = Violation::new("/progress/run_id", "must be the run of the event beside it");
            return Err(fail(Reason::Invalid { violations: vec![violation] }, Some(&event.raw)));
        }
        Ok(Self { event, progress: parts.progress })
    }
}

/// Points into the message that holds the event instead of the event.
pub(crate) fn under_event(mut undecodable: Undecodable) -> Undecodable {
    if let Reason::Invalid { violations } = undecodable.reason {
        let violations = violations.into_iter().map(|violation| violation.under("/event")).collect();
        undecodable.reason = Reason::Invalid { violations };
    }
    undecodable
}
