//! What was read of the ledger, and when: the fold, the sightings of holds, and who waits for an answer.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;
use ledger::{
    Body, Decision, Lease, Ledger, PART_BYTES, Read, Record, RecordError, Refusal, SnapshotError, Timing,
    Writer, decode, may_send,
};
use tokio::sync::oneshot;
use uuid::Uuid;

const SIGHTINGS: usize = 4096;
/// A snapshot is written after so many records, and a start reads as many behind it. RabbitMQ hands out about 6,000 a
/// second of those that were written one by one, since it stores each by itself (3.10.8, measured 2026-11-30).
pub(crate) const SNAPSHOT_EVERY: u64 = 2_500;

/// What one process has read.
pub(crate) struct Book {
    ledger: Ledger,
    /// This process, as its records name it.
    worker: String,
    /// Of each hold, when its last record was read, by this machine's monotonic clock.
    read_at: BTreeMap<u64, Duration>,
    /// With so many of them, those of holds that are gone are dropped.
    most_sightings: usize,
    /// Who waits for the answer to which of our records.
    waiting: HashMap<u64, oneshot::Sender<Decision>>,
    /// The last record, to see after a break that it is still there. A snapshot has no text of it.
    last: Option<(u64, Option<Vec<u8>>)>,
    /// The last claim by anybody, and whether a snapshot of what follows it is ours to write.
    last_claim: u64,
    is_snapshot_due: bool,
    /// Counts the sessions. A hold of an earlier one is not ours any more.
    session: u64,
    is_open: bool,
    /// The number of our record with which the session began.
    mark: u64,
    /// Whether that record was read. Then everything was that was there when the session began.
    is_caught_up: bool,
    /// Whether this session began with the first record, and has not read everything yet.
    is_from_first: bool,
    /// A record of this version was read: nothing is claimed until a newer worker is here.
    newer: Option<u64>,
    counts: Counts,
    lag: Duration,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Messages that were no records.
    pub(crate) skipped: u64,
    /// How often records that this process had read were gone.
    pub(crate) cuts: u64,
    /// Records whose publisher had read some that are not there.
    pub(crate) contradictions: u64,
}

/// What a record does to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was folded, or is none.
    Folded,
    /// Records were lost: read again from the first.
    Cut,
    /// A newer worker wrote it: stop.
    Newer,
}

impl Book {
    pub(crate) fn new(worker: String) -> Self {
        Self {
            ledger: Ledger::default(),
            worker,
            read_at: BTreeMap::new(),
            most_sightings: SIGHTINGS,
            waiting: HashMap::new(),
            last: None,
            last_claim: 0,
            is_snapshot_due: false,
            session: 0,
            is_open: false,
            mark: 0,
            is_caught_up: false,
            is_from_first: false,
            newer: None,
            counts: Counts::default(),
            lag: Duration::ZERO,
        }
    }

    /// Where to read on: with the last record once more. If it is not there, records were lost.
    pub(crate) fn from(&self) -> Option<u64> {
        self.last.as_ref().map(|(offset, _)| *offset)
    }

    /// A session begins, with a record of this number. Holds of the one before are not ours any more.
    pub(crate) fn begin(&mut self, mark: u64) {
        self.mark = mark;
        self.session += 1;
        self.is_open = true;
        self.is_from_first = self.last.is_none();
    }

    /// The session has ended: nobody gets an answer, and nothing may be sent.
    pub(crate) fn end(&mut self) {
        self.is_open = false;
        self.is_caught_up = false;
        self.waiting.clear();
        self.end_snapshot();
    }

    /// Records were lost: what was read is worth nothing.
    pub(crate) fn cut(&mut self) {
        self.counts.cuts += 1;
        self.end();
        self.ledger = Ledger::default();
        self.read_at.clear();
        self.last = None;
    }

    /// Begins with a snapshot.
    pub(crate) fn restore(&mut self, ledger: Ledger) {
        self.last = ledger.seen().map(|seen| (seen, None));
        self.last_claim = ledger.seen().unwrap_or_default();
        self.ledger = ledger;
    }

    /// Begins a snapshot, if this process is to write one: it made the claim that crossed the mark. One at a time.
    pub(crate) fn snapshot_due(&mut self) -> Option<Writer> {
        let is_due = std::mem::take(&mut self.is_snapshot_due) && !self.ledger.is_in_snapshot();
        is_due.then(|| self.ledger.begin_snapshot(Uuid::new_v4()))
    }

    /// The next part of a snapshot. Nothing is read meanwhile.
    pub(crate) fn part(&mut self, writer: &mut Writer) -> Result<Option<Vec<u8>>, SnapshotError> {
        writer.part(&mut self.ledger, PART_BYTES)
    }

