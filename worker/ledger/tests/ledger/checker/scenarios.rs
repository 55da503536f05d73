//! The worlds that are looked through, and the mistakes that are found in them.

use std::time::Instant;

use ledger::{Cancels, Intent, Side, Specified, State};

use super::{
    explore::{Found, explore},
    mistakes::{Mistake, Mistaken},
    scenario::{Event, Mishaps, Scenario, Write, event},
};

fn hire(number: u8, published: u8) -> Event {
    event(Intent::Onboarding, number, published)
}

fn leave(number: u8, published: u8) -> Event {
    event(Intent::Offboarding, number, published)
}

fn revoke(number: u8, published: u8) -> Event {
    event(Intent::AccessRevoke, number, published)
}

fn change(number: u8, published: u8, names: &[u8]) -> Event {
    let writes: Vec<Write> = names.iter().map(|name| Write::Set(*name)).collect();
    event(Intent::Change, number, published).writing(&writes)
}

fn cancel(number: u8, published: u8, cancels: Cancels) -> Event {
    event(Intent::Cancel, number, published).cancelling(cancels)
}

fn holds_in(scenario: Scenario) {
    // `make soak` asks for larger worlds; they take minutes.
    let is_large = std::env::var_os("LEDGER_WORLDS").is_some_and(|worlds| worlds == "large");
    let scenario = &if is_large { scenario.larger() } else { scenario };
    let began = Instant::now();
    match explore::<Specified>(scenario, Mistake::None) {
        Found::Nothing { worlds } => {
            println!("{}: {worlds} worlds in {:?}", scenario.name, began.elapsed());
            assert!(worlds > 100, "{}: only {worlds} worlds: this looks at nothing", scenario.name);
        }
        Found::Violation { what, history, worlds } => {
            panic!("{}: {what}, after {worlds} worlds: {history:?}", scenario.name)
        }
    }
}

fn is_found_in(mistake: Mistake, scenario: &Scenario) {
    match explore::<Mistaken>(scenario, mistake) {
        Found::Violation { what, history, worlds } => {
            println!("{}: {what}, after {worlds} worlds: {history:?}", scenario.name);
        }
        Found::Nothing { worlds } => {
            panic!("{}: {worlds} worlds, and the mistake shows in none", scenario.name)
        }
    }
}

const CALM: Mishaps = Mishaps { kills: 0, cuts: 0, outages: 0, stops: 0, replays: 0, allowed: 0 };
const KILL: Mishaps = Mishaps { kills: 1, ..CALM };
const CUT: Mishaps = Mishaps { cuts: 1, ..CALM };
const BOTH: Mishaps = Mishaps { kills: 1, cuts: 1, ..CALM };
const TWO_KILLS: Mishaps = Mishaps { kills: 2, cuts: 1, ..CALM };

// Events are numbered from 0 where a world ends, in the order of their lists. A run that is cancelled after a crash may
// have written before it; nothing takes that back.

fn hired_and_left() -> Scenario {
    let events = vec![hire(1, 1).arriving(0), leave(2, 2).arriving(0)];
    Scenario::new("a hire and a leave", events, |end| !end.is_in && end.states[1] == State::Done)
}

fn hired_and_left_twice() -> Scenario {
    let events = vec![hire(1, 1).arriving(0).twice(), leave(2, 2).arriving(0).twice()];
    Scenario::new("a hire and a leave, each twice", events, |end| !end.is_in)
}

fn left_and_hired() -> Scenario {
    let events = vec![leave(1, 1).arriving(0), hire(2, 2).arriving(0)];
    Scenario::new("a leave and a rehire", events, |end| end.is_in && end.states[1] == State::Done)
}

fn left_twice_and_returned() -> Scenario {
    let events = vec![hire(1, 1).arriving(0), leave(2, 2).arriving(0).twice(), hire(3, 3).arriving(0)];
    Scenario::new("a leave that comes twice, and a return", events, |end| end.is_in)
}

/// It sleeps before it lets in.
fn slow_hire(number: u8, published: u8) -> Event {
    hire(number, published).writing(&[Write::Set(0), Write::Enable]).sleeping_after(1)
}

fn slow_hire_and_leave() -> Scenario {
    let events = vec![slow_hire(1, 1).arriving(0), leave(2, 2).arriving(0)];
    Scenario::new("a hire that sleeps, and a leave", events, |end| !end.is_in)
}

