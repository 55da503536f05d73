//! What shuts what: one test for each row of the table of floors, and the properties of the whole.

use ledger::{
    Body, Cancels, Clear, Decision, Done, Intent, Release, Rules, Run, Side, Specified, State, Stop,
};
use proptest::prelude::*;

use crate::{
    messages::snapshot,
    story::{Act, act, cancel, change, day, hire, leave, revoke, stream},
};

/// Whether `by`, having claimed first, shuts `run`; one still to come has slept since.
fn shuts(by: &Act, run: &Act) -> bool {
    let mut stream = stream();
    stream.claim(by);
    let state = if by.0.pending { State::Asleep } else { State::Done };
    stream.release(by, state, 0);
    matches!(stream.claim(&run.delivery(2)), Decision::Superseded(_) | Decision::Cancelled(_))
}

#[test]
fn a_hire_shuts_older_hires_changes_and_lock_outs_and_ends_that_were_due() {
    let by = hire(9, 5);
    for older in [hire(1, 4), act(Intent::Restore, 1, 4), change(1, 4, &[1]), revoke(1, 4), leave(1, 4)] {
        assert!(shuts(&by, &older), "{:?}", older.0.intent);
        let newer = Act(ledger::Claim { time: day(6), ..older.0.clone() });
        assert!(!shuts(&by, &newer), "{:?}", newer.0.intent);
    }
}

#[test]
fn a_hire_leaves_what_is_planned_for_later() {
    assert!(!shuts(&hire(9, 5), &leave(1, 4).on(20)));
    assert!(!shuts(&hire(9, 5), &change(1, 4, &[1]).on(20)));
    assert!(shuts(&hire(9, 5).on(20), &leave(1, 4).on(20)), "the day is the same: the newer word counts");
}

#[test]
fn what_is_still_to_come_shuts_its_own_side_alone() {
    let by = hire(9, 5).on(20).pending();
    assert!(shuts(&by, &hire(1, 4)));
    for other in [leave(1, 4), change(1, 4, &[1]), revoke(1, 4)] {
        assert!(!shuts(&by, &other), "{:?}", other.0.intent);
    }
    let by = leave(9, 5).on(20).pending();
    assert!(shuts(&by, &leave(1, 4).on(40)), "a new date shuts the old one, whatever its date");
    for other in [hire(1, 4), change(1, 4, &[1]), revoke(1, 4)] {
        assert!(!shuts(&by, &other), "{:?}", other.0.intent);
    }
}

#[test]
fn an_end_shuts_everything_older() {
    for older in [hire(1, 4), act(Intent::Restore, 1, 4), change(1, 4, &[1]), revoke(1, 4), leave(1, 4)] {
        assert!(shuts(&leave(9, 5), &older), "{:?}", older.0.intent);
        assert!(shuts(&leave(9, 5), &older.on(20)), "planned {:?}", older.0.intent);
        let newer = Act(ledger::Claim { time: day(6), ..older.0.clone() });
        assert!(!shuts(&leave(9, 5), &newer), "{:?}", newer.0.intent);
    }
}

#[test]
fn an_end_whose_day_has_come_shuts_what_should_have_come_before_it() {
    let end = leave(9, 1).on(20);
    assert!(shuts(&end, &hire(1, 2).on(10)), "published after the end was planned, due before it");
    assert!(!shuts(&end, &hire(1, 21).on(10)), "published after the end had come: a correction");
    assert!(!shuts(&end, &hire(1, 2).on(30)), "a return that is planned for later");
}

#[test]
fn a_lock_out_shuts_everything_older_but_an_end() {
    for older in [hire(1, 4), act(Intent::Restore, 1, 4), change(1, 4, &[1])] {
        assert!(shuts(&revoke(9, 5), &older), "{:?}", older.0.intent);
    }
    assert!(!shuts(&revoke(9, 5), &leave(1, 4)));
    assert!(!shuts(&revoke(9, 5), &leave(1, 4).on(20)));
}