    /// The snapshot is written, or given up.
    pub(crate) fn end_snapshot(&mut self) {
        self.ledger.end_snapshot();
    }

    /// Whether claims are answered.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_open && self.is_caught_up && self.newer.is_none()
    }

    /// The number of the session, while one is open and every record so far was understood.
    pub(crate) fn session(&self) -> Option<u64> {
        (self.is_open && self.newer.is_none()).then_some(self.session)
    }

    pub(crate) fn newer(&self) -> Option<u64> {
        self.newer
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// How old the last record was when it was read, by the clocks of its writer and of this machine.
    pub(crate) fn lag(&self) -> Duration {
        self.lag
    }

    /// The offset of the last record that was read.
    pub(crate) fn seen(&self) -> Option<u64> {
        self.ledger.seen()
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Announces that somebody waits for the answer to a record.
    pub(crate) fn wait_for(&mut self, number: u64) -> oneshot::Receiver<Decision> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.insert(number, sender);
        receiver
    }

    pub(crate) fn give_up(&mut self, number: u64) {
        self.waiting.remove(&number);
    }

    /// The holds among these that may be passed over: read at least `take_after` ago.
    pub(crate) fn passable(&self, holds: &[u64], now: Duration, timing: &Timing) -> Vec<u64> {
        let is_old = |last: &&u64| self.read_at.get(last).is_some_and(|read| timing.may_take(now, *read));
        holds.iter().filter(is_old).copied().collect()
    }

    /// The fence.
    pub(crate) fn may_send(
        &self,
        now: Duration,
        timing: &Timing,
        lease: &Lease,
        session: u64,
    ) -> Result<(), Refusal> {
        may_send(now, timing, lease, &self.ledger, self.session() == Some(session))
    }

    /// Reads what stands at an offset.
    pub(crate) fn take(&mut self, offset: u64, body: Vec<u8>, now: Duration) -> Taken {
        if let Some((last, known)) = self.last.as_ref().filter(|(last, _)| *last >= offset) {
            // Only the first record of a session comes a second time, and it must be the same.
            let is_known = known.as_ref().is_none_or(|known| *known == body);
            return if *last == offset && is_known { Taken::Folded } else { Taken::Cut };
        }
        if self.is_from_first {
            self.ledger.go_on_at(offset);
        }
        let taken = match decode(&body) {
            Ok(record) => self.fold(offset, &record, now),
            Err(RecordError::Newer(version)) => {
                self.newer = Some(version);
                return Taken::Newer;
            }
            Err(_) => {
                self.counts.skipped += 1;
                if self.ledger.skip(offset) == Read::Cut { Taken::Cut } else { Taken::Folded }
            }
        };
        self.last = Some((offset, Some(body)));
        taken
    }

    fn fold(&mut self, offset: u64, record: &Record, now: Duration) -> Taken {
        self.lag = Timestamp::now().duration_since(record.at).try_into().unwrap_or_default();
        if record.seen.is_some_and(|seen| seen >= offset) {
            self.counts.contradictions += 1;
        }
        let decision = match self.ledger.read(offset, record) {
            Read::Cut => return Taken::Cut,
            Read::Noted => None,
            Read::Decided(decision) => Some(decision),
        };
        let is_ours = record.worker == self.worker;
        match (decision, &record.body) {
            (Some(decision), _) => {
                let has_crossed = offset / SNAPSHOT_EVERY > self.last_claim / SNAPSHOT_EVERY;
                self.is_snapshot_due |= has_crossed && is_ours && self.is_caught_up;
                self.last_claim = offset;
                if matches!(decision, Decision::Hold | Decision::Act) {
                    self.sighted(offset, now);
                }
                let waiting = if is_ours { self.waiting.remove(&record.number) } else { None };
                if let Some(waiting) = waiting {
                    // Whoever has given up meanwhile asks again.
                    let _ = waiting.send(decision);
                }
            }
            (None, Body::Forget(_)) if is_ours && record.number == self.mark => {
                self.is_caught_up = true;
                self.is_from_first = false;
            }
            (None, _) => {}
        }
        Taken::Folded
    }

    /// Notes when a hold was last heard of.
    fn sighted(&mut self, offset: u64, now: Duration) {
        self.read_at.insert(offset, now);
        if self.read_at.len() < self.most_sightings {
            return;
        }
        // Those that nobody holds any more. That takes a walk through everybody, so it is done seldom.
        let held = self.ledger.people().flat_map(|person| &person.holds).map(|hold| hold.last);
        let held: BTreeSet<u64> = held.collect();
        self.read_at.retain(|last, _| held.contains(last));
        self.most_sightings = SIGHTINGS.max(2 * self.read_at.len());
    }
}
