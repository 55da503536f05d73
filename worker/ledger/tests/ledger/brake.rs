//! The brake: how many offboardings a tenant admits.

use ledger::{Body, Brake, BrakeState, Decision, Kind, State};

use crate::story::{Act, day, key, leave, revoke, stream};

/// An end of a person of its own.
fn end(number: u8) -> Act {
    let name = number.to_string();
    leave(number, 1).about(&[(Kind::EntraId, name.as_str())]).braked(2, 1)
}

#[test]
fn the_limit_counts_within_the_window_of_the_claim() {
    let mut stream = stream();
    assert_eq!(stream.claim_on(10, &end(1)), Decision::Hold);
    assert_eq!(stream.claim_on(10, &end(2)), Decision::Hold);
    assert_eq!(stream.claim_on(10, &end(3)), Decision::Braked);
    assert_eq!(stream.claim_on(10, &end(3).braked(3, 1)), Decision::Hold, "each claim brings its limit");
    assert_eq!(stream.claim_on(11, &end(4)), Decision::Hold, "the others are a day old");
    let no_brake = Act(ledger::Claim { brake: None, ..end(5).0 });
    assert_eq!(stream.claim_on(10, &no_brake), Decision::Hold);
}

#[test]
fn an_admission_by_a_clock_that_is_ahead_counts() {
    let mut stream = stream();
    assert_eq!(stream.claim_on(11, &end(1).braked(2, 3)), Decision::Hold);
    assert_eq!(stream.claim_on(12, &end(2).braked(2, 3)), Decision::Hold);
    assert_eq!(stream.claim_on(10, &end(3).braked(2, 3)), Decision::Braked, "both are earlier in the log");
}

#[test]
fn who_is_admitted_is_counted_once_and_not_held_again() {
    let mut stream = stream();
    for number in [1, 2] {
        assert_eq!(stream.claim_on(10, &end(number)), Decision::Hold);
        stream.release(&end(number), State::Asleep, 1);
    }
    assert_eq!(stream.claim_on(10, &end(1).leg(1)), Decision::Hold, "a wake-up");
    stream.release(&end(1).leg(1), State::SetAside, 1);
    assert_eq!(stream.claim_on(10, &end(1).leg(1).replayed(1)), Decision::Hold, "a replay");
    assert_eq!(stream.claim_on(10, &end(3).braked(3, 1)), Decision::Hold, "two were counted, not four");
}

#[test]
fn a_lock_out_counts_and_is_never_held() {
    let mut stream = stream();
    let revoke = |number| Act(ledger::Claim { keys: end(number).0.keys, ..revoke(number, 1).braked(2, 1).0 });
    for number in [1, 2, 3] {
        assert_eq!(stream.claim_on(10, &revoke(number)), Decision::Act);
    }
    assert_eq!(stream.claim_on(10, &end(4)), Decision::Braked);
}

#[test]
fn an_operator_lets_some_through_or_switches_it_off_for_one_tenant() {
    let mut stream = stream();
    let tenant = end(1).0.tenant;
    let other = |act: &Act| Act(ledger::Claim { tenant: key(Kind::Tenant, "other"), ..act.0.clone() });
    for number in [1, 2] {
        stream.claim_on(10, &end(number));
        stream.claim_on(10, &other(&end(number + 100)));
    }
    stream.append(10, Body::Brake(Brake { tenant: tenant.clone(), allow: 1, until: None }));
    assert_eq!(stream.claim_on(10, &other(&end(103))), Decision::Braked, "another tenant's is still on");
    assert_eq!(stream.claim_on(10, &end(3)), Decision::Hold);
    assert_eq!(stream.claim_on(10, &end(4)), Decision::Braked, "one was allowed");
    let stands = |stream: &crate::story::Stream| stream.ledger.brake_of(&tenant, day(10), 86_400);
    let three = BrakeState { admitted: 3, allowance: 0, off_until: None };
    assert_eq!(stands(&stream), three);
    stream.append(10, Body::Brake(Brake { tenant: tenant.clone(), allow: 7, until: Some(day(11)) }));
    assert_eq!(stands(&stream), BrakeState { allowance: 7, off_until: Some(day(11)), ..three });
    assert_eq!(stream.ledger.brake_of(&tenant, day(12), 86_400).off_until, None, "it is on again");
    assert_eq!(stream.claim_on(10, &end(4)), Decision::Hold);
    assert_eq!(stream.claim_on(10, &end(5)), Decision::Hold);
}

#[test]
fn an_allowance_is_used_by_who_passes_and_not_by_who_waits() {
    let mut stream = stream();
    let tenant = end(1).0.tenant;
    assert_eq!(stream.claim_on(10, &end(1).braked(0, 1)), Decision::Braked);
    stream.append(10, Body::Brake(Brake { tenant, allow: 1, until: None }));
    let holder = Act(ledger::Claim { keys: end(1).0.keys, ..leave(9, 0).delivery(9).0 });
    let hold = Act(ledger::Claim { intent: ledger::Intent::Change, ..holder.0 });
    assert_eq!(stream.claim_on(10, &hold), Decision::Superseded(end(1).id()));
    let newer = Act(ledger::Claim { time: day(2), ..hold.0.clone() });
    let newer = Act(ledger::Claim { run: leave(8, 0).id(), ..newer.0 });
    assert_eq!(stream.claim_on(10, &newer), Decision::Hold);
    assert!(matches!(stream.claim_on(10, &end(1).braked(0, 1)), Decision::Wait(_)));
    stream.release(&newer, State::Done, 0);
    assert_eq!(stream.claim_on(10, &end(1).braked(0, 1)), Decision::Hold);
    assert_eq!(stream.claim_on(10, &end(2).braked(0, 1)), Decision::Braked);
}
