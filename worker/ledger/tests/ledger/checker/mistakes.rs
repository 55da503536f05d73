//! Mistakes of workers and of the fold. The checker must find each of them.

use std::cell::Cell;

use ledger::{Decision, Hold, Intent, Position, Role, Rules, Run, Specified, Step};

/// A mistake, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mistake {
    #[default]
    None,
    // Of a worker.
    /// A redelivery takes over from the earlier delivery at once.
    TakeOverAtOnce,
    /// The decision is made on what was read before the claim.
    DecideBeforeClaiming,
    ReleaseBeforeContinuation,
    AcknowledgeBeforeRelease,
    /// A renewal carries the leg that is to come, and the fold takes it.
    RenewalMovesLeg,
    /// A lock-out ends when it has locked.
    RevokeLooksOnce,
    FenceWithoutLease,
    LostAcknowledges,
    ClaimBeforePrepare,
    /// A run releases while a request of its own may still arrive.
    ReleaseBeforeTheAnswer,
    RequestOutlivesTakeover,
    // Of the fold.
    /// What has slept is not compared with newer word.
    NoFloorAtWakeUp,
    NoLeftover,
    /// The first page: a message is left over by its leg alone, also one that was replayed.
    ReplaysAreNotCounted,
    RevokeShutsLeaves,
    PendingShutsAll,
    HoldIgnoresActor,
    /// A worker that has waited long enough takes over, whether the holder has renewed or not.
    TakeoverWithoutComparing,
    OrderOfArrival,
    HireShutsEveryLeave,
    CancelShutsAllSides,
    /// The first page: an end whose day has come shuts what is older than it, and nothing that comes late.
    EndIgnoresWhatIsLate,
    /// The first page: effective dates are compared, also one before the event was published.
    HireComparesDatesAlone,
    /// The first page: a run shuts others although it was itself shut before it acted.
    ShutRunsHaveASay,
    /// The first page: a change takes its names when it claims, not when it acts.
    ChangeOvertakesWhileItWaits,
    /// The first page: a cancel of an event counts against older ones alone.
    CancelOfAnEventComparesTimes,
    /// A new date replaces the old one only when it has come.
    PendingShutsNothing,
    RevokeShutsNothing,
    /// A lock-out waits for the holder.
    RevokeWaits,
    /// An operator's stop is not looked at.
    StopIsIgnored,
}

impl Mistake {
    /// The steps of a settlement, as a mistaken worker takes them.
    pub fn reorder(self, steps: &mut [Step]) {
        let is_release = |step: &Step| matches!(step, Step::Release(_));
        let Some(release) = steps.iter().position(is_release) else { return };
        match self {
            Self::ReleaseBeforeContinuation if release > 0 => steps.swap(release, release - 1),
            Self::AcknowledgeBeforeRelease => steps.swap(release, release + 1),
            _ => {}
        }
    }
}

thread_local! {
    static MADE: Cell<Mistake> = const { Cell::new(Mistake::None) };
}

/// The specified rules but for one, that of the mistake made on this thread.
#[derive(Clone)]
pub struct Mistaken;

impl Mistaken {
    /// From now on this thread makes a mistake.
    pub fn make(mistake: Mistake) {
        MADE.set(mistake);
    }
}

/// As if it had acted.
fn raised(run: &Run) -> Run {
    Run { raised: true, held: true, ..run.clone() }
}

impl Rules for Mistaken {
    fn precedes(older: &Run, newer: &Run) -> bool {
        match MADE.get() {
            Mistake::OrderOfArrival => older.first < newer.first,
            _ => Specified::precedes(older, newer),
        }
    }

    fn shuts(by: &Run, run: &Run) -> bool {
        let right = Specified::shuts(by, run);
        let is_older = Specified::precedes(run, by);
        let (of_by, of_run) = (by.intent, run.intent);
        let is_hire_and_leave = of_by == Intent::Onboarding && of_run == Intent::Offboarding;
        match MADE.get() {
            Mistake::RevokeShutsLeaves => {
                right || (of_by == Intent::AccessRevoke && of_run == Intent::Offboarding && is_older)
            }
            Mistake::PendingShutsAll => Specified::shuts(&raised(by), run),
            // Whoever came first is taken for the older one.
            Mistake::OrderOfArrival => {
                let time = if by.first > run.first { run.time + 1 } else { run.time - 1 };
                Specified::shuts(&Run { time, effective: time, ..by.clone() }, run)
            }
            Mistake::HireShutsEveryLeave => right || (is_hire_and_leave && by.raised && is_older),
            Mistake::CancelShutsAllSides => {
                right || (of_by == Intent::Cancel && of_run != Intent::Cancel && is_older)
            }
            Mistake::EndIgnoresWhatIsLate => right && (of_by != Intent::Offboarding || is_older),
            Mistake::HireComparesDatesAlone => right && !(is_hire_and_leave && run.effective > by.effective),
            Mistake::ShutRunsHaveASay if by.state.is_over() && by.position.leg > 0 => {
                Specified::shuts(&raised(by), run)
            }
            Mistake::CancelOfAnEventComparesTimes => right && (of_by != Intent::Cancel || is_older),
            Mistake::PendingShutsNothing => right && (by.raised || of_by == Intent::Cancel),
            Mistake::RevokeShutsNothing => right && (of_by != Intent::AccessRevoke || of_run == of_by),
            _ => right,
        }
    }

    fn overtakes(by: &Run, run: &Run) -> bool {
        match MADE.get() {
            Mistake::ChangeOvertakesWhileItWaits => Specified::overtakes(&raised(by), run),
            _ => Specified::overtakes(by, run),
        }
    }

    fn verdict(runs: &[Run], run: &Run) -> Option<Decision> {
        /// The other rules of this set, put together as they are specified.
        struct Rest;
        impl Rules for Rest {
            fn precedes(older: &Run, newer: &Run) -> bool {
                Mistaken::precedes(older, newer)
            }
            fn shuts(by: &Run, run: &Run) -> bool {
                Mistaken::shuts(by, run)
            }
            fn overtakes(by: &Run, run: &Run) -> bool {
                Mistaken::overtakes(by, run)
            }
        }
        match MADE.get() {
            Mistake::NoFloorAtWakeUp if run.position.leg > 0 => None,
            Mistake::StopIsIgnored => Rest::verdict(runs, &Run { stopped: false, ..run.clone() }),
            _ => Rest::verdict(runs, run),
        }
    }

    fn is_left_over(message: Position, run: Position) -> bool {
        match MADE.get() {
            Mistake::NoLeftover => false,
            Mistake::ReplaysAreNotCounted => message.leg < run.leg,
            _ => Specified::is_left_over(message, run),
        }
    }

    fn position_after(fresh: bool, message: Position, run: Position) -> Position {
        match MADE.get() {
            Mistake::RenewalMovesLeg => message.max(run),
            Mistake::ReplaysAreNotCounted if fresh => Position { leg: message.leg.max(run.leg), ..message },
            _ => Specified::position_after(fresh, message, run),
        }
    }

    fn waits_for(wanted: Role, held: Role) -> bool {
        match MADE.get() {
            Mistake::HoldIgnoresActor => wanted == held,
            Mistake::RevokeWaits => true,
            _ => Specified::waits_for(wanted, held),
        }
    }

    fn passes_over(over: &[u64], hold: &Hold) -> bool {
        match MADE.get() {
            Mistake::TakeoverWithoutComparing => !over.is_empty(),
            _ => Specified::passes_over(over, hold),
        }
    }
}