fn planned_end_of_a_hire() -> Scenario {
    let events = vec![hire(1, 1).arriving(0).twice(), leave(2, 0).on(2)];
    Scenario::new("an end planned before the hire", events, |end| !end.is_in && ran(end, 1))
}

fn planned_end_and_planned_hire() -> Scenario {
    let events = vec![hire(1, 0).on(1), leave(2, 0).on(2)];
    Scenario::new("a hire and its end published on one day", events, |end| !end.is_in && ran(end, 1))
}

fn corrected_after_the_end() -> Scenario {
    let events = vec![leave(1, 1).on(2), hire(2, 3).on(0)];
    Scenario::new("a correction after the end was due", events, |end| end.is_in && ran(end, 1)).starting_in()
}

fn rescheduled_and_cancelled() -> Scenario {
    let events = vec![
        leave(1, 1).arriving(0).on(2),
        leave(2, 2).arriving(0).on(3),
        cancel(3, 3, Cancels::Event(2)).arriving(0),
    ];
    Scenario::new("an end rescheduled, then cancelled", events, |end| {
        !(end.is_in && (ran(end, 0) || ran(end, 1)))
    })
    .starting_in()
}

fn cancelled_by_an_older_clock() -> Scenario {
    let events = vec![leave(1, 2).on(3).arriving(0), cancel(2, 1, Cancels::Event(1)).arriving(0)];
    Scenario::new("an end cancelled by somebody whose clock is late", events, |end| {
        !(end.is_in && ran(end, 0))
    })
    .starting_in()
}

fn change_and_cancelled_leave() -> Scenario {
    let events = vec![change(1, 1, &[0]).arriving(0), cancel(2, 2, Cancels::Side(Side::Leave)).arriving(0)];
    Scenario::new("a change, and a cancel of leaves", events, |end| end.values[0] == Some(0))
}

fn cancelled_hire_and_change() -> Scenario {
    let events = vec![
        hire(1, 2).on(3).arriving(0),
        cancel(2, 3, Cancels::Side(Side::Join)).arriving(0),
        change(3, 1, &[0]).arriving(0),
    ];
    Scenario::new("a planned hire, its cancel, and an older change", events, |end| {
        end.states[2] == State::Done || end.states[2] == State::Superseded
    })
}

fn locked_out_while_hired() -> Scenario {
    let events = vec![slow_hire(1, 1).arriving(0), revoke(2, 2).arriving(0)];
    Scenario::new("a lock-out during a hire", events, |end| !end.is_in && end.states[1] == State::Done)
}

fn locked_out_and_hired() -> Scenario {
    let events = vec![revoke(1, 1).arriving(0), hire(2, 2).arriving(0)];
    Scenario::new("a lock-out and a later hire", events, |end| end.is_in).starting_in()
}

fn locked_out_before_a_planned_end() -> Scenario {
    let end = leave(1, 1).on(3).arriving(0).writing(&[Write::Disable, Write::Set(1)]);
    let events = vec![end, revoke(2, 2).arriving(0)];
    Scenario::new("a lock-out before a planned end", events, |end| !end.is_in && end.values[1] == Some(0))
        .starting_in()
}

fn locked_out_while_leaving() -> Scenario {
    let end = leave(1, 1).arriving(0).writing(&[Write::Disable, Write::Set(1)]);
    let events = vec![end, revoke(2, 2).arriving(0)];
    Scenario::new("a lock-out during a leave", events, |end| !end.is_in && end.values[1] == Some(0))
        .starting_in()
}

fn locked_out_without_the_ledger() -> Scenario {
    let events = vec![slow_hire(1, 1).arriving(0), revoke(2, 2).arriving(0)];
    Scenario::new("a lock-out that cannot read the ledger", events, |end| !end.is_in)
        .with(Mishaps { outages: 1, ..KILL })
}

fn two_changes() -> Scenario {
    let events = vec![change(1, 1, &[0, 1]).arriving(0), change(2, 2, &[0]).arriving(0)];
    Scenario::new("two changes that share a name", events, |end| {
        let first = end.values[1] == Some(0) || end.states[0] == State::SetAside;
        end.values[0] == Some(1) && first
    })
}

fn planned_change_and_change() -> Scenario {
    let events = vec![change(1, 1, &[0]).arriving(0), change(2, 2, &[0]).on(4).arriving(0)];
    Scenario::new("a change, and one planned for later", events, |end| end.values[0] == Some(1))
}

