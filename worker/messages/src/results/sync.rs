//! Results about syncs. The pages are about people and go to an exchange of their own; the end of a sync names nobody.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use outcome::Failure;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::result_type::{ResultType, what};
use crate::cloudevent::undecodable::Undecodable;
use crate::cloudevent::violation::Violation;
use crate::requests::sync::{SyncMode, SyncSubject};
use crate::schema::{self, Schema};

/// `gatehouse.sync.page.v1`: rows of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncPage {
    /// The sync.
    pub sync_id: Uuid,
    /// The start of the pass that read the rows. A later start has a larger number.
    pub generation: i64,
    /// What the sync reads.
    pub what: SyncSubject,
    /// How the pass reads it.
    pub mode: SyncMode,
    /// What the rows are.
    pub kind: String,
    /// Which page of the generation it is, from 1.
    pub number: u64,
    /// The rows.
    pub rows: SyncRows,
}

impl SyncPage {
    /// The page without rows, and its rows.
    pub(crate) fn split(&self) -> (Self, &str) {
        let Self { sync_id, generation, what, mode, kind, number, rows } = self;
        let (sync_id, generation, what, mode, number) = (*sync_id, *generation, *what, *mode, *number);
        let empty = SyncRows::from_json("[]");
        (Self { sync_id, generation, what, mode, kind: kind.clone(), number, rows: empty }, &rows.0)
    }
}

/// A list of flat objects, as it was written: a sync sends a million, and to make each a value first would take longer
/// than all the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRows(String);

impl SyncRows {
    /// Takes a JSON list of objects. A page copies it as it is.
    pub fn from_json(list: impl Into<String>) -> Self {
        Self(list.into())
    }
}

impl Serialize for SyncRows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let list: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        list.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SyncRows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = Vec::<Map<String, Value>>::deserialize(deserializer)?;
        serde_json::to_string(&rows).map(Self).map_err(serde::de::Error::custom)
    }
}

/// How a sync ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncState {
    /// Everything that was asked for has been read.
    Succeeded,
    /// The pass came to its end, but something could not be seen: the notes say what.
    Partial,
    /// The pass did not come to its end.
    Failed,
    /// Nothing was read; the publisher must act.
    Rejected,
    /// Somebody took it out.
    Cancelled,
}

impl SyncState {
    /// Every state.
    pub const ALL: [Self; 5] =
        [Self::Succeeded, Self::Partial, Self::Failed, Self::Rejected, Self::Cancelled];

    /// The word on the wire, in logs and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a sync could not see, or did otherwise than asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncNote {
    /// Stable, `snake_case`.
    pub code: String,
    /// One sentence.
    pub detail: String,
}

/// A day of usage, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncDay {
    /// The day.
    pub date: Date,
    /// `read`, `kept` (the publisher has it) or `missing`.
    pub state: String,
    /// Why it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When Microsoft made the figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_date: Option<Date>,
    /// The generation of its pages: what an earlier one has of the day is gone. Nothing if no pages were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// Pages of this generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u64>,
}

/// `gatehouse.sync.waiting.v1`: a sync waits until a limit of Microsoft's has room again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncWaiting {
    /// The sync.
    pub sync_id: Uuid,
    /// What it reads.
    pub what: SyncSubject,
    /// When it resumes.
    pub until: Timestamp,
    /// Days of usage that are done.
    pub days_done: u64,
    /// Days of usage that it looks at.
    pub days_wanted: u64,
    /// Which part of the sync this is, from 1: each day that is read and each wait is one.
    pub part: u32,
    /// How often an operator had replayed the sync by then.
    pub replays: u32,
}

