//! Which runs another one shut: from the ledger to results.

use jiff::Timestamp;
use ledger::{Person, Run, Side, State};
use messages::{EndedRun, KnownState, RunSide, ShutRun, ShutState};
use uuid::Uuid;

use crate::runs::turns::Turns;

impl Turns {
    /// The runs of its person that this run shut.
    pub fn shut_by(&self, run: Uuid) -> Vec<ShutRun> {
        let book = self.client.book();
        let ledger = book.ledger();
        let Some(person) = ledger.person_of(run) else { return Vec::new() };
        ledger.shut_by(run).into_iter().map(|shut| shut_run(person, shut)).collect()
    }

    /// Whether a worker has one of them in hand.
    pub fn has_running(&self, run: Uuid) -> bool {
        let book = self.client.book();
        let Some(person) = book.ledger().person_of(run) else { return false };
        book.ledger().shut_by(run).into_iter().any(|shut| is_running(person, shut))
    }

    /// The runs of this event about the person of a run that have ended, but for those that this run shut.
    pub fn had_ended(&self, run: Uuid, event: u64) -> Vec<EndedRun> {
        let book = self.client.book();
        let ledger = book.ledger();
        let Some(person) = ledger.person_of(run) else { return Vec::new() };
        let shut = ledger.shut_by(run);
        let is_named = |other: &&Run| {
            other.event == event && other.state.is_over() && !shut.iter().any(|shut| shut.id == other.id)
        };
        let ended = person.runs.iter().filter(is_named);
        ended.map(|run| EndedRun { run_id: run.id, state: known(run.state) }).collect()
    }
}

/// Whether a worker has the run in hand.
fn is_running(person: &Person, run: &Run) -> bool {
    run.state == State::Open || person.holds.iter().any(|hold| hold.run == run.id)
}

/// A run that was shut, with what it had changed.
fn shut_run(person: &Person, run: &Run) -> ShutRun {
    let at = |micros: i64| Timestamp::from_microsecond(micros).unwrap_or_default();
    let done = run.done.as_deref().cloned().unwrap_or_default();
    let state = match run.state {
        state if state.is_over() => ShutState::Ended,
        _ if is_running(person, run) => ShutState::Running,
        State::Asleep => ShutState::Asleep,
        State::Braked => ShutState::Braked,
        _ => ShutState::Waiting,
    };
    ShutRun {
        run_id: run.id,
        side: match run.intent.side() {
            Some(Side::Join) => RunSide::Join,
            Some(Side::Leave) => RunSide::Leave,
            Some(Side::Revoke) => RunSide::Revoke,
            // A cancel is on no side, and nothing shuts it.
            Some(Side::Change) | None => RunSide::Change,
        },
        state,
        event_time: at(run.time),
        until: (state == ShutState::Asleep && run.until != 0).then(|| at(run.until)),
        to_restore: !done.steps.is_empty() || done.more > 0,
        changed: done.steps,
        more_changed: (done.more > 0).then_some(done.more),
        point_of_no_return: done.no_return,
    }
}

/// Where a run stands, as publishers are told.
pub fn known(stands: State) -> KnownState {
    match stands {
        State::Open | State::Asleep | State::Waiting | State::Braked => KnownState::Open,
        State::Done => KnownState::Done,
        State::Failed | State::SetAside => KnownState::Failed,
        State::Superseded => KnownState::Superseded,
        State::Cancelled => KnownState::Cancelled,
    }
}
