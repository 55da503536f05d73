//! Where a run stands whose results show no end: the ledger knows.

use ledger::{Ledger, State};

use crate::commands::history::summary::{Stands, Summary};

/// Tells a run where it stands by the ledger. What has no time there keeps what its results say.
pub fn look_up(ledger: &Ledger, run: &mut Summary) {
    let Some(person) = ledger.person_of(run.run_id) else { return };
    let Some(known) = person.run(run.run_id) else { return };
    let acts = person.holds.iter().any(|hold| hold.run == run.run_id);
    run.state = match known.state {
        State::Asleep => Stands::Asleep,
        State::Braked => Stands::Braked,
        State::Superseded => Stands::Superseded,
        State::Cancelled => Stands::Cancelled,
        State::Done => Stands::Succeeded,
        State::Failed | State::SetAside => Stands::Failed,
        _ if acts => Stands::Running,
        _ => Stands::Waiting,
    };
}