/// `gatehouse.sync.finished.v1`: a sync came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncFinished {
    /// The sync.
    pub sync_id: Uuid,
    /// How it ended.
    pub state: SyncState,
    /// Whether its pages hold everything there is of [`Self::kinds`]: what an earlier generation had besides is gone.
    pub complete: bool,
    /// The kinds of rows of which that is so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// The start of the pass; nothing if none started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// What was read, if the event could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<SyncSubject>,
    /// How it was asked to be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<SyncMode>,
    /// How it was read: a delta whose cursor has expired becomes a full pass, and a note says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode_done: Option<SyncMode>,
    /// Pages of this generation.
    pub pages: u64,
    /// Rows in them.
    pub rows: u64,
    /// The days of a sync of usage, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<SyncDay>,
    /// Sums, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub totals: Map<String, Value>,
    /// Where the next delta begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// What could not be seen, or was done otherwise than asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<SyncNote>,
    /// When a worker first saw the event.
    pub started_at: Timestamp,
    /// When the sync ended.
    pub finished_at: Timestamp,
    /// How often a pass was started after a failure, the first time included.
    pub attempts: u32,
    /// How often an operator replayed it.
    pub replays: u32,
    /// Why it did not come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Everything wrong with an event that was rejected for its form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
}

impl SyncFinished {
    /// The end of a sync that read nothing.
    pub fn of_nothing(sync_id: Uuid, state: SyncState, at: Timestamp, replays: u32) -> Self {
        Self {
            sync_id,
            state,
            complete: false,
            kinds: Vec::new(),
            generation: None,
            what: None,
            mode: None,
            mode_done: None,
            pages: 0,
            rows: 0,
            days: Vec::new(),
            totals: Map::new(),
            cursor: None,
            notes: Vec::new(),
            started_at: at,
            finished_at: at,
            attempts: 1,
            replays,
            failure: None,
            violations: Vec::new(),
        }
    }

    /// The end of a sync that never started, because its event was refused. `None` if the message does not say which
    /// sync it would have been.
    pub fn refused(undecodable: &Undecodable, at: Timestamp, replays: u32) -> Option<Self> {
        let sync_id = undecodable.run_id()?;
        Some(Self {
            failure: Some(Failure::rejected(undecodable.code(), undecodable.reason.summary())),
            violations: undecodable.violations().to_vec(),
            ..Self::of_nothing(sync_id, SyncState::Rejected, at, replays)
        })
    }
}

impl ResultType for SyncPage {
    const TYPE: &'static str = "gatehouse.sync.page.v1";
    const ADDRESS: &'static str = "{what}.{kind}";

    fn schema() -> &'static Schema {
        &schema::SYNC_PAGE
    }

    fn routing_key(&self) -> Cow<'static, str> {
        format!("{}.{}", self.what.as_str(), self.kind).into()
    }

    fn run_id(&self) -> Option<Uuid> {
        Some(self.sync_id)
    }

    fn what(&self) -> String {
        what(&["sync.page", &self.generation.to_string(), &self.number.to_string()])
    }
}

impl ResultType for SyncWaiting {
    const TYPE: &'static str = "gatehouse.sync.waiting.v1";
    const ADDRESS: &'static str = "sync.waiting";

    fn schema() -> &'static Schema {
        &schema::SYNC_WAITING
    }

    fn routing_key(&self) -> Cow<'static, str> {
        "sync.waiting".into()
    }

    fn run_id(&self) -> Option<Uuid> {
        Some(self.sync_id)
    }

    fn what(&self) -> String {
        what(&["sync.waiting", &self.replays.to_string(), &self.part.to_string()])
    }
}

impl ResultType for SyncFinished {
    const TYPE: &'static str = "gatehouse.sync.finished.v1";
    const ADDRESS: &'static str = "sync.{state}";

    fn schema() -> &'static Schema {
        &schema::SYNC_FINISHED
    }

    fn routing_key(&self) -> Cow<'static, str> {
        format!("sync.{}", self.state.as_str()).into()
    }

    fn run_id(&self) -> Option<Uuid> {
        Some(self.sync_id)
    }

    /// A sync that starts again reads anew: each start ends for itself.
    fn what(&self) -> String {
        let generation = self.generation.map(|generation| generation.to_string()).unwrap_or_default();
        what(&["sync.finished", &self.replays.to_string(), &generation])
    }
}