fn change_during_a_hire_and_a_leave() -> Scenario {
    let events = vec![hire(1, 1).arriving(0), change(2, 2, &[0]).arriving(0), leave(3, 3).arriving(0)];
    Scenario::new("a hire, a change and a leave", events, |end| !end.is_in)
}

fn stopped() -> Scenario {
    let slow = leave(1, 1).arriving(0).writing(&[Write::Set(0), Write::Disable]).sleeping_after(1);
    Scenario::new("a leave that an operator stops", vec![slow.twice()], |end| !(end.is_in && ran(end, 0)))
        .starting_in()
        .with(Mishaps { stops: 1, ..BOTH })
}

fn braked() -> Scenario {
    let slow = leave(1, 1).arriving(0).writing(&[Write::Set(0), Write::Disable]).sleeping_after(1);
    Scenario::new("a leave that the brake holds", vec![slow.twice()], |end| !end.is_in && ran(end, 0))
        .starting_in()
        .braked()
        .with(Mishaps { allowed: 1, ..BOTH })
}

fn replayed() -> Scenario {
    let events = vec![leave(1, 1).arriving(0).blocked(), hire(2, 2).arriving(0)];
    Scenario::new("a leave set aside and replayed, and a hire", events, |end| end.is_in && ran(end, 1))
        .with(Mishaps { replays: 1, ..BOTH })
}

/// It sleeps until its day, is set aside by a copy that did not, and is replayed.
fn replayed_early() -> Scenario {
    let events = vec![leave(1, 1).on(1).arriving(0).blocked(), hire(2, 2).arriving(0)];
    Scenario::new("a planned leave set aside and replayed, and a hire", events, |end| {
        end.is_in && ran(end, 1)
    })
    .with(Mishaps { replays: 1, ..BOTH })
}

fn rejected() -> Scenario {
    let events = vec![hire(1, 1).arriving(0), leave(2, 2).arriving(0).rejected()];
    Scenario::new("a hire, and a leave that is rejected", events, |end| end.is_in)
}

fn found_to_be_one() -> Scenario {
    let created = hire(1, 1).arriving(0).writing(&[Write::Enable, Write::Set(0)]);
    let created = created.about(&[(ledger::Kind::Upn, "ada")]);
    let events = vec![created, change(2, 2, &[1]).arriving(0)];
    Scenario::new("two that turn out to be one", events, |end| end.is_in && end.values[1] == Some(1))
        .overlapping()
}

fn ran(end: &super::scenario::Final, event: usize) -> bool {
    end.states[event] == State::Done
}

