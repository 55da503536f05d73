//! How many runs stand where, by the ledger.

use jiff::{SignedDuration, Timestamp};
use ledger::{Ledger, State};

/// A run that sleeps so long past its time is overdue: its message comes from the delay within seconds.
const OVERDUE: SignedDuration = SignedDuration::from_mins(5);

/// Runs that have not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Some worker acts for them now.
    pub(crate) running: i64,
    /// They wait for another run of their person, or to be begun anew.
    pub(crate) waiting: i64,
    /// They sleep until their time comes.
    pub(crate) asleep: i64,
    /// The brake holds them.
    pub(crate) braked: i64,
    /// Of those that sleep, how many should have woken.
    pub(crate) overdue: i64,
}

impl Standing {
    /// Counts by this ledger, at this time.
    pub(crate) fn of(ledger: &Ledger, now: Timestamp) -> Self {
        let mut all = Self::default();
        let overdue = now.checked_sub(OVERDUE).unwrap_or(Timestamp::MIN).as_microsecond();
        for person in ledger.people() {
            for run in person.runs.iter().filter(|run| !run.state.is_over()) {
                let acts = || person.holds.iter().any(|hold| hold.run == run.id);
                let counter = match run.state {
                    State::Asleep => &mut all.asleep,
                    State::Braked => &mut all.braked,
                    _ if acts() => &mut all.running,
                    _ => &mut all.waiting,
                };
                *counter = counter.saturating_add(1);
                if run.state == State::Asleep && run.until != 0 && run.until < overdue {
                    all.overdue = all.overdue.saturating_add(1);
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Body, Claim, Intent, KeyRing, Kind, Record, Release};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_sleeper_is_overdue_five_minutes_after_its_time() {
        let until: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        let keys = KeyRing::new(b"secret of the tests").keys("contoso", Kind::Upn, "ada@contoso.example");
        let (run, nonce) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let claim = Claim { keys, ..Claim::new(run, nonce, Intent::Offboarding, 7, Timestamp::UNIX_EPOCH) };
        let record = |body| Record { at: until, worker: "one".to_owned(), number: 0, seen: None, body };
        let mut ledger = Ledger::default();
        ledger.read(0, &record(Body::Claim(claim)));
        assert_eq!(Standing::of(&ledger, until), Standing { running: 1, ..Standing::default() });
        let state = State::Asleep;
        let release = Release { run, nonce, state, leg: 1, replays: 0, until: Some(until), done: None };
        ledger.read(1, &record(Body::Release(release)));
        for (minutes, overdue) in [(-60, 0), (4, 0), (6, 1)] {
            let now = until + SignedDuration::from_mins(minutes);
            let expected = Standing { asleep: 1, overdue, ..Standing::default() };
            assert_eq!(Standing::of(&ledger, now), expected, "{minutes} minutes after its time");
        }
    }
}
