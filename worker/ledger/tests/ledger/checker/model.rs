//! A world: the ledger, the broker's messages, the workers, the tenant, and what is still under way.

use std::{
    collections::{BTreeSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    rc::Rc,
};

use ledger::{Body, Claim, Decision, Ending, Intent, Ledger, Read, Record, Role, Rules, State};
use uuid::Uuid;

use super::scenario::{Mishaps, Scenario, Write};
use crate::story::day;

/// A takeover comes this many ticks after the last record of a hold.
pub const TAKE_AFTER: u8 = 2;
/// A request arrives within this many ticks. A lease lasts less than one.
pub const REQUEST: u8 = 1;

/// The most events of a scenario.
const EVENTS: usize = 4;

/// A message of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Message {
    pub event: u8,
    pub leg: u8,
    /// How many of its writes are done.
    pub done: u8,
    pub replays: u8,
}

/// A request that was sent and has not arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Request {
    pub event: u8,
    pub write: Write,
    /// Ticks since it was sent.
    pub age: u8,
    /// A lock-out that could not read the ledger.
    pub is_unread: bool,
}

/// What a worker does with its delivery.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Doing {
    /// It is about to claim, passing over these holds.
    Claiming { over: Vec<u64> },
    /// It has decided before it claims: only a mistaken worker does.
    Decided(Decision),
    /// It was granted, and works.
    Working {
        /// Ticks since its last grant was published.
        lease: u8,
        /// Whether the stage it is about to begin needs a renewal.
        must_renew: bool,
        role: Role,
    },
    /// It locks out without the ledger.
    Unread,
    /// It ends, and this many steps are taken.
    Settling { ending: Ending, taken: u8, next: Message },
}

/// A worker with a delivery.
#[derive(Clone, Debug)]
pub struct Worker {
    /// What the broker handed out, and hands out again.
    pub delivered: Message,
    /// The same with what was done since.
    pub message: Message,
    pub nonce: u128,
    /// Whether the broker waits for its acknowledgement.
    pub is_ours: bool,
    pub doing: Doing,
    pub request: Option<Request>,
    pub has_held: bool,
}

/// A world.
#[derive(Clone)]
pub struct World<R> {
    pub ledger: Rc<Ledger<R>>,
    /// The offset of the next record.
    pub next: u64,
    /// For the last record of each hold, the ticks since.
    pub ages: Vec<(u64, u8)>,
    /// Messages that nobody has in hand, in the queue or in the delay.
    pub queue: Vec<Message>,
    pub dead: Vec<Message>,
    pub workers: Vec<Worker>,
    /// Requests whose worker has gone.
    pub orphans: Vec<Request>,
    pub is_in: bool,
    pub values: [Option<u8>; 4],
    /// For each event, whether its end was announced.
    pub announced: [bool; EVENTS],
    /// The leg to which each run has gone on, by its holder's word.
    pub gone_on: [u8; EVENTS],
    pub today: u8,
    pub left: Mishaps,
    /// What went wrong, if something did.
    pub violation: Option<&'static str>,
}

impl<R: Rules + Clone> World<R> {
    pub fn new(scenario: &Scenario) -> Self {
        let mut queue = Vec::new();
        for (number, event) in scenario.events.iter().enumerate() {
            let message = Message { event: u8::try_from(number).unwrap(), leg: 0, done: 0, replays: 0 };
            queue.extend(std::iter::repeat_n(message, event.copies.into()));
        }
        Self {
            ledger: Rc::default(),
            next: 0,
            ages: Vec::new(),
            queue,
            dead: Vec::new(),
            workers: Vec::new(),
            orphans: Vec::new(),
            is_in: scenario.starts_in,
            values: [None; 4],
            announced: [false; EVENTS],
            gone_on: [0; EVENTS],
            today: 0,
            left: scenario.mishaps,
            violation: None,
        }
    }

    /// Appends a record, which everybody folds.
    pub fn append(&mut self, body: Body) -> Option<Decision> {
        let record =
            Record { at: day(0), worker: String::new(), number: 0, seen: self.next.checked_sub(1), body };
        let read = Rc::make_mut(&mut self.ledger).read(self.next, &record);
        self.next += 1;
        let holds: BTreeSet<u64> =
            self.ledger.people().flat_map(|person| &person.holds).map(|hold| hold.last).collect();
        self.ages.retain(|(last, _)| holds.contains(last));
        for last in holds {
            if !self.ages.iter().any(|(known, _)| *known == last) {
                self.ages.push((last, 0));
            }
        }
        match read {
            Read::Decided(decision) => Some(decision),
            Read::Noted => None,
            Read::Cut => panic!("a world loses no record"),
        }
    }