/// One test for each world that must keep its promises.
macro_rules! worlds {
    ($($name:ident: $scenario:expr;)*) => {
        $(#[test] fn $name() { holds_in($scenario); })*
    };
}

worlds! {
    hire_and_leave: hired_and_left().with(TWO_KILLS);
    hire_and_leave_each_twice: hired_and_left_twice();
    leave_and_rehire: left_and_hired();
    hire_and_leave_with_three_workers: hired_and_left().workers(3);
    leave_twice_and_return: left_twice_and_returned().with(KILL);
    a_hire_that_sleeps_and_a_leave: slow_hire_and_leave();
    a_hire_that_sleeps_and_a_leave_with_three_workers: slow_hire_and_leave().workers(3).with(CUT);
    an_end_planned_before_the_hire: planned_end_of_a_hire().with(KILL);
    a_hire_and_its_end_on_one_day: planned_end_and_planned_hire().with(KILL);
    a_correction_after_the_end_was_due: corrected_after_the_end();
    an_end_rescheduled_and_cancelled: rescheduled_and_cancelled().with(KILL);
    an_end_cancelled_by_an_older_clock: cancelled_by_an_older_clock();
    a_change_and_a_cancel_of_leaves: change_and_cancelled_leave();
    a_cancelled_hire_and_an_older_change: cancelled_hire_and_change().with(KILL);
    a_lock_out_during_a_hire: locked_out_while_hired().with(KILL);
    a_lock_out_and_a_later_hire: locked_out_and_hired();
    a_lock_out_before_a_planned_end: locked_out_before_a_planned_end().with(CUT);
    a_lock_out_during_a_leave: locked_out_while_leaving().with(CUT);
    a_lock_out_that_cannot_read_the_ledger: locked_out_without_the_ledger();
    two_changes_that_share_a_name: two_changes();
    a_change_and_one_planned_for_later: planned_change_and_change();
    a_hire_a_change_and_a_leave: change_during_a_hire_and_a_leave().with(CUT);
    a_leave_that_an_operator_stops: stopped();
    a_leave_that_the_brake_holds: braked();
    a_leave_set_aside_and_replayed: replayed();
    a_planned_leave_set_aside_and_replayed: replayed_early();
    a_leave_that_is_rejected: rejected();
    two_that_turn_out_to_be_one: found_to_be_one().with(KILL);
}

/// One test for each mistake that must be found.
macro_rules! mistakes {
    ($($name:ident: $mistake:ident, $scenario:expr;)*) => {
        $(#[test] fn $name() { is_found_in(Mistake::$mistake, &$scenario); })*
    };
}

mistakes! {
    finds_no_floor_at_wake_up: NoFloorAtWakeUp, slow_hire_and_leave().with(CALM);
    finds_a_takeover_at_once: TakeOverAtOnce, hired_and_left().with(CUT);
    finds_a_decision_before_the_claim: DecideBeforeClaiming, hired_and_left().with(CALM);
    finds_a_release_before_the_continuation: ReleaseBeforeContinuation, slow_hire_and_leave().with(KILL);
    finds_an_acknowledgement_before_the_release: AcknowledgeBeforeRelease, hired_and_left().with(KILL);
    finds_a_renewal_that_moves_the_leg: RenewalMovesLeg, hired_and_left().with(KILL);
    finds_no_leftover: NoLeftover, slow_hire_and_leave().with(KILL);
    finds_replays_that_are_not_counted: ReplaysAreNotCounted, replayed_early();
    finds_a_revoke_that_shuts_leaves: RevokeShutsLeaves, locked_out_before_a_planned_end().with(CALM);
    finds_a_pending_run_that_shuts_all: PendingShutsAll, planned_end_and_planned_hire().with(CALM);
    finds_a_hold_that_does_not_wait_for_a_lock_out: HoldIgnoresActor, locked_out_and_hired().with(CALM);
    finds_a_revoke_that_looks_once: RevokeLooksOnce, locked_out_while_hired().with(CALM);
    finds_a_fence_without_a_lease: FenceWithoutLease, hired_and_left().with(CALM);
    finds_a_takeover_that_does_not_compare: TakeoverWithoutComparing, hired_and_left().with(CALM);
    finds_floors_in_order_of_arrival: OrderOfArrival, hired_and_left().with(CALM);
    finds_a_lost_hold_that_acknowledges: LostAcknowledges, hired_and_left().with(CALM);
    finds_a_hire_that_shuts_every_leave: HireShutsEveryLeave, planned_end_of_a_hire().with(CALM);
    finds_a_cancel_that_shuts_all_sides: CancelShutsAllSides, change_and_cancelled_leave().with(CALM);
    finds_a_claim_before_the_preparation: ClaimBeforePrepare, rejected().with(CALM);
    finds_a_release_before_the_answer: ReleaseBeforeTheAnswer, left_and_hired().with(CALM);
    finds_a_request_that_outlives_the_takeover: RequestOutlivesTakeover, hired_and_left().with(CALM);
    finds_an_end_that_ignores_what_is_late: EndIgnoresWhatIsLate, planned_end_of_a_hire().with(CALM);
    finds_a_hire_that_compares_dates_alone: HireComparesDatesAlone, corrected_after_the_end().with(CALM);
    finds_a_shut_run_that_has_a_say: ShutRunsHaveASay, cancelled_hire_and_change().with(CALM);
    finds_a_change_that_overtakes_while_it_waits: ChangeOvertakesWhileItWaits, two_changes().with(CALM);
    finds_a_cancel_of_an_event_that_compares_times: CancelOfAnEventComparesTimes,
        cancelled_by_an_older_clock().with(CALM);
    finds_a_new_date_that_shuts_nothing: PendingShutsNothing, rescheduled_and_cancelled().with(CALM);
    finds_a_revoke_that_shuts_nothing: RevokeShutsNothing, locked_out_while_hired().with(CALM);
    finds_a_revoke_that_waits: RevokeWaits, locked_out_while_hired().with(CALM);
    finds_a_stop_that_is_ignored: StopIsIgnored, stopped().with(Mishaps { stops: 1, ..CALM });
}