#[test]
fn a_change_shuts_nothing_but_changes() {
    for older in [hire(1, 4), leave(1, 4), revoke(1, 4)] {
        assert!(!shuts(&change(9, 5, &[1]), &older), "{:?}", older.0.intent);
    }
    assert!(shuts(&change(9, 5, &[1, 2]), &change(1, 4, &[1])));
    assert!(!shuts(&change(9, 5, &[1]), &change(1, 4, &[2])));
}

#[test]
fn a_change_overtaken_in_part_asks_somebody() {
    let mut stream = stream();
    stream.does(&change(9, 5, &[1, 3]));
    stream.does(&change(8, 6, &[4]));
    assert_eq!(stream.claim(&change(1, 4, &[1, 2, 4])), Decision::Overtaken(vec![1, 4]));
}

#[test]
fn a_newer_change_that_waits_does_not_overtake_the_one_it_waits_for() {
    let mut stream = stream();
    let (first, second) = (change(1, 4, &[1, 2]), change(2, 5, &[1]).delivery(2));
    assert_eq!(stream.claim(&first), Decision::Hold);
    assert_eq!(stream.claim(&second), Decision::Wait(vec![0]));
    assert_eq!(stream.claim(&first.renewed()), Decision::Hold, "both run, in order, and nothing is lost");
    stream.release(&first, State::Done, 0);
    assert_eq!(stream.claim(&second), Decision::Hold);
}

#[test]
fn a_planned_change_replaces_what_was_planned_and_not_what_is_due() {
    let planned = change(9, 5, &[1]).on(20).pending();
    assert!(shuts(&planned, &change(1, 4, &[1]).on(10)));
    assert!(!shuts(&planned, &change(1, 4, &[1])), "its value counts until day 20");
}

#[test]
fn a_cancel_shuts_what_it_names() {
    let runs = [hire(1, 4), leave(2, 4), change(3, 4, &[1]), revoke(4, 4)];
    for (cancels, shut) in [
        (Cancels::Side(Side::Join), vec![1]),
        (Cancels::Side(Side::Leave), vec![2]),
        (Cancels::Side(Side::Change), vec![3]),
        (Cancels::All, vec![1, 2, 3, 4]),
        (Cancels::Event(2), vec![2]),
    ] {
        let found = runs.iter().filter(|run| shuts(&cancel(9, 5, cancels), run));
        let found: Vec<u64> = found.map(|run| run.0.event).collect();
        assert_eq!(found, shut, "{cancels:?}");
    }
    assert!(!shuts(&cancel(9, 3, Cancels::Side(Side::Leave)), &leave(2, 4)), "an older cancel");
}

#[test]
fn a_cancel_that_names_an_event_shuts_it_whatever_its_time() {
    assert!(shuts(&cancel(9, 3, Cancels::Event(2)), &leave(2, 4)), "the clocks of two publishers differ");
    assert!(!shuts(&cancel(9, 5, Cancels::Event(2)), &leave(3, 4)));
}

#[test]
fn a_run_that_never_acted_has_no_say_over_other_sides() {
    let mut stream = stream();
    let planned = hire(2, 5).on(20);
    stream.plans(&planned);
    stream.does(&cancel(3, 6, Cancels::Side(Side::Join)));
    assert!(matches!(stream.claim(&planned.leg(1)), Decision::Cancelled(Some(_))));
    stream.release(&planned.leg(1), State::Cancelled, 1);
    assert_eq!(
        stream.claim(&change(1, 4, &[1])),
        Decision::Hold,
        "it is older than a hire that was cancelled"
    );
}

#[test]
fn an_end_that_the_brake_held_and_an_operator_stopped_has_no_say() {
    let mut stream = stream();
    let end = leave(2, 5).braked(0, 1);
    assert_eq!(stream.claim(&end), Decision::Braked);
    assert!(
        matches!(stream.claim(&change(1, 4, &[1]).delivery(2)), Decision::Superseded(_)),
        "it still waits"
    );
    stream.append(0, Body::Stop(ledger::Stop { run: end.id() }));
    assert_eq!(stream.claim(&end), Decision::Cancelled(None));
    stream.release(&end, State::Cancelled, 0);
    assert_eq!(stream.claim(&change(1, 4, &[1]).delivery(3)), Decision::Hold);
}

