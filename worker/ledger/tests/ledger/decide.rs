//! The decision, line by line: one test for each line of the table, and one for each of its edges.

use std::time::Duration;

use ledger::{Decision, Ending, Lease, Refusal, State, Step, Timing, may_send};

use crate::story::{Act, cancel, change, hire, leave, revoke, stream};
use ledger::{Body, Cancels, Stop};

#[test]
fn line_1_a_run_that_has_ended_says_how() {
    for state in [State::Done, State::Failed, State::SetAside, State::Superseded, State::Cancelled] {
        let mut stream = stream();
        stream.claim(&hire(1, 1));
        stream.release(&hire(1, 1), state, 0);
        assert_eq!(stream.claim(&hire(1, 1).delivery(2)), Decision::Finished(state));
        assert_eq!(stream.claim(&hire(1, 1).renewed()), Decision::Finished(state));
    }
}

#[test]
fn line_1_a_replay_opens_what_was_set_aside_or_failed_and_nothing_else() {
    for state in [State::Done, State::Failed, State::SetAside, State::Superseded, State::Cancelled] {
        let mut stream = stream();
        stream.claim(&hire(1, 1));
        stream.release(&hire(1, 1), state, 0);
        let replay = hire(1, 1).replayed(1).delivery(2);
        let opens = matches!(state, State::Failed | State::SetAside);
        let expected = if opens { Decision::Hold } else { Decision::Finished(state) };
        assert_eq!(stream.claim(&replay), expected, "{state:?}");
        if opens {
            stream.release(&replay, State::Done, 0);
            assert_eq!(stream.claim(&replay.delivery(3)), Decision::Finished(State::Done));
            assert_eq!(stream.claim(&replay.replayed(2)), Decision::Finished(State::Done));
        }
    }
}

#[test]
fn line_2_a_message_of_an_earlier_leg_is_left_over() {
    let mut stream = stream();
    stream.claim(&hire(1, 1));
    stream.release(&hire(1, 1), State::Asleep, 1);
    assert_eq!(stream.claim(&hire(1, 1).delivery(2)), Decision::Leftover);
    assert_eq!(stream.claim(&hire(1, 1).leg(1).delivery(3)), Decision::Hold);
}

/// The first page compared legs alone: the replay would have been dropped, and no message would carry the run.
#[test]
fn line_2_a_replay_begins_at_its_own_leg_and_leaves_what_was_before_it_over() {
    let mut stream = stream();
    let first = hire(1, 1);
    stream.claim(&first.leg(1));
    stream.release(&first.leg(1), State::SetAside, 1);
    let replay = first.replayed(1).delivery(2);
    assert_eq!(stream.claim(&replay), Decision::Hold, "set aside at leg 0 by a copy, replayed from there");
    assert_eq!(stream.claim(&first.leg(2).delivery(3)), Decision::Leftover);
    stream.release(&first.leg(2).delivery(3), State::Asleep, 2);
    assert_eq!(stream.claim(&replay.renewed()), Decision::Hold, "a late release from before the replay");
}

#[test]
fn line_3_a_renewal_of_who_does_not_act_is_lost() {
    let mut stream = stream();
    assert_eq!(stream.claim(&hire(1, 1).renewed()), Decision::Lost, "never claimed");
    assert!(stream.ledger.person_of(hire(1, 1).id()).is_none(), "and leaves nothing behind");
    stream.claim(&hire(1, 1));
    assert_eq!(stream.claim(&hire(1, 1).delivery(2).renewed()), Decision::Lost, "another delivery holds");
    assert_eq!(stream.claim(&hire(1, 1).delivery(2).over(&[0])), Decision::Wait(vec![1]), "0 is another's");
    assert_eq!(stream.claim(&hire(1, 1).delivery(2).over(&[1])), Decision::Hold);
    assert_eq!(stream.claim(&hire(1, 1).renewed()), Decision::Lost, "it was passed over");
}

#[test]
fn line_4_a_fresh_claim_moves_the_leg_and_a_renewal_does_not() {
    let mut stream = stream();
    stream.claim(&hire(1, 1));
    let leg = |stream: &crate::story::Stream| {
        stream.ledger.person_of(hire(1, 1).id()).unwrap().run(hire(1, 1).id()).unwrap().position.leg
    };
    assert_eq!(stream.claim(&hire(1, 1).leg(1).renewed()), Decision::Hold);
    assert_eq!(leg(&stream), 0);
    stream.claim(&hire(1, 1).leg(1).delivery(2));
    assert_eq!(leg(&stream), 1);
    assert_eq!(stream.claim(&hire(1, 1).renewed()), Decision::Leftover, "the continuation has the run now");
}

