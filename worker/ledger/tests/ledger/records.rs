//! Records as bytes.

use ledger::{
    Body, Brake, BrakeLimit, Clear, Done, Forget, Kind, MAX_BYTES, Record, RecordError, Release, State, Stop,
    decode, encode, event_fingerprint, name_fingerprint,
};
use uuid::Uuid;

use crate::story::{change, day, hire, key, leave};

fn record(body: Body) -> Record {
    Record { at: day(1), worker: "worker-7d9f".to_owned(), number: 0, seen: Some(41), body }
}

/// A claim as large as one gets: every identifier under two secrets, and forty names.
fn large() -> ledger::Claim {
    let both = ledger::KeyRing::new(b"new").with_former(b"old");
    let kinds = [Kind::EntraId, Kind::EmployeeId, Kind::Upn];
    let names: Vec<u32> = (0..40).map(|name| name_fingerprint(&format!("name {name}"))).collect();
    let act = change(1, 1, &names).on(2).sequence(1 << 40).over(&[1 << 40, 1 << 41]).braked(20, 1);
    ledger::Claim {
        run: Uuid::max(),
        keys: kinds.into_iter().flat_map(|kind| both.keys("t", kind, "ada")).collect(),
        tenant: both.keys("t", Kind::Tenant, ""),
        event: event_fingerprint("/hr", "17"),
        ..act.0
    }
}

#[test]
fn every_record_comes_back_as_it_was() {
    let (run, nonce) = (hire(1, 1).id(), Uuid::nil());
    for body in [
        Body::Claim(hire(1, 1).0),
        Body::Claim(leave(1, 1).braked(20, 1).0),
        Body::Claim(large()),
        Body::Release(Release {
            run,
            nonce,
            state: State::SetAside,
            leg: 3,
            replays: 1,
            until: Some(day(2)),
            done: Done::of(vec!["disable_account".to_owned()], None),
        }),
        Body::Stop(Stop { run }),
        Body::Brake(Brake { tenant: key(Kind::Tenant, ""), allow: 3, until: None }),
        Body::Clear(Clear { keys: key(Kind::Upn, "ada") }),
        Body::Forget(Forget { before: day(1) }),
    ] {
        let record = record(body);
        assert_eq!(decode(&encode(&record).unwrap()), Ok(record));
    }
}

#[test]
fn a_change_of_forty_names_fits_while_a_secret_is_replaced() {
    let bytes = encode(&record(Body::Claim(large()))).unwrap().len();
    assert!(bytes > 1024 && bytes < MAX_BYTES, "{bytes}");
}

#[test]
fn a_record_that_does_not_fit_is_refused_by_writer_and_reader() {
    let mut claim = large();
    claim.names = (0..200).map(|name| name_fingerprint(&name.to_string())).collect();
    assert!(matches!(encode(&record(Body::Claim(claim))), Err(RecordError::TooLarge(_))));
    let long = format!(r#"{{"v":1,"type":"stop","x":"{}"}}"#, "x".repeat(MAX_BYTES));
    assert!(matches!(decode(long.as_bytes()), Err(RecordError::Unreadable(_))));
}

#[test]
fn a_newer_version_is_told_from_what_is_no_record() {
    assert_eq!(decode(br#"{"v":2,"type":"something new"}"#), Err(RecordError::Newer(2)));
    for body in
        [&b""[..], b"{}", b"[]", b"\xff", br#"{"v":0}"#, br#"{"v":"1"}"#, br#"{"v":1,"type":"claim"}"#]
    {
        assert!(matches!(decode(body), Err(RecordError::Unreadable(_))), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn a_record_names_nobody() {
    let text = String::from_utf8(encode(&record(Body::Claim(hire(1, 1).0))).unwrap()).unwrap();
    assert!(!text.contains("ada"), "{text}");
    assert!(text.starts_with(r#"{"v":1,"#) && text.contains(r#""type":"claim""#), "{text}");
}

#[test]
fn source_and_id_do_not_run_into_each_other() {
    assert_ne!(event_fingerprint("/hr/1", "7"), event_fingerprint("/hr/", "17"));
    assert_eq!(BrakeLimit { limit: 1, window: 2 }, BrakeLimit { limit: 1, window: 2 });
}

#[test]
fn what_a_run_has_changed_fits_into_a_record_however_much_it_is() {
    let names = |count: usize| (0..count).map(|number| format!("step \"{number}\"")).collect::<Vec<_>>();
    assert_eq!(Done::of(Vec::new(), None), None);
    let few = Done::of(names(3), Some("step 1".to_owned())).unwrap();
    assert_eq!((few.steps, few.more, few.no_return.as_deref()), (names(3), 0, Some("step 1")));
    let many = Done::of(names(500), None).unwrap();
    assert_eq!(many.steps[..], names(500)[..many.steps.len()]);
    assert_eq!(many.steps.len() + many.more as usize, 500);
    let long = Done::of(vec!["\u{1}".repeat(5_000)], Some("x".repeat(5_000))).unwrap();
    assert_eq!((long.steps.len(), long.more, &long.no_return), (0, 1, &None));
    for done in [many, long] {
        let (run, nonce) = (Uuid::max(), Uuid::max());
        let (leg, replays, until) = (u32::MAX, u32::MAX, Some(day(2)));
        let state = State::Superseded;
        let release = Release { run, nonce, state, leg, replays, until, done: Some(done) };
        assert!(encode(&record(Body::Release(release))).is_ok());
    }
}
