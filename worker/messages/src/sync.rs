//! What a sync carries from one message to the next, and the token that fires a scheduled one.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::cloudevent::envelope::Envelope;
use crate::cloudevent::json;
use crate::cloudevent::undecodable::{Reason, Undecodable};
use crate::cloudevent::violation::Violation;
use crate::continuation::{Continuation, under_event};
use crate::requests::event::Event;
use crate::schema::{self, Schema};

/// How far a sync has come. A pass over people or licences starts over after a failure, so that is not much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncProgress {
    /// The sync; always that of the event.
    pub sync_id: Uuid,
    /// When a worker first saw the event.
    pub first_seen: Timestamp,
    /// Number of the next attempt, from 1.
    pub attempt: u32,
    /// How often an operator replayed it.
    pub replays: u32,
    /// The start of the last pass: the next one has a larger number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// How often the sync comes by itself, if a schedule asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<SyncSchedule>,
    /// Parts that are done, of a sync that is done in parts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub parts: u32,
    /// How far a sync of usage has come, which is done day by day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageProgress>,
    /// Who published the event, if publishers were listed when it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
}

/// How far a sync of usage has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageProgress {
    /// What is known of each day, as the pass writes it down.
    pub state: Map<String, Value>,
    /// Days whose pages are stored.
    pub sent: Vec<SentDay>,
    /// How often the sync waited for a limit since it last read something.
    pub waits: u32,
}

/// A day whose pages are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentDay {
    /// The day.
    pub date: Date,
    /// The generation of its pages.
    pub generation: i64,
    /// How many pages there are.
    pub pages: u64,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// When a scheduled sync comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncSchedule {
    /// Seconds from one sync to the next.
    pub every_seconds: u64,
}

/// A sync that is tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncContinuation {
    /// The event that requested it.
    pub event: Event,
    /// How far it has come.
    pub progress: SyncProgress,
}

/// Fires a scheduled sync when it has waited for its time.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncToken {
    /// The event that it stands for.
    pub event: Event,
    /// The schedule that it belongs to.
    pub schedule: SyncSchedule,
}

/// Both parts as JSON, for writing.
#[derive(Serialize)]
struct Written<'a, T> {
    event: &'a Value,
    #[serde(flatten)]
    rest: T,
}

#[derive(Serialize, Deserialize)]
struct OfContinuation<P> {
    progress: P,
}

#[derive(Serialize, Deserialize)]
struct OfToken {
    schedule: SyncSchedule,
}

impl SyncContinuation {
    /// The content type that tells it from a new event.
    pub const CONTENT_TYPE: &'static str = "application/vnd.gatehouse.sync-continuation+json";

    /// Writes the message.
    ///
    /// # Errors
    ///
    /// None of today's fields can fail to be written; a new one might.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let rest = OfContinuation { progress: &self.progress };
        serde_json::to_vec(&Written { event: &self.event.raw, rest })
    }

    /// Reads the message.
    ///
    /// # Errors
    ///
    /// Says why it is refused, with every violation at once.
    pub fn from_bytes(body: &[u8]) -> Result<Self, Undecodable> {
        let (event, value) = read(body, &schema::SYNC_CONTINUATION)?;
        let mismatch = || Undecodable::new(Reason::schema_mismatch(), Envelope::read(&event.raw));
        let progress = OfContinuation::<SyncProgress>::deserialize(&value).map_err(|_| mismatch())?.progress;
        if progress.sync_id != event.run_id() {
            let violation = Violation::new("/progress/sync_id", "must be the sync of the event beside it");
            let reason = Reason::Invalid { violations: vec![violation] };
            return Err(Undecodable::new(reason, Envelope::read(&event.raw)));
        }
        Ok(Self { event, progress })
    }
}

impl SyncToken {
    /// The content type that tells it from a new event.
    pub const CONTENT_TYPE: &'static str = "application/vnd.gatehouse.sync-token+json";

    /// Writes the message.
    ///
    /// # Errors
    ///
    /// None of today's fields can fail to be written; a new one might.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let rest = OfToken { schedule: self.schedule };
        serde_json::to_vec(&Written { event: &self.event.raw, rest })
    }

    /// Reads the message.
    ///
    /// # Errors
    ///
    /// Says why it is refused, with every violation at once.
    pub fn from_bytes(body: &[u8]) -> Result<Self, Undecodable> {
        let (event, value) = read(body, &schema::SYNC_TOKEN)?;
        let mismatch = || Undecodable::new(Reason::schema_mismatch(), Envelope::read(&event.raw));
        let OfToken { schedule } = OfToken::deserialize(&value).map_err(|_| mismatch())?;
        Ok(Self { event, schedule })
    }
}

/// Reads a message of our own that holds an event: the event, and the whole message.
fn read(body: &[u8], schema: &Schema) -> Result<(Event, Value), Undecodable> {
    let unread = |reason| Undecodable::new(reason, Envelope::default());
    let limit = Continuation::LIMIT_BYTES;
    if body.len() > limit {
        return Err(unread(Reason::TooLarge { bytes: body.len(), limit }));
    }
    let value = json::parse(body).map_err(unread)?;
    let event = value.get("event").cloned().unwrap_or_default();
    let violations = schema.violations(&value);
    if !violations.is_empty() {
        return Err(Undecodable::new(Reason::Invalid { violations }, Envelope::read(&event)));
    }
    Ok((Event::from_value(event).map_err(under_event)?, value))
}