#[test]
fn line_5_newer_word_shuts_at_a_renewal_too() {
    let mut stream = stream();
    stream.claim(&hire(1, 1));
    let end = leave(2, 2).delivery(2);
    assert_eq!(stream.claim(&end), Decision::Wait(vec![0]));
    assert_eq!(stream.claim(&hire(1, 1).renewed()), Decision::Superseded(end.id()));
    stream.release(&hire(1, 1), State::Superseded, 0);
    assert_eq!(stream.claim(&end), Decision::Hold);
}

#[test]
fn line_5_a_cancel_says_so_and_an_operator_too() {
    let mut stream = stream();
    stream.does(&cancel(9, 3, Cancels::All));
    assert_eq!(stream.claim(&leave(1, 2)), Decision::Cancelled(Some(cancel(9, 3, Cancels::All).id())));
    assert_eq!(stream.claim(&leave(2, 4)), Decision::Hold, "it is newer");
    stream.append(0, Body::Stop(Stop { run: leave(2, 4).id() }));
    assert_eq!(stream.claim(&leave(2, 4).renewed()), Decision::Cancelled(None));
}

#[test]
fn line_5_an_operator_stops_a_run_before_it_has_claimed() {
    let mut stream = stream();
    stream.append(0, Body::Stop(Stop { run: leave(2, 4).id() }));
    assert_eq!(stream.claim(&leave(2, 4)), Decision::Cancelled(None));
    stream.release(&leave(2, 4), State::Cancelled, 0);
    assert_eq!(stream.claim(&leave(2, 4).delivery(2)), Decision::Finished(State::Cancelled));
}

#[test]
fn line_6_a_cancel_stays_open_until_it_is_released() {
    let mut stream = stream();
    let cancel = cancel(1, 1, Cancels::All);
    assert_eq!(stream.claim(&cancel), Decision::Recorded);
    assert_eq!(stream.claim(&cancel.delivery(2)), Decision::Recorded, "its result may be unpublished");
    stream.release(&cancel.delivery(2), State::Done, 0);
    assert_eq!(stream.claim(&cancel.delivery(3)), Decision::Finished(State::Done));
}

#[test]
fn line_7_what_is_still_to_come_takes_no_hold() {
    let mut stream = stream();
    stream.plans(&hire(1, 1).on(9));
    assert!(stream.ledger.person_of(hire(1, 1).id()).unwrap().holds.is_empty());
    assert_eq!(stream.claim(&hire(1, 1).on(9).leg(1).delivery(2)), Decision::Hold);
}

#[test]
fn line_8_the_brake_comes_before_the_wait() {
    let mut stream = stream();
    stream.claim(&change(1, 1, &[1]));
    assert_eq!(stream.claim(&leave(2, 2).braked(0, 1)), Decision::Braked);
    assert_eq!(stream.claim(&leave(2, 2)), Decision::Wait(vec![0]));
}

#[test]
fn line_9_a_lock_out_waits_for_another_lock_out_alone() {
    let mut stream = stream();
    stream.claim(&hire(1, 1));
    assert_eq!(stream.claim(&revoke(2, 2).delivery(2)), Decision::Act, "beside the holder");
    assert_eq!(stream.claim(&revoke(2, 2).delivery(2).renewed()), Decision::Act);
    assert_eq!(stream.claim(&revoke(3, 3).delivery(3)), Decision::Wait(vec![2]));
    assert_eq!(stream.claim(&revoke(3, 3).delivery(3).over(&[2])), Decision::Act);
}

#[test]
fn line_9_a_lock_out_looks_again_with_a_hold() {
    let mut stream = stream();
    stream.claim(&leave(1, 1));
    let revoke = revoke(2, 2).delivery(2);
    assert_eq!(stream.claim(&revoke), Decision::Act);
    stream.release(&revoke, State::Waiting, 1);
    assert_eq!(stream.claim(&revoke.leg(1)), Decision::Act, "it has to try again before it has locked out");
    stream.release(&revoke.leg(1), State::Asleep, 2);
    assert_eq!(stream.claim(&revoke.looks_again(2)), Decision::Wait(vec![0]));
    stream.release(&leave(1, 1), State::Done, 0);
    assert_eq!(stream.claim(&revoke.looks_again(2)), Decision::Hold);
}

#[test]
fn line_10_a_hold_waits_for_the_holder_and_for_a_lock_out() {
    let mut stream = stream();
    assert_eq!(stream.claim(&change(1, 1, &[1])), Decision::Hold);
    assert_eq!(stream.claim(&change(2, 2, &[2]).delivery(2)), Decision::Wait(vec![0]));
    assert_eq!(stream.claim(&revoke(3, 0).delivery(3)), Decision::Act);
    assert_eq!(stream.claim(&change(2, 2, &[2]).delivery(2).over(&[0])), Decision::Wait(vec![2]));
    assert_eq!(stream.claim(&change(1, 1, &[1]).renewed()), Decision::Wait(vec![2]), "the holder pauses");
    assert_eq!(stream.claim(&change(2, 2, &[2]).delivery(2).over(&[0, 2])), Decision::Hold);
}

