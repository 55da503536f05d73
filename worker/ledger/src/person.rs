//! What the ledger knows of a person: their runs, and who acts for them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    intent::Intent,
    keys::Key,
    record::{Cancels, Claim, Done},
};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has claimed, and not released since.
    Open,
    /// It sleeps, and its message is in the delay.
    Asleep,
    /// It waits for another run, and its message is in the delay.
    Waiting,
    /// The brake holds it, and its message is in the delay.
    Braked,
    /// It ended well, or as well as it could.
    Done,
    /// It ended with a failure.
    Failed,
    /// It is a dead letter.
    SetAside,
    /// Newer word shut it.
    Superseded,
    /// A cancel or an operator shut it.
    Cancelled,
}

impl State {
    /// Whether the run has ended.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::SetAside | Self::Superseded | Self::Cancelled)
    }

    /// Whether an operator may replay it.
    pub(crate) fn is_replayable(self) -> bool {
        matches!(self, Self::Failed | Self::SetAside)
    }
}

/// How far a run has come, and which part of it a message carries. Replays count first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// How often an operator has replayed it.
    pub replays: u32,
    /// How often it has gone to sleep.
    pub leg: u32,
}

/// One run. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: Uuid,
    /// The fingerprint of its event.
    pub event: u64,
    /// What it wants.
    pub intent: Intent,
    /// What it takes out, if it is a cancel.
    pub cancels: Option<Box<Cancels>>,
    /// The event's time.
    pub time: i64,
    /// The event's sequence; an event without one comes before all that have one.
    pub sequence: Option<i64>,
    /// When it takes effect.
    pub effective: i64,
    /// The fingerprints of the names it sets.
    pub names: Box<[u32]>,
    /// Where it stands.
    pub state: State,
    /// When it wakes, if it sleeps.
    pub until: i64,
    /// How far it has come.
    pub position: Position,
    /// The offset of its first claim.
    pub first: u64,
    /// Whether it has claimed with its date come, and nothing shut it.
    pub raised: bool,
    /// Whether it has ever been granted a hold.
    pub held: bool,
    /// Whether the brake has let it through.
    pub admitted: bool,
    /// Whether an operator stopped it.
    pub stopped: bool,
    /// Whether an operator cleared it: it shuts nothing.
    pub cleared: bool,
    /// What it had changed by its last release, unless it has reached its end since.
    #[serde(with = "crate::snapshot::done")]
    pub done: Option<Box<Done>>,
}

impl Run {
    pub(crate) fn new(claim: &Claim, first: u64) -> Self {
        let time = claim.time.as_microsecond();
        Self {
            id: claim.run,
            event: claim.event,
            intent: claim.intent,
            cancels: claim.cancels.map(Box::new),
            time,
            sequence: claim.sequence,
            effective: claim.effective.map_or(time, jiff::Timestamp::as_microsecond),
            names: claim.names.clone().into_boxed_slice(),
            state: State::Open,
            until: 0,
            position: claim.position(),
            first,
            raised: false,
            held: false,
            admitted: false,
            stopped: false,
            cleared: false,
            done: None,
        }
    }

    /// When it would have taken effect, had every message arrived at once: not before it was published.
    pub fn turn(&self) -> i64 {
        self.time.max(self.effective)
    }
}

/// How a run acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Alone.
    Holder,
    /// An access revoke that locks out at once, whoever holds.
    Actor,
}

/// A delivery that acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Its run.
    pub run: Uuid,
    /// The delivery.
    pub nonce: Uuid,
    /// The offset of its last granted claim.
    pub last: u64,
    /// How it acts.
    pub role: Role,
}

impl Hold {
    /// Whether it is this delivery's.
    pub fn is_of(&self, run: Uuid, nonce: Uuid) -> bool {
        self.run == run && self.nonce == nonce
    }
}

/// One person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Every identifier known.
    pub keys: Box<[Key]>,
    /// Every run, in the order of first claims.
    pub runs: Box<[Run]>,
    /// Who acts. More than one holder only after two people turned out to be one.
    pub holds: Box<[Hold]>,
    /// The latest `at` of a record, in microseconds since 1970.
    pub last_at: i64,
}

impl Person {
    /// A run of theirs.
    pub fn run(&self, id: Uuid) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == id)
    }

    pub(crate) fn run_mut(&mut self, id: Uuid) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.id == id)
    }

    /// What this delivery holds, if it acts.
    pub(crate) fn hold(&self, run: Uuid, nonce: Uuid) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.is_of(run, nonce))
    }

    /// Whether a run has not ended.
    pub(crate) fn is_open(&self) -> bool {
        self.runs.iter().any(|run| !run.state.is_over())
    }
}

/// Makes a list longer. Each takes the memory it needs and no more: there are hundreds of thousands, which seldom grow.
pub(crate) fn append<T>(list: &mut Box<[T]>, more: impl IntoIterator<Item = T>) {
    *list = std::mem::take(list).into_iter().chain(more).collect();
}

/// Makes a list shorter.
pub(crate) fn retain<T>(list: &mut Box<[T]>, is_kept: impl FnMut(&T) -> bool) {
    *list = std::mem::take(list).into_iter().filter(is_kept).collect();
}
