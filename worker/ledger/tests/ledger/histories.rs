//! Whole histories, from the first event to the last.

use ledger::{Cancels, Decision, Side, State};

use crate::story::{Act, Stream, act, cancel, change, hire, leave, revoke, stream};

/// Claims that must find themselves shut, and end so.
fn is_shut(stream: &mut Stream, act: &Act) {
    let state = match stream.claim(act) {
        Decision::Superseded(_) => State::Superseded,
        Decision::Cancelled(_) => State::Cancelled,
        other => panic!("{other:?}"),
    };
    stream.release(act, state, act.0.leg);
}

#[test]
fn hire_leave_and_the_late_hire_stays_out() {
    let mut stream = stream();
    stream.does(&hire(1, 1));
    stream.does(&leave(2, 2));
    assert_eq!(stream.claim(&hire(1, 1).delivery(2)), Decision::Finished(State::Done));
    is_shut(&mut stream, &hire(3, 1));
}

#[test]
fn a_leave_that_comes_twice_does_not_lock_out_who_has_returned() {
    let mut stream = stream();
    stream.does(&hire(1, 1));
    stream.does(&leave(2, 2));
    stream.does(&hire(3, 3));
    assert_eq!(stream.claim(&leave(2, 2).delivery(2)), Decision::Finished(State::Done));
    is_shut(&mut stream, &leave(4, 2));
}

#[test]
fn a_hire_and_its_end_published_on_one_day_both_happen_in_either_order() {
    for (hired, ends) in [(1, 2), (2, 1)] {
        let (start, end) = (hire(1, hired).on(10), leave(2, ends).on(60));
        for plan in [[&start, &end], [&end, &start]] {
            let mut stream = stream();
            plan.iter().for_each(|act| stream.plans(act));
            stream.does(&start.leg(1));
            stream.does(&change(3, 20, &[1]));
            stream.does(&end.leg(1));
        }
    }
}

/// The page this was first specified on let the late hire in: the same events ended otherwise in another order.
#[test]
fn a_hire_that_comes_after_its_planned_end_has_come_stays_out() {
    for (hired, ends) in [(1, 2), (2, 1)] {
        let mut stream = stream();
        let end = leave(2, ends).on(60);
        stream.plans(&end);
        stream.does(&end.leg(1));
        is_shut(&mut stream, &hire(1, hired).on(10));
    }
}

/// The first page compared the two dates alone: the end would have locked out who had returned.
#[test]
fn a_correction_published_after_the_end_was_due_shuts_the_end_that_is_late() {
    let mut stream = stream();
    let end = leave(1, 1).on(15);
    stream.plans(&end);
    stream.does(&hire(2, 20).on(5));
    is_shut(&mut stream, &end.leg(1));
}

/// A hire that was itself superseded tells that its side has newer word, and nothing more.
#[test]
fn an_old_end_stays_shut_by_a_newer_end_that_came_too_late() {
    let mut stream = stream();
    let planned = leave(1, 1).on(90);
    stream.plans(&planned);
    stream.does(&hire(3, 30));
    is_shut(&mut stream, &leave(2, 20));
    is_shut(&mut stream, &planned.leg(1));
}

#[test]
fn a_new_date_for_the_end_replaces_the_old_one_in_both_directions() {
    for date in [30, 90] {
        let mut stream = stream();
        stream.does(&hire(1, 1));
        let (old, new) = (leave(2, 2).on(60), leave(3, 3).on(date));
        stream.plans(&old);
        stream.plans(&new);
        is_shut(&mut stream, &old.leg(1));
        stream.does(&new.leg(1));
    }
}

#[test]
fn a_cancelled_end_does_not_come_and_the_hire_stays() {
    let mut stream = stream();
    stream.does(&hire(1, 1));
    let end = leave(2, 2).on(60);
    stream.plans(&end);
    stream.does(&cancel(3, 3, Cancels::Side(Side::Leave)));
    is_shut(&mut stream, &end.leg(1));
    stream.does(&change(4, 61, &[1]));
}

#[test]
fn a_cancel_that_comes_before_what_it_names_shuts_it_all_the_same() {
    let mut stream = stream();
    stream.does(&cancel(3, 3, Cancels::Event(2)));
    is_shut(&mut stream, &leave(2, 2).on(60).pending());
    stream.does(&leave(4, 4));
}

#[test]
fn a_rehire_lets_in_again_and_a_restore_too() {
    for intent in [ledger::Intent::Onboarding, ledger::Intent::Restore] {
        let mut stream = stream();
        stream.does(&hire(1, 1));
        stream.does(&leave(2, 2));
        stream.does(&act(intent, 3, 3));
        is_shut(&mut stream, &change(4, 1, &[1]));
        stream.does(&change(5, 4, &[1]));
    }
}

#[test]
fn a_lock_out_stops_the_hire_and_not_the_planned_end() {
    let mut stream = stream();
    let end = leave(2, 2).on(60);
    stream.plans(&end);
    let hired = hire(1, 1);
    assert_eq!(stream.claim(&hired), Decision::Hold);
    let lock = revoke(3, 3).delivery(2);
    assert_eq!(stream.claim(&lock), Decision::Act);
    stream.release(&lock, State::Asleep, 1);
    assert_eq!(stream.claim(&hired.renewed()), Decision::Superseded(lock.id()));
    stream.release(&hired, State::Superseded, 0);
    stream.does(&lock.looks_again(1));
    stream.does(&end.leg(1));
}

#[test]
fn a_late_lock_out_does_not_lock_who_was_hired_since() {
    let mut stream = stream();
    stream.does(&hire(1, 5));
    is_shut(&mut stream, &revoke(2, 4));
    let lock = revoke(3, 6);
    assert_eq!(stream.claim(&lock), Decision::Act);
    stream.release(&lock, State::Asleep, 1);
    stream.does(&hire(4, 7));
    is_shut(&mut stream, &lock.leg(1));
}

#[test]
fn a_correction_that_comes_too_late_leaves_no_end_half_done() {
    let mut stream = stream();
    let (hired, end, correction) = (hire(1, 8), leave(2, 1).on(9), leave(3, 4).on(5).delivery(2));
    stream.does(&hired);
    assert_eq!(stream.claim(&end), Decision::Hold);
    assert_eq!(stream.claim(&correction), Decision::Superseded(hired.id()));
    assert_eq!(stream.claim(&end.renewed()), Decision::Hold);
    // Before it has begun it is replaced.
    let mut stream = crate::story::stream();
    stream.does(&hired);
    assert_eq!(stream.claim(&correction), Decision::Superseded(hired.id()));
    assert_eq!(stream.claim(&end), Decision::Superseded(correction.id()));
}