#[test]
fn line_10_a_holder_that_has_renewed_is_not_passed_over() {
    let mut stream = stream();
    stream.claim(&hire(1, 1));
    assert_eq!(stream.claim(&hire(1, 1).renewed()), Decision::Hold);
    assert_eq!(stream.claim(&hire(1, 1).delivery(2).over(&[0])), Decision::Wait(vec![1]));
}

#[test]
fn a_pause_leaves_the_last_grant_as_it_was() {
    let mut stream = stream();
    stream.claim(&leave(1, 1));
    stream.claim(&revoke(2, 2).delivery(2));
    assert_eq!(stream.claim(&leave(1, 1).renewed()), Decision::Wait(vec![1]));
    let holder = stream.ledger.person_of(leave(1, 1).id()).unwrap().holds[0];
    assert_eq!(holder.last, 0, "so that a takeover counts from the grant that the holder counts from");
}

#[test]
fn a_late_release_of_who_was_passed_over_changes_nothing_that_went_on() {
    let mut stream = stream();
    let (first, second) = (hire(1, 1), hire(1, 1).delivery(2));
    stream.claim(&first);
    assert_eq!(stream.claim(&second.over(&[0])), Decision::Hold);
    stream.release(&first, State::Asleep, 0);
    let state = |stream: &crate::story::Stream, act: &Act| {
        stream.ledger.person_of(act.id()).unwrap().run(act.id()).unwrap().state
    };
    assert_eq!(state(&stream, &first), State::Open, "the other copy acts");
    stream.release(&second, State::Asleep, 1);
    stream.release(&first, State::Done, 0);
    assert_eq!(state(&stream, &first), State::Asleep, "the run has gone on to leg 1");
    assert_eq!(stream.claim(&second.leg(1)), Decision::Hold);
}

#[test]
fn the_fence_says_no_to_an_old_grant_a_dead_session_and_newer_word() {
    let (mut stream, timing) = (stream(), Timing::default());
    let act = hire(1, 1);
    stream.claim(&act);
    let seconds = Duration::from_secs;
    let lease = Lease { run: act.id(), nonce: act.0.nonce, granted: seconds(100) };
    let ask = |stream: &crate::story::Stream, at, session| {
        may_send(seconds(at), &timing, &lease, &stream.ledger, session)
    };
    assert_eq!(ask(&stream, 109, true), Ok(()));
    assert_eq!(ask(&stream, 110, true), Err(Refusal::Expired));
    assert_eq!(ask(&stream, 109, false), Err(Refusal::NoSession));
    stream.claim(&leave(2, 2).delivery(2));
    assert_eq!(ask(&stream, 109, true), Err(Refusal::NotOurs));
}

#[test]
fn the_fence_says_no_once_stopped_released_paused_or_passed_over() {
    let timing = Timing::default();
    let act = change(1, 1, &[1]);
    let lease = Lease { run: act.id(), nonce: act.0.nonce, granted: Duration::ZERO };
    let mut held = stream();
    held.claim(&act);
    let ask = |stream: &crate::story::Stream| may_send(Duration::ZERO, &timing, &lease, &stream.ledger, true);
    assert_eq!(ask(&held), Ok(()));
    let after = |change: &dyn Fn(&mut crate::story::Stream)| {
        let mut stream = held.clone();
        change(&mut stream);
        ask(&stream)
    };
    assert_eq!(after(&|it| drop(it.append(0, Body::Stop(Stop { run: act.id() })))), Err(Refusal::NotOurs));
    assert_eq!(after(&|it| it.release(&act, State::Done, 0)), Err(Refusal::NotOurs));
    assert_eq!(after(&|it| drop(it.claim(&revoke(2, 0).delivery(2)))), Err(Refusal::NotOurs));
    assert_eq!(after(&|it| drop(it.claim(&act.delivery(2).over(&[0])))), Err(Refusal::NotOurs));
}

#[test]
fn a_settlement_releases_after_what_carries_on_and_acknowledges_last() {
    use Step::{Acknowledge, Continuation, DeadLetter, Release, Results};
    let over = |state| Ending::Over(state).steps();
    assert_eq!(over(State::Done), [Results, Release(State::Done), Acknowledge]);
    assert_eq!(over(State::SetAside), [Results, DeadLetter, Release(State::SetAside), Acknowledge]);
    let later = Ending::Later(State::Asleep).steps();
    assert_eq!(later, [Results, Continuation, Release(State::Asleep), Acknowledge]);
    assert_eq!(Ending::NotOurs { held: true }.steps(), [Release(State::Waiting), Acknowledge]);
    assert_eq!(Ending::NotOurs { held: false }.steps(), [Acknowledge]);
}
