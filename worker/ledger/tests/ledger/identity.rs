//! Who is who: people that turn out to be one, and a UPN that passes on.

use ledger::{
    Decision,
    Kind::{self, EmployeeId, EntraId, Upn},
    State,
};

use proptest::prelude::*;

use crate::{
    any::any_body,
    messages::snapshot,
    story::{Act, Stream, change, hire, leave, stream},
};

fn ada(keys: &[(Kind, &str)]) -> Act {
    hire(1, 1).about(keys)
}

fn people(stream: &Stream) -> usize {
    stream.ledger.people().count()
}

#[test]
fn a_strong_key_that_is_shared_joins() {
    let mut stream = stream();
    stream.claim(&ada(&[(EntraId, "a"), (EmployeeId, "17")]));
    assert_eq!(stream.claim(&leave(2, 2).about(&[(EmployeeId, "17")])), Decision::Wait(vec![0]));
    assert_eq!(people(&stream), 1);
}

#[test]
fn a_upn_joins_unless_strong_keys_contradict() {
    let mut stream = stream();
    stream.claim(&ada(&[(Upn, "ada"), (EntraId, "a")]));
    assert_eq!(stream.claim(&leave(2, 2).about(&[(Upn, "ada")])), Decision::Wait(vec![0]));
    let other_kind = leave(3, 3).about(&[(Upn, "ada"), (EmployeeId, "17")]);
    assert_eq!(
        stream.claim(&other_kind),
        Decision::Wait(vec![0]),
        "an id of another kind is no contradiction"
    );
    assert_eq!(people(&stream), 1);
}

#[test]
fn a_upn_that_is_in_use_twice_is_a_conflict_and_changes_nothing() {
    let mut stream = stream();
    stream.claim(&ada(&[(Upn, "ada"), (EntraId, "a")]));
    let before = snapshot(&stream.ledger).parts;
    let namesake = hire(2, 2).about(&[(Upn, "ada"), (EntraId, "b")]);
    assert_eq!(stream.claim(&namesake), Decision::Conflict);
    stream.release(&namesake, State::SetAside, 0);
    assert_eq!(snapshot(&stream.ledger).parts, before);
    stream.release(&ada(&[]), State::Done, 0);
    assert_eq!(stream.claim(&namesake.replayed(1)), Decision::Hold, "the replay finds the other run ended");
}

#[test]
fn a_upn_moves_to_the_newcomer_once_its_old_owner_has_no_open_run() {
    let mut stream = stream();
    stream.does(&ada(&[(Upn, "ada"), (EntraId, "a")]));
    stream.does(&hire(2, 2).about(&[(Upn, "ada"), (EntraId, "b")]));
    assert_eq!(people(&stream), 2);
    assert_eq!(stream.claim(&leave(3, 3).about(&[(Upn, "ada")])), Decision::Hold);
    assert_eq!(
        stream.claim(&leave(4, 3).about(&[(EntraId, "a")]).delivery(2)),
        Decision::Hold,
        "somebody else"
    );
}

/// Were people joined before the run is looked up, the copy would take the UPN from its new owner.
#[test]
fn a_late_copy_of_a_run_that_has_ended_moves_no_upn_and_joins_nobody() {
    let mut stream = stream();
    let first = ada(&[(Upn, "ada"), (EntraId, "a")]);
    stream.does(&first);
    stream.does(&hire(2, 2).about(&[(Upn, "ada"), (EntraId, "b")]));
    let before = snapshot(&stream.ledger).parts;
    assert_eq!(stream.claim(&first.delivery(2)), Decision::Finished(State::Done));
    let resolved_anew = ada(&[(Upn, "ada"), (EntraId, "b")]).delivery(3);
    assert_eq!(stream.claim(&resolved_anew), Decision::Finished(State::Done));
    assert_eq!(snapshot(&stream.ledger).parts, before);
}

#[test]
fn a_renewal_that_names_a_new_id_joins_and_of_two_holders_the_newer_goes_on() {
    let mut stream = stream();
    let old = ada(&[(Upn, "ada")]);
    let new = change(2, 2, &[1]).about(&[(EntraId, "a")]).delivery(2);
    assert_eq!(stream.claim(&old), Decision::Hold);
    assert_eq!(stream.claim(&new), Decision::Hold, "nothing says that they are one");
    let learned = ada(&[(Upn, "ada"), (EntraId, "a")]);
    assert_eq!(stream.claim(&learned.renewed()), Decision::Wait(vec![1]));
    assert_eq!(people(&stream), 1);
    assert_eq!(stream.claim(&new.renewed()), Decision::Hold, "the newer one goes on");
    let third = change(3, 3, &[2]).about(&[(EntraId, "a")]).delivery(3);
    assert_eq!(stream.claim(&third), Decision::Wait(vec![0, 3]), "nobody new until both are gone");
    stream.release(&learned, State::Waiting, 0);
    assert_eq!(stream.claim(&third), Decision::Wait(vec![3]));
}

#[test]
fn while_a_secret_is_replaced_people_are_found_by_both_keys() {
    let mut stream = stream();
    let old = ledger::KeyRing::new(b"old");
    let both = ledger::KeyRing::new(b"new").with_former(b"old");
    let new = ledger::KeyRing::new(b"new");
    let with = |act: Act, ring: &ledger::KeyRing| {
        let keys = [ring.keys("t", Upn, "ada"), ring.keys("t", EntraId, "a")].concat();
        Act(ledger::Claim { keys, ..act.0 })
    };
    stream.does(&with(leave(1, 5), &old));
    let late = with(hire(2, 4), &both);
    assert_eq!(stream.claim(&late), Decision::Superseded(leave(1, 5).id()));
    stream.release(&late, State::Superseded, 0);
    let late = with(hire(3, 4), &new);
    assert_eq!(stream.claim(&late), Decision::Superseded(leave(1, 5).id()));
    assert_eq!(people(&stream), 1);
}

proptest! {
    /// People are joined and forgotten, UPNs move, and a snapshot is restored: every key and run still leads to its person.
    #[test]
    fn keys_and_runs_lead_to_who_has_them(
        bodies in prop::collection::vec((any_body(), 0..9_i64), 1..40),
        restored_after in 0..40_usize,
    ) {
        let mut stream = stream();
        for (number, (body, on)) in bodies.into_iter().enumerate() {
            stream.append(on, body);
            if number == restored_after {
                stream.ledger = snapshot(&stream.ledger).restored().unwrap();
            }
            for person in stream.ledger.people() {
                for key in &person.keys {
                    prop_assert_eq!(stream.ledger.people_with(&[*key]), [person]);
                }
                for run in &person.runs {
                    prop_assert_eq!(stream.ledger.person_of(run.id), Some(person));
                }
            }
        }
    }
}