    /// A nonce that nobody has.
    pub fn nonce(&self) -> u128 {
        let held = self.ledger.people().flat_map(|person| &person.holds).map(|hold| hold.nonce.as_u128());
        let used: BTreeSet<u128> = held.chain(self.workers.iter().map(|worker| worker.nonce)).collect();
        (1..).find(|nonce| !used.contains(nonce)).unwrap()
    }

    /// A claim of a worker.
    pub fn claim_of(&self, scenario: &Scenario, worker: &Worker, fresh: bool, over: Vec<u64>) -> Claim {
        let Message { event, leg, replays, done } = worker.message;
        let known = &scenario.events[usize::from(event)];
        let mut claim = known.claim.clone();
        // What was created has an id now.
        if scenario.may_overlap && done > 0 {
            claim.keys.extend(crate::story::key(ledger::Kind::EntraId, "ada"));
        }
        claim.nonce = Uuid::from_u128(worker.nonce);
        (claim.fresh, claim.over) = (fresh, over);
        (claim.leg, claim.replays) = (leg.into(), replays.into());
        claim.looks_again = claim.intent == Intent::AccessRevoke && leg > 0;
        claim.pending = self.today < known.effective;
        if scenario.is_braked {
            claim.brake = Some(ledger::BrakeLimit { limit: 0, window: 1 });
        }
        claim
    }

    pub fn run_of(scenario: &Scenario, event: u8) -> Uuid {
        scenario.events[usize::from(event)].claim.run
    }

    /// Everything that has been sent and has not arrived.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.workers.iter().filter_map(|worker| worker.request.as_ref()).chain(&self.orphans)
    }

    /// How the run of an event stands; none if it has never claimed.
    pub fn state_of(&self, scenario: &Scenario, event: u8) -> Option<State> {
        let run = Self::run_of(scenario, event);
        Some(self.ledger.person_of(run)?.run(run)?.state)
    }

    /// What tells worlds apart. Nonces, offsets and the order of workers and messages do not.
    pub fn fingerprint(&self, with_arrival: bool) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash_into(with_arrival, &mut hasher);
        hasher.finish()
    }

    fn hash_into(&self, with_arrival: bool, hasher: &mut DefaultHasher) {
        for person in self.ledger.people() {
            let mut runs: Vec<_> = person.runs.iter().collect();
            if !with_arrival {
                runs.sort_unstable_by_key(|run| run.id);
            }
            for run in runs {
                let flags = (run.raised, run.held, run.admitted, run.stopped);
                // No rule tells the states apart in which a run goes on.
                let state = if run.state.is_over() { run.state } else { State::Open };
                (run.id, state, run.position, flags).hash(hasher);
            }
            person.keys.len().hash(hasher);
            let mut holds: Vec<u64> = person.holds.iter().map(|hold| self.hold_hash(hold)).collect();
            holds.sort_unstable();
            holds.hash(hasher);
        }
        for mut messages in [self.queue.clone(), self.dead.clone()] {
            messages.sort_unstable();
            messages.hash(hasher);
        }
        let mut workers: Vec<u64> = self.workers.iter().map(|worker| self.worker_hash(worker)).collect();
        workers.sort_unstable();
        workers.hash(hasher);
        let mut orphans = self.orphans.clone();
        orphans.sort_unstable();
        orphans.hash(hasher);
        (self.is_in, self.values, self.announced, self.gone_on, self.today, self.left, self.violation)
            .hash(hasher);
    }

    /// A hold by its run, role and age, and by whether its worker is there.
    fn hold_hash(&self, hold: &ledger::Hold) -> u64 {
        let age = self.ages.iter().find(|(last, _)| *last == hold.last).map(|(_, age)| *age);
        let is_there = self.workers.iter().any(|worker| worker.nonce == hold.nonce.as_u128());
        hash_of(&(hold.run, hold.role, age, is_there))
    }

    fn worker_hash(&self, worker: &Worker) -> u64 {
        let holds: Vec<_> = self.ledger.people().flat_map(|person| &person.holds).collect();
        let own = holds.iter().find(|hold| hold.nonce.as_u128() == worker.nonce);
        let own = own.map(|hold| self.hold_hash(hold));
        let doing = match &worker.doing {
            // Offsets by the holds they are of; those of no hold are worth nothing.
            Doing::Claiming { over } => {
                let meant = holds.iter().filter(|hold| over.contains(&hold.last));
                let mut meant: Vec<u64> = meant.map(|hold| self.hold_hash(hold)).collect();
                meant.sort_unstable();
                hash_of(&(1, meant))
            }
            other => hash_of(other),
        };
        hash_of(&(
            worker.delivered,
            worker.message,
            worker.is_ours,
            own,
            doing,
            worker.request,
            worker.has_held,
        ))
    }
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
