//! The records of the stream: JSON, at most 2 KiB each.

use jiff::Timestamp;
use ring::digest;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    intent::{Intent, Side},
    keys::Key,
    person::{Position, State},
};

/// The version of the records and of the rules they are folded by. Every change of a rule raises it, because workers
/// with different rules would decide differently.
const VERSION: u64 = 1;

/// The largest record, in bytes. A change that sets forty names, written with two secrets, takes about 1.5 KiB.
pub const MAX_BYTES: usize = 2048;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The wall clock of its publisher: for people, and for the brake.
    pub at: Timestamp,
    /// The process that published it: a worker, or an operator's tool.
    pub worker: String,
    /// Which of its publisher's records it is, so that it recognises its own.
    pub number: u64,
    /// The offset of the last record its publisher had read; none if it had read nothing. One that is not below the
    /// record's own offset proves that records were lost, which is worth counting.
    pub seen: Option<u64>,
    /// What it says.
    #[serde(flatten)]
    pub body: Body,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Body {
    /// A delivery wants to act, or goes on acting.
    Claim(Claim),
    /// A delivery no longer acts.
    Release(Release),
    /// An operator cancels one run.
    Stop(Stop),
    /// An operator lets held offboardings through.
    Brake(Brake),
    /// An operator clears what shuts runs of a person.
    Clear(Clear),
    /// Everybody forgets what is older than the horizon.
    Forget(Forget),
}

/// A delivery wants to act for a person, or goes on acting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The run.
    pub run: Uuid,
    /// Chosen anew for every delivery.
    pub nonce: Uuid,
    /// Whether it is the first claim of a delivery. The others renew it.
    pub fresh: bool,
    /// The fingerprint of the event's source and id, by which a cancel names it.
    pub event: u64,
    /// The person, by every identifier known. Once a worker learns another one it renews before it writes.
    pub keys: Vec<Key>,
    /// The tenant.
    pub tenant: Vec<Key>,
    /// What the run wants.
    pub intent: Intent,
    /// What a cancel takes out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancels: Option<Cancels>,
    /// The event's `time`.
    pub time: Timestamp,
    /// The event's `sequence`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
    /// When the event takes effect; its `time` unless it says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<Timestamp>,
    /// The fingerprints of the names that a change sets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<u32>,
    /// Whether the effective date is still to come.
    pub pending: bool,
    /// How many messages carried the run on before this one. A message's leg never changes.
    pub leg: u32,
    /// Whether an access revoke has locked out, and looks again with a hold. Until then it acts beside the holder.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub looks_again: bool,
    /// How often an operator has replayed the run.
    pub replays: u32,
    /// How many offboardings this worker admits. Nothing if it has no brake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake: Option<BrakeLimit>,
    /// The last records of holds that this worker has read at least `take_after` ago, and passes over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<u64>,
}

impl Claim {
    /// The first claim of a delivery, which begins its run: about nobody yet, and limited by nothing.
    pub fn new(run: Uuid, nonce: Uuid, intent: Intent, event: u64, time: Timestamp) -> Self {
        Self {
            run,
            nonce,
            fresh: true,
            event,
            keys: Vec::new(),
            tenant: Vec::new(),
            intent,
            cancels: None,
            time,
            sequence: None,
            effective: None,
            names: Vec::new(),
            pending: false,
            leg: 0,
            looks_again: false,
            replays: 0,
            brake: None,
            over: Vec::new(),
        }
    }

    /// Which part of the run the message carries.
    pub(crate) fn position(&self) -> Position {
        Position { replays: self.replays, leg: self.leg }
    }
}

/// What a cancel takes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cancels {
    /// The event with this fingerprint, whatever its time: who names an event knows it.
    Event(u64),
    /// Every older run of one side.
    Side(Side),
    /// Every older run.
    All,
}

/// How many offboardings of a tenant may begin within a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrakeLimit {
    /// The number that holds the next one back.
    pub limit: u32,
    /// The time, in seconds.
    pub window: u32,
}

/// A delivery no longer acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The run.
    pub run: Uuid,
    /// The delivery.
    pub nonce: Uuid,
    /// What became of the run.
    pub state: State,
    /// The leg of the message that carries it on; that of the delivery if none does.
    pub leg: u32,
    /// How often the run had been replayed, as the message says.
    pub replays: u32,
    /// When a run that sleeps wakes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The steps that had changed something by then, if any. No decision depends on them: a cancel reports them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Done>,
}