#[test]
fn clearing_a_person_takes_the_say_of_their_runs() {
    let mut stream = stream();
    stream.does(&leave(1, 9999));
    assert!(matches!(stream.claim(&hire(2, 5)), Decision::Superseded(_)));
    stream.append(0, Body::Clear(Clear { keys: hire(2, 5).0.keys }));
    assert_eq!(stream.claim(&hire(3, 6)), Decision::Hold);
    assert_eq!(stream.claim(&leave(1, 9999)), Decision::Finished(State::Done), "it is still known");
}

#[test]
fn equal_times_are_decided_by_sequence_then_by_the_more_locking_intent() {
    let precedes = |one: &Act, other: &Act| shuts(other, one);
    assert!(precedes(&hire(1, 4), &leave(2, 4)));
    assert!(!precedes(&leave(2, 4), &hire(1, 4)));
    assert!(precedes(&leave(2, 4).sequence(1), &hire(1, 4).sequence(2)));
    assert!(precedes(&leave(2, 4), &hire(1, 4).sequence(0)), "without a sequence comes first");
    assert!(precedes(&revoke(2, 4), &leave(1, 4)) && precedes(&hire(1, 4), &revoke(2, 4)));
    assert!(precedes(&hire(1, 4), &hire(2, 4)) && !precedes(&hire(2, 4), &hire(1, 4)), "at last by run");
}

/// Comparing sequences within a source and intents across sources, as the first draft had it, is no order.
#[test]
fn sequences_that_count_within_a_source_alone_go_round_in_a_circle() {
    struct Event(char, i64, Intent);
    let precedes = |one: &Event, other: &Event| {
        if one.0 == other.0 { one.1 < other.1 } else { one.2 < other.2 }
    };
    let a = Event('h', 1, Intent::Offboarding);
    let b = Event('i', 9, Intent::AccessRevoke);
    let c = Event('h', 2, Intent::Onboarding);
    assert!(precedes(&a, &c) && precedes(&c, &b) && precedes(&b, &a));
}

fn any_run() -> impl Strategy<Value = Run> {
    let intent = prop_oneof![
        Just(Intent::Change),
        Just(Intent::Onboarding),
        Just(Intent::Restore),
        Just(Intent::AccessRevoke),
        Just(Intent::Offboarding)
    ];
    let sequence = prop::option::of(0..2_i64);
    (intent, 1..20_u8, 0..4_i64, sequence, 0..6_i64, any::<[bool; 3]>()).prop_map(
        |(intent, number, published, sequence, effective, [raised, held, over])| {
            let mut stream = stream();
            let act = Act(ledger::Claim { sequence, ..act(intent, number, published).on(effective).0 });
            stream.claim(&act);
            let mut run = stream.ledger.person_of(act.id()).unwrap().runs[0].clone();
            let state = if over { State::Done } else { State::Asleep };
            (run.raised, run.held, run.state, run.names) = (raised, held, state, Box::new([1]));
            run
        },
    )
}

proptest! {
    /// Else both would end superseded, and nobody would do what either says.
    #[test]
    fn no_two_runs_shut_each_other(one in any_run(), other in any_run()) {
        prop_assume!(one.id != other.id);
        let by = |by: &Run, run: &Run| Specified::verdict(&[by.clone(), run.clone()], run).is_some();
        prop_assert!(!(by(&one, &other) && by(&other, &one)));
    }

    #[test]
    fn runs_are_in_one_order(one in any_run(), two in any_run(), three in any_run()) {
        let all = [one, two, three];
        let distinct = all.iter().all(|run| all.iter().filter(|other| other.id == run.id).count() == 1);
        prop_assume!(distinct);
        for (a, b) in [(0, 1), (1, 2), (0, 2)] {
            prop_assert!(Specified::precedes(&all[a], &all[b]) != Specified::precedes(&all[b], &all[a]));
        }
        let circle = |a: usize, b: usize, c: usize| {
            Specified::precedes(&all[a], &all[b])
                && Specified::precedes(&all[b], &all[c])
                && Specified::precedes(&all[c], &all[a])
        };
        prop_assert!(!circle(0, 1, 2) && !circle(0, 2, 1));
    }
}

