//! Where a run stands that has not ended by its results: the ledger knows, and says so to whoever acts.

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