/// What a run has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The names of the steps that changed something, in order, as far as there is room.
    pub steps: Vec<String>,
    /// How many more did.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u32,
    /// The first of all of them that removes for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_return: Option<String>,
}

/// How many bytes the names of steps may take in a record.
const DONE_BYTES: usize = 1024;

impl Done {
    /// These steps, the first ones by name; nothing if there are none.
    pub fn of(steps: Vec<String>, no_return: Option<String>) -> Option<Self> {
        let mut room = DONE_BYTES;
        let no_return = no_return.filter(|step| takes(step) <= room);
        room = room.saturating_sub(no_return.as_deref().map_or(0, takes));
        let mut done = Self { steps: Vec::new(), more: 0, no_return };
        for step in steps {
            match room.checked_sub(takes(&step)).filter(|_| done.more == 0) {
                Some(rest) => {
                    room = rest;
                    done.steps.push(step);
                }
                None => done.more = done.more.saturating_add(1),
            }
        }
        (!done.steps.is_empty() || done.more > 0).then_some(done)
    }
}

/// The most bytes that a name takes in a record, with what stands around it.
fn takes(name: &str) -> usize {
    serde_json::to_string(name).map_or(DONE_BYTES, |text| text.len()).saturating_add(1)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// An operator cancels one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The run.
    pub run: Uuid,
}

/// An operator lets offboardings of one tenant through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brake {
    /// The tenant.
    pub tenant: Vec<Key>,
    /// How many more may pass than the limit allows.
    #[serde(default)]
    pub allow: u32,
    /// The brake is off until then, by the clock of the claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// An operator clears what shuts runs of a person: their runs so far shut nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clear {
    /// The person.
    pub keys: Vec<Key>,
}

/// Everybody forgets people of whom nothing was heard since `before` and who have no open run. It is a record, because
/// the fold has no clock, and readers that forgot by their own would decide differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forget {
    /// The horizon: events older than this are refused before they claim.
    pub before: Timestamp,
}

/// Why bytes are no record, or a record cannot be written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A newer worker wrote it. Whoever reads it stops claiming: it must not be skipped.
    #[error("a record of version {0}, and this worker knows {VERSION}: update this worker")]
    Newer(u64),
    /// It is none of ours. Whoever reads it counts it and goes on.
    #[error("not a record of the ledger: {0}")]
    Unreadable(String),
    /// It does not fit.
    #[error("a record of {0} bytes, and {MAX_BYTES} are the most: let the event set fewer names")]
    TooLarge(usize),
}

#[derive(Deserialize)]
struct Version {
    v: u64,
}

#[derive(Serialize)]
struct Versioned<'a> {
    v: u64,
    #[serde(flatten)]
    record: &'a Record,
}

/// The bytes of a record.
///
/// # Errors
///
/// If it is larger than [`MAX_BYTES`].
pub fn encode(record: &Record) -> Result<Vec<u8>, RecordError> {
    let bytes = serde_json::to_vec(&Versioned { v: VERSION, record });
    let bytes = bytes.map_err(|error| RecordError::Unreadable(error.to_string()))?;
    if bytes.len() > MAX_BYTES { Err(RecordError::TooLarge(bytes.len())) } else { Ok(bytes) }
}

/// The record in a message's body.
///
/// # Errors
///
/// If a newer worker wrote it, or if it is none.
pub fn decode(body: &[u8]) -> Result<Record, RecordError> {
    let unreadable = |error: serde_json::Error| RecordError::Unreadable(error.to_string());
    let Version { v } = serde_json::from_slice(body).map_err(unreadable)?;
    match v {
        VERSION if body.len() > MAX_BYTES => Err(RecordError::Unreadable(format!("{} bytes", body.len()))),
        VERSION => serde_json::from_slice(body).map_err(unreadable),
        newer if newer > VERSION => Err(RecordError::Newer(newer)),
        older => Err(RecordError::Unreadable(format!("version {older}"))),
    }
}

/// The fingerprint of an event: the first eight bytes of SHA-256 over its source and id.
pub fn event_fingerprint(source: &str, id: &str) -> u64 {
    u64::from_be_bytes(hash(&[source, id]))
}

/// The fingerprint of a name that a change sets: the first four bytes of its SHA-256.
pub fn name_fingerprint(name: &str) -> u32 {
    u32::from_be_bytes(hash(&[name]))
}

fn hash<const N: usize>(parts: &[&str]) -> [u8; N] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    out
}