#[test]
fn what_a_run_has_shut_and_what_that_had_changed_is_known() {
    let mut stream = stream();
    let ids = |runs: Vec<&Run>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>();
    let (asleep, done, planned) = (hire(1, 1), change(2, 1, &[1]), leave(3, 2).on(30));
    stream.does(&done);
    assert_eq!(stream.claim(&asleep), Decision::Hold);
    let changed = Done::of(vec!["enable_account".to_owned()], None);
    let release = |state, leg, done| {
        let (run, nonce, until) = (asleep.0.run, asleep.0.nonce, Some(day(9)));
        Body::Release(Release { run, nonce, state, leg, replays: 0, until, done })
    };
    stream.append(3, release(State::Asleep, 1, changed.clone()));
    stream.plans(&planned);
    let by = cancel(9, 5, Cancels::All);
    assert_eq!(stream.claim(&by), Decision::Recorded);
    // What had ended before is none of its business.
    assert_eq!(ids(stream.ledger.shut_by(by.id())), [asleep.id(), planned.id()]);
    assert_eq!(stream.ledger.shut_by(by.id())[0].done.as_deref(), changed.as_ref());
    assert_eq!(stream.ledger.verdict(asleep.id()), Some(Decision::Cancelled(Some(by.id()))));
    assert_eq!(stream.ledger.verdict(done.id()), None);
    // It says so when it wakes, and is still what the cancel shut.
    stream.append(9, release(State::Cancelled, 1, changed.clone()));
    assert_eq!(stream.ledger.verdict(asleep.id()), None, "it has ended");
    assert_eq!(ids(stream.ledger.shut_by(by.id())), [asleep.id(), planned.id()]);
    let restored = snapshot(&stream.ledger).restored().unwrap();
    assert_eq!(restored.shut_by(by.id())[0].done.as_deref(), changed.as_ref());
    assert!(restored.shut_by(asleep.id()).is_empty());
}

#[test]
fn a_cancel_has_not_shut_what_newer_word_had_ended_before() {
    let mut stream = stream();
    let (older, newer) = (hire(1, 1), hire(2, 2));
    stream.does(&newer);
    assert_eq!(stream.claim(&older), Decision::Superseded(newer.id()));
    stream.release(&older, State::Superseded, 0);
    let by = cancel(9, 5, Cancels::Event(older.0.event));
    stream.does(&by);
    assert!(stream.ledger.shut_by(by.id()).is_empty());
}

#[test]
fn nobody_asks_what_a_run_had_changed_that_is_done() {
    let mut stream = stream();
    let hire = hire(1, 1);
    for (state, is_kept) in [(State::Waiting, true), (State::Done, false)] {
        stream.claim(&hire);
        let (run, nonce) = (hire.0.run, hire.0.nonce);
        let done = Done::of(vec!["enable_account".to_owned()], None);
        stream.append(1, Body::Release(Release { run, nonce, state, leg: 0, replays: 0, until: None, done }));
        assert_eq!(stream.ledger.person_of(run).unwrap().run(run).unwrap().done.is_some(), is_kept);
    }
}

#[test]
fn a_stop_is_known_of_runs_and_of_what_never_claims() {
    let mut stream = stream();
    let (run, other) = (hire(1, 1), hire(2, 1).id());
    stream.claim(&run);
    assert!(!stream.ledger.is_stopped(run.id()) && !stream.ledger.is_stopped(other));
    for stopped in [run.id(), other] {
        stream.append(1, Body::Stop(Stop { run: stopped }));
        assert!(stream.ledger.is_stopped(stopped));
    }
    assert_eq!(stream.ledger.verdict(run.id()), Some(Decision::Cancelled(None)));
}
