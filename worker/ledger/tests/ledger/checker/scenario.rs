//! What is to happen in a world: events, mishaps, and how it must end.

use ledger::{Cancels, Claim, Intent, State};

use crate::story::{Act, act, day};

/// What a run writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Write {
    /// Lets the person in.
    Enable,
    /// Locks the person out.
    Disable,
    /// Sets a property of this number.
    Set(u8),
}

/// An event, and the run it starts.
#[derive(Clone)]
pub struct Event {
    pub claim: Claim,
    /// The day from which it is in the queue.
    pub published: u8,
    /// The day on which it takes effect.
    pub effective: u8,
    /// How many messages of it there are.
    pub copies: u8,
    pub writes: Vec<Write>,
    /// After so many writes it sleeps.
    pub sleeps_after: Option<u8>,
    /// Its workflow does not know a parameter.
    pub is_rejected: bool,
    /// It becomes a dead letter until it is replayed.
    pub is_blocked: bool,
}

/// An event about Ada of a day; its run has the number.
pub fn event(intent: Intent, number: u8, published: u8) -> Event {
    let writes = match intent {
        Intent::Onboarding | Intent::Restore => vec![Write::Enable],
        Intent::Offboarding => vec![Write::Disable],
        // It locks out, and looks again.
        Intent::AccessRevoke => vec![Write::Disable, Write::Disable],
        Intent::Change | Intent::Cancel => vec![],
    };
    Event {
        claim: act(intent, number, published.into()).0,
        published,
        effective: published,
        copies: 1,
        writes,
        sleeps_after: None,
        is_rejected: false,
        is_blocked: false,
    }
}

impl Event {
    pub fn on(self, effective: u8) -> Self {
        let claim = Claim { effective: Some(day(effective.into())), ..self.claim };
        Self { claim, effective, ..self }
    }

    /// Arrives before its time, by the clock of whoever published it.
    pub fn arriving(self, published: u8) -> Self {
        let effective = if self.claim.effective.is_some() { self.effective } else { published };
        Self { published, effective, ..self }
    }

    pub fn twice(self) -> Self {
        Self { copies: 2, ..self }
    }

    pub fn writing(self, writes: &[Write]) -> Self {
        let names = writes.iter().filter_map(|write| match write {
            Write::Set(name) => Some((*name).into()),
            _ => None,
        });
        let names = if self.claim.intent == Intent::Change { names.collect() } else { vec![] };
        Self { claim: Claim { names, ..self.claim }, writes: writes.to_vec(), ..self }
    }

    pub fn sleeping_after(self, writes: u8) -> Self {
        Self { sleeps_after: Some(writes), ..self }
    }

    pub fn rejected(self) -> Self {
        Self { is_rejected: true, ..self }
    }

    pub fn blocked(self) -> Self {
        Self { is_blocked: true, ..self }
    }

    pub fn cancelling(self, cancels: Cancels) -> Self {
        Self { claim: Claim { cancels: Some(cancels), ..self.claim }, ..self }
    }

    /// Whether it is newer word of the side of another event, or a cancel that names that event.
    pub fn replaces(&self, other: &Self) -> bool {
        let is_newer = self.claim.time > other.claim.time;
        let (side, others) = (self.claim.intent.side(), other.claim.intent.side());
        match self.claim.cancels {
            Some(Cancels::Event(event)) => event == other.claim.event,
            Some(Cancels::Side(named)) => is_newer && others == Some(named),
            Some(Cancels::All) => is_newer,
            None => is_newer && side == others && side != Some(ledger::Side::Change),
        }
    }

    pub fn about(self, keys: &[(ledger::Kind, &str)]) -> Self {
        Self { claim: Act(self.claim).about(keys).0, ..self }
    }
}

/// How a world ended.
pub struct Final {
    /// Whether the person is in.
    pub is_in: bool,
    /// Which event last set a property; none if nobody did.
    pub values: [Option<u8>; 4],
    /// How the run of each event ended.
    pub states: Vec<State>,
}

/// What may happen besides, and how often.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Mishaps {
    /// A worker dies.
    pub kills: u8,
    /// The broker gives a worker up, which works on for a while.
    pub cuts: u8,
    /// A lock-out cannot read the ledger.
    pub outages: u8,
    /// An operator stops the run of the first event.
    pub stops: u8,
    /// An operator replays a dead letter.
    pub replays: u8,
    /// An operator lets one offboarding through the brake, which holds all of them.
    pub allowed: u8,
}

/// A world to look through.
pub struct Scenario {
    pub name: &'static str,
    pub events: Vec<Event>,
    pub workers: usize,
    pub mishaps: Mishaps,
    /// Whether everybody is in at first.
    pub starts_in: bool,
    /// The brake lets nobody through by itself.
    pub is_braked: bool,
    /// Whether two of the events may act at once, since nothing says at first that they are about one person.
    pub may_overlap: bool,
    /// Whether it ended as it must.
    pub ends_well: fn(&Final) -> bool,
}

impl Scenario {
    /// Two workers, one kill, one cut wire.
    pub fn new(name: &'static str, events: Vec<Event>, ends_well: fn(&Final) -> bool) -> Self {
        let mishaps = Mishaps { kills: 1, cuts: 1, ..Mishaps::default() };
        Self {
            name,
            events,
            workers: 2,
            mishaps,
            starts_in: false,
            is_braked: false,
            may_overlap: false,
            ends_well,
        }
    }

    pub fn with(self, mishaps: Mishaps) -> Self {
        Self { mishaps, ..self }
    }

    pub fn workers(self, workers: usize) -> Self {
        Self { workers, ..self }
    }

    pub fn starting_in(self) -> Self {
        Self { starts_in: true, ..self }
    }

    pub fn braked(self) -> Self {
        Self { is_braked: true, ..self }
    }

    pub fn overlapping(self) -> Self {
        Self { may_overlap: true, ..self }
    }

    /// The same with both mishaps, or with one more kill if it has both.
    pub fn larger(mut self) -> Self {
        if self.mishaps.kills > 0 && self.mishaps.cuts > 0 {
            self.mishaps.kills += 1;
        }
        self.mishaps.kills = self.mishaps.kills.max(1);
        self.mishaps.cuts = self.mishaps.cuts.max(1);
        self
    }

    pub fn last_day(&self) -> u8 {
        self.events.iter().map(|event| event.published.max(event.effective)).max().unwrap_or(0)
    }
}
