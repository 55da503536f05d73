//! A snapshot and the rest of the stream are the whole stream; forgetting changes no decision; a lost record shows.

use ledger::{
    Body, Brake, Cancels, Clear, Decision, Done, Forget, Intent, Kind, Ledger, PART_BYTES, Read, Record,
    Release, Side, Snapshot, SnapshotError, Specified, State, Stop,
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::story::{Act, act, day, hire, key, leave, stream};

/// Records of every type about few people, so that they meet.
fn any_body() -> impl Strategy<Value = Body> {
    prop_oneof![
        6 => any_claim().prop_map(Body::Claim),
        4 => (1..8_u128, 1..4_u128, any_state(), 0..3_u32).prop_map(|(run, nonce, state, leg)| {
            let done = Done::of(vec![format!("step {leg}")], None);
            let (run, nonce) = (Uuid::from_u128(run), Uuid::from_u128(nonce));
            Body::Release(Release { run, nonce, state, leg, replays: 0, until: Some(day(3)), done })
        }),
        1 => (1..8_u128).prop_map(|run| Body::Stop(Stop { run: Uuid::from_u128(run) })),
        1 => (0..2_u32).prop_map(|allow| Body::Brake(Brake { tenant: key(Kind::Tenant, ""), allow, until: None })),
        1 => any_keys().prop_map(|keys| Body::Clear(Clear { keys })),
        1 => (0..6_i64).prop_map(|before| Body::Forget(Forget { before: day(before) })),
    ]
}

fn any_state() -> impl Strategy<Value = State> {
    prop::sample::select(vec![State::Done, State::SetAside, State::Asleep, State::Waiting, State::Superseded])
}

fn any_keys() -> impl Strategy<Value = Vec<ledger::Key>> {
    let kinds = prop::sample::select(vec![Kind::EntraId, Kind::EmployeeId, Kind::Upn]);
    let keys = prop::collection::vec((kinds, prop::sample::select(vec!["a", "b", "c"])), 1..3);
    keys.prop_map(|keys| keys.into_iter().flat_map(|(kind, value)| key(kind, value)).collect())
}

fn any_claim() -> impl Strategy<Value = ledger::Claim> {
    let intents = vec![
        Intent::Cancel,
        Intent::Change,
        Intent::Onboarding,
        Intent::Restore,
        Intent::AccessRevoke,
        Intent::Offboarding,
    ];
    let who = (prop::sample::select(intents), 1..8_u8, 1..4_u8, any_keys());
    let when = (0..6_i64, 0..9_i64, 0..3_u32, 0..2_u32);
    (who, when, any::<[bool; 2]>(), prop::collection::vec(0..40_u64, 0..3)).prop_map(
        |((intent, number, nonce, keys), (published, effective, leg, replays), [fresh, pending], over)| {
            let act = act(intent, number, published).on(effective).delivery(nonce).leg(leg).braked(2, 3);
            let cancels = (intent == Intent::Cancel).then_some(Cancels::Side(Side::Leave));
            ledger::Claim {
                keys,
                fresh,
                pending,
                replays,
                over,
                names: vec![number.into(), 1],
                cancels,
                ..act.0
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_snapshot_and_the_rest_are_the_whole_stream(
        bodies in prop::collection::vec((any_body(), 0..9_i64), 1..40),
        cut in 0..40_usize,
    ) {
        let mut whole = stream();
        let mut resumed: Option<Ledger> = None;
        for (index, (body, on)) in bodies.into_iter().enumerate() {
            let read = whole.append(on, body);
            if let Some(resumed) = &mut resumed {
                prop_assert_eq!(resumed.read(index as u64, whole.records.last().unwrap()), read);
            }
            if index == cut {
                resumed = Some(Ledger::from_snapshot(&whole.ledger.snapshot().unwrap()).unwrap());
            }
        }
        if let Some(resumed) = resumed {
            prop_assert_eq!(resumed.snapshot().unwrap(), whole.ledger.snapshot().unwrap());
            prop_assert_eq!(resumed.seen(), whole.ledger.seen());
        }
    }
}

/// So a worker that reads a snapshot and one that has read the whole stream would contradict each other, if who wrote
/// the snapshot had forgotten by its own clock.
#[test]
fn readers_that_forget_apart_decide_differently() {
    let mut remembers = stream();
    remembers.does(&hire(1, 1).about(&[(Kind::EntraId, "a"), (Kind::EmployeeId, "17")]));
    let mut forgets = remembers.clone();
    forgets.append(500, Body::Forget(Forget { before: day(100) }));
    let by_id = hire(2, 500).about(&[(Kind::EntraId, "a")]);
    let by_number = leave(3, 501).about(&[(Kind::EmployeeId, "17")]).delivery(2);
    assert_eq!([remembers.claim(&by_id), forgets.claim(&by_id)], [Decision::Hold, Decision::Hold]);
    assert_eq!(remembers.claim(&by_number), Decision::Wait(vec![2]));
    assert_eq!(forgets.claim(&by_number), Decision::Hold);
}

#[test]
fn people_are_forgotten_once_nothing_is_open_and_nothing_recent() {
    let mut stream = stream();
    let named = |act: Act, name: &str| act.about(&[(Kind::EntraId, name), (Kind::Upn, name)]);
    for (act, state) in
        [(named(hire(1, 1), "done"), State::Done), (named(leave(2, 1), "asleep"), State::Asleep)]
    {
        stream.claim_on(1, &act);
        stream.release(&act, state, 0);
    }
    stream.claim_on(9, &named(hire(3, 1), "recent"));
    stream.release(&named(hire(3, 1), "recent"), State::Done, 0);
    stream.append(1, Body::Stop(Stop { run: Uuid::max() }));
    stream.append(9, Body::Forget(Forget { before: day(5) }));
    assert_eq!(stream.ledger.people().count(), 2);
    assert!(stream.ledger.people_with(&key(Kind::Upn, "done")).is_empty());
    assert_eq!(stream.ledger.people_with(&key(Kind::Upn, "asleep")).len(), 1);
    assert_eq!(stream.claim(&named(hire(1, 1), "done")), Decision::Hold, "it is not known any more");
}

#[test]
fn a_snapshot_of_another_version_or_with_other_parts_is_refused() {
    let mut stream = stream();
    stream.does(&hire(1, 1));
    let good = stream.ledger.snapshot().unwrap();
    let read = |snapshot: &Snapshot| Ledger::<Specified>::from_snapshot(snapshot).map(drop);
    assert_eq!(read(&good), Ok(()));
    let index = String::from_utf8(good.index.clone()).unwrap().replace(r#""v":1"#, r#""v":2"#);
    assert_eq!(read(&Snapshot { index: index.into_bytes(), ..good.clone() }), Err(SnapshotError::Version(2)));
    assert!(matches!(read(&Snapshot { parts: vec![], ..good.clone() }), Err(SnapshotError::Parts(_))));
    let mut changed = good.clone();
    changed.parts[0][20] ^= 1;
    assert!(matches!(read(&changed), Err(SnapshotError::Parts(_))));
    assert!(matches!(read(&Snapshot { index: b"{}".to_vec(), ..good }), Err(SnapshotError::Unreadable(_))));
}

#[test]
fn a_reader_sees_that_records_were_lost() {
    let record = |seen| Record {
        at: day(1),
        worker: "w".to_owned(),
        number: 0,
        seen,
        body: Body::Claim(hire(1, 1).0),
    };
    let mut ledger: Ledger = Ledger::default();
    assert_eq!(ledger.read(7, &record(Some(90))), Read::Decided(Decision::Hold), "it is there all the same");
    assert_eq!(ledger.read(7, &record(None)), Read::Cut, "the stream is shorter than it was");
    assert_eq!(ledger.read(10, &record(None)), Read::Cut, "and here two are missing");
    assert_eq!(ledger.skip(10), Read::Cut);
    assert_eq!(ledger.skip(8), Read::Noted);
    assert_eq!(ledger.skip(10), Read::Noted, "one is an entry of the broker");
    assert_eq!(ledger.seen(), Some(10));
    ledger.go_on_at(20);
    assert_eq!(ledger.skip(20), Read::Noted, "read from the first record, no reader has the missing ones");
}

/// The memory of this process, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn a_hundred_thousand_people_take_less_than_48_mb_and_parts_stay_small() {
    let before = resident();
    let mut ledger: Ledger = Ledger::default();
    let mut offset = 0;
    let mut read = |ledger: &mut Ledger, body| {
        let record = Record { at: day(1), worker: "w".to_owned(), number: 0, seen: None, body };
        let read = ledger.read(offset, &record);
        offset += 1;
        read
    };
    for number in 0..100_000_u128 {
        let name = number.to_string();
        let who = [(Kind::EntraId, name.as_str()), (Kind::EmployeeId, &name), (Kind::Upn, &name)];
        let claim = ledger::Claim {
            run: Uuid::from_u128(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
            ..hire(1, 1).about(&who).0
        };
        let (run, nonce, state) = (claim.run, claim.nonce, State::Done);
        assert_eq!(read(&mut ledger, Body::Claim(claim)), Read::Decided(Decision::Hold));
        read(
            &mut ledger,
            Body::Release(Release { run, nonce, state, leg: 0, replays: 0, until: None, done: None }),
        );
    }
    let taken = resident().saturating_sub(before);
    assert!(taken < 48 << 20, "{taken} bytes");
    let snapshot = ledger.snapshot().unwrap();
    assert!(snapshot.parts.iter().all(|part| part.len() <= PART_BYTES));
    assert!(snapshot.parts.len() > 1);
    drop(ledger);
    let read: Ledger = Ledger::from_snapshot(&snapshot).unwrap();
    assert_eq!(read.people().count(), 100_000);
}
