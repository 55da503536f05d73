//! Events, claims and a stream, in few words.

use jiff::{SignedDuration, Timestamp};
use ledger::{
    Body, BrakeLimit, Cancels, Claim, Decision, Intent, Key, KeyRing, Kind, Ledger, Read, Record, Release,
    Rules, Specified, State,
};
use uuid::Uuid;

/// Midnight of the first of January 2026, and so many days.
pub fn day(day: i64) -> Timestamp {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    start + SignedDuration::from_hours(24 * day)
}

/// The keys of an identifier.
pub fn key(kind: Kind, value: &str) -> Vec<Key> {
    KeyRing::new(b"secret of the tests").keys("contoso", kind, value)
}

/// One claim of a delivery. The methods make others of it.
#[derive(Clone)]
pub struct Act(pub Claim);

/// The first claim of run `number`, for an event about Ada that was published on a day and takes effect at once.
pub fn act(intent: Intent, number: u8, published: i64) -> Act {
    let (run, nonce) = (Uuid::from_u128(number.into()), Uuid::from_u128(1));
    Act(Claim {
        keys: key(Kind::EntraId, "ada"),
        tenant: key(Kind::Tenant, ""),
        ..Claim::new(run, nonce, intent, number.into(), day(published))
    })
}

pub fn hire(number: u8, published: i64) -> Act {
    act(Intent::Onboarding, number, published)
}

pub fn leave(number: u8, published: i64) -> Act {
    act(Intent::Offboarding, number, published)
}

pub fn revoke(number: u8, published: i64) -> Act {
    act(Intent::AccessRevoke, number, published)
}

pub fn change(number: u8, published: i64, names: &[u32]) -> Act {
    let mut act = act(Intent::Change, number, published);
    act.0.names = names.to_vec();
    act
}

pub fn cancel(number: u8, published: i64, cancels: Cancels) -> Act {
    let mut act = act(Intent::Cancel, number, published);
    act.0.cancels = Some(cancels);
    act
}

impl Act {
    fn with(&self, change: impl FnOnce(&mut Claim)) -> Self {
        let mut act = self.clone();
        change(&mut act.0);
        act
    }

    pub fn id(&self) -> Uuid {
        self.0.run
    }

    /// Takes effect on this day.
    pub fn on(&self, effective: i64) -> Self {
        self.with(|claim| claim.effective = Some(day(effective)))
    }

    /// Its day is still to come.
    pub fn pending(&self) -> Self {
        self.with(|claim| claim.pending = true)
    }

    pub fn leg(&self, leg: u32) -> Self {
        self.with(|claim| claim.leg = leg)
    }

    /// It has locked out, on this leg or before.
    pub fn looks_again(&self, leg: u32) -> Self {
        self.leg(leg).with(|claim| claim.looks_again = true)
    }

    pub fn replayed(&self, replays: u32) -> Self {
        self.with(|claim| claim.replays = replays)
    }

    /// Another delivery of the same message.
    pub fn delivery(&self, nonce: u8) -> Self {
        self.with(|claim| claim.nonce = Uuid::from_u128(nonce.into()))
    }

    pub fn renewed(&self) -> Self {
        self.with(|claim| claim.fresh = false)
    }

    pub fn over(&self, last: &[u64]) -> Self {
        self.with(|claim| claim.over = last.to_vec())
    }

    pub fn sequence(&self, sequence: i64) -> Self {
        self.with(|claim| claim.sequence = Some(sequence))
    }

    pub fn about(&self, keys: &[(Kind, &str)]) -> Self {
        self.with(|claim| claim.keys = keys.iter().flat_map(|(kind, value)| key(*kind, value)).collect())
    }

    pub fn braked(&self, limit: u32, days: u32) -> Self {
        self.with(|claim| claim.brake = Some(BrakeLimit { limit, window: days * 24 * 60 * 60 }))
    }
}

/// A stream with one reader.
#[derive(Clone)]
pub struct Stream<R = Specified> {
    pub ledger: Ledger<R>,
    pub records: Vec<Record>,
}

pub fn stream() -> Stream {
    Stream::ruled()
}

impl<R: Rules> Stream<R> {
    pub fn ruled() -> Self {
        Self { ledger: Ledger::default(), records: Vec::new() }
    }

    /// Appends a record of a day and reads it.
    pub fn append(&mut self, on: i64, body: Body) -> Read {
        let record =
            Record { at: day(on), worker: "w".to_owned(), number: 0, seen: self.ledger.seen(), body };
        let read = self.ledger.read(self.records.len() as u64, &record);
        self.records.push(record);
        read
    }

    /// Appends a claim on a day, and says what was decided.
    pub fn claim_on(&mut self, on: i64, act: &Act) -> Decision {
        match self.append(on, Body::Claim(act.0.clone())) {
            Read::Decided(decision) => decision,
            other => panic!("{other:?}"),
        }
    }

    pub fn claim(&mut self, act: &Act) -> Decision {
        self.claim_on(0, act)
    }

    pub fn release(&mut self, act: &Act, state: State, leg: u32) {
        let Claim { run, nonce, replays, .. } = act.0;
        let until = None;
        assert_eq!(
            self.append(0, Body::Release(Release { run, nonce, state, leg, replays, until, done: None })),
            Read::Noted
        );
    }

    /// Claims, must hold, and ends well.
    pub fn does(&mut self, act: &Act) {
        let expected = if act.0.intent == Intent::Cancel { Decision::Recorded } else { Decision::Hold };
        assert_eq!(self.claim(act), expected);
        self.release(act, State::Done, act.0.leg);
    }

    /// Claims before its day, and sleeps.
    pub fn plans(&mut self, act: &Act) {
        assert_eq!(self.claim(&act.pending()), Decision::Sleep);
        self.release(act, State::Asleep, 1);
    }
}
