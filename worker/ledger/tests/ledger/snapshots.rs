//! A snapshot and the rest of the stream are the whole stream; forgetting changes no decision; a lost record shows.

use ledger::{
    Body, Brake, Decision, Done, Forget, Kind, Ledger, PART_BYTES, Piece, Read, Record, Release,
    SnapshotError, Specified, State, Stop, piece,
};
use proptest::prelude::*;
use ring::digest::{SHA256, digest};
use uuid::Uuid;

use crate::{
    any::any_body,
    messages::{Snapshot, index, named, next, snapshot},
    story::{Act, act, cancel, day, hire, key, leave, stream},
};

/// The last byte of the version.
const VERSION_AT: usize = 4;

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
                resumed = Some(snapshot(&whole.ledger).restored().unwrap());
            }
        }
        if let Some(resumed) = resumed {
            prop_assert_eq!(snapshot(&resumed), snapshot(&whole.ledger));
            prop_assert_eq!(resumed.seen(), whole.ledger.seen());
        }
    }

    /// Each part holds what one person takes, and records are read between them, which join, forget and change people.
    #[test]
    fn a_snapshot_that_is_written_while_records_are_read_is_of_the_moment_it_began(
        bodies in prop::collection::vec((any_body(), 0..9_i64), 1..40),
        cut in 0..30_usize,
        pauses in prop::collection::vec(0..5_usize, 20),
    ) {
        let mut stream = stream();
        let mut bodies = bodies.into_iter();
        for (body, on) in bodies.by_ref().take(cut) {
            stream.append(on, body);
        }
        let began = stream.ledger.clone();
        let mut writer = stream.ledger.begin_snapshot(Uuid::from_u128(1));
        let mut pauses = pauses.into_iter();
        let mut parts = Vec::new();
        while let Some(part) = next(&mut writer, &mut stream.ledger, 1) {
            parts.push(part);
            for (body, on) in bodies.by_ref().take(pauses.next().unwrap_or_default()) {
                stream.append(on, body);
            }
        }
        let restored = Snapshot { parts, index: writer.index().unwrap() }.restored().unwrap();
        prop_assert_eq!(snapshot(&restored), snapshot(&began));
        // What was kept meanwhile changes nothing that is read.
        let mut read = Ledger::<Specified>::default();
        for (offset, record) in (0..).zip(&stream.records) {
            read.read(offset, record);
        }
        prop_assert_eq!(snapshot(&stream.ledger), snapshot(&read));
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

/// A ledger of everything that a snapshot has.
fn of_everything() -> Ledger {
    let mut stream = stream();
    let changed =
        act(ledger::Intent::Change, 1, 1).about(&[(Kind::Upn, "a"), (Kind::EntraId, "a")]).sequence(7);
    stream.claim(&changed);
    let Act(ledger::Claim { run, nonce, .. }) = changed;
    let done = Done::of(vec!["disable".to_owned(), "remove".to_owned()], Some("remove".to_owned()));
    let (state, until) = (State::Asleep, Some(day(9)));
    stream.append(2, Body::Release(Release { run, nonce, state, leg: 1, replays: 0, until, done }));
    stream.claim(&cancel(2, 2, ledger::Cancels::Event(1)).about(&[(Kind::EmployeeId, "17")]));
    stream.claim(&leave(3, 3).about(&[(Kind::EntraId, "b")]).braked(2, 3));
    stream.append(4, Body::Stop(Stop { run: Uuid::max() }));
    stream.append(4, Body::Brake(Brake { tenant: key(Kind::Tenant, ""), allow: 3, until: Some(day(5)) }));
    stream.ledger
}

#[test]
fn everything_comes_back_in_parts_of_one_line_too() {
    let mut ledger = of_everything();
    let mut writer = ledger.begin_snapshot(Uuid::from_u128(1));
    let mut parts = Vec::new();
    while let Some(part) = next(&mut writer, &mut ledger, 1) {
        parts.push(part);
    }
    assert_eq!(parts.len(), 6, "two of the brake, the stop, three people");
    let small = Snapshot { parts, index: writer.index().unwrap() };
    assert_eq!(snapshot(&small.restored().unwrap()), snapshot(&ledger));
}

/// If this fails, snapshots that were written before mean something else: raise their version.
#[test]
fn the_bytes_of_a_snapshot_change_with_its_version_alone() {
    let Snapshot { parts, index } = snapshot(&of_everything());
    let bytes: Vec<u8> = parts.concat().into_iter().chain(index).collect();
    assert_eq!(bytes[VERSION_AT], 2);
    let digest: String =
        digest(&SHA256, &bytes).as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((bytes.len(), digest.as_str()), (488, "e5e791d48aee8145"));
}

#[test]
fn a_snapshot_of_another_version_is_refused_and_so_is_what_is_none() {
    let good = snapshot(&of_everything());
    for version in [1, 3] {
        let mut other = good.clone();
        other.index[VERSION_AT] = version;
        assert_eq!(other.restored().map(drop), Err(SnapshotError::Version(version.into())));
    }
    let of_version_1 = br#"{"v":1,"next":5,"parts":0,"digest":"e3b0"}"#;
    for none in [of_version_1.as_slice(), b"", b"GHLS", b"{}", &good.index[..20]] {
        assert!(matches!(piece(none), Err(SnapshotError::Unreadable(_))), "{none:?}");
    }
    assert_eq!(piece(&good.parts[0]), Ok(Piece::Part(0)));
    assert_eq!(index(&good.index).unwrap().parts(), 1);
}

/// Three parts.
fn of_three_parts(id: u128) -> Snapshot {
    let mut stream = stream();
    for number in 1..4 {
        stream.does(&hire(number, 1).about(&[(Kind::EntraId, &format!("{id} {number}"))]));
    }
    let mut writer = stream.ledger.begin_snapshot(Uuid::from_u128(id));
    let mut part = || next(&mut writer, &mut stream.ledger, 1).unwrap();
    let parts = vec![part(), part(), part()];
    Snapshot { parts, index: writer.index().unwrap() }
}

#[test]
fn parts_that_are_missing_twice_there_in_another_order_or_changed_are_refused() {
    let good = of_three_parts(1);
    assert_eq!(good.restored().unwrap().people().count(), 3);
    let spoil = |spoil: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut snapshot = good.clone();
        spoil(&mut snapshot.parts);
        matches!(snapshot.restored(), Err(SnapshotError::Parts(_)))
    };
    for missing in 0..3 {
        assert!(spoil(&|parts| drop(parts.remove(missing))), "without part {missing}");
    }
    assert!(spoil(&Vec::clear), "an index without parts");
    assert!(spoil(&|parts| parts.swap(0, 1)));
    assert!(spoil(&|parts| parts.insert(1, parts[0].clone())));
    assert!(spoil(&|parts| *parts[1].last_mut().unwrap() ^= 1), "no line is shorter or longer by that");
    let mut cut_off = good.clone();
    cut_off.parts[1].truncate(60);
    assert!(matches!(cut_off.restored(), Err(SnapshotError::Unreadable(_))));
}

#[test]
fn two_snapshots_that_were_written_at_once_are_told_apart() {
    let (one, two) = (of_three_parts(1), of_three_parts(2));
    let between = |index: &[u8]| {
        let parts = [
            &one.parts[0],
            &two.parts[0],
            &two.parts[1],
            &one.parts[1],
            &two.index,
            &one.parts[2],
            &two.parts[2],
        ];
        Snapshot { parts: parts.into_iter().cloned().collect(), index: index.to_vec() }.restored().unwrap()
    };
    assert_eq!(snapshot(&between(&one.index)), snapshot(&one.restored().unwrap()));
    assert_eq!(snapshot(&between(&two.index)), snapshot(&two.restored().unwrap()));
    // The same parts of a snapshot with another id are others.
    let mut stream = stream();
    stream.does(&hire(1, 1));
    let (one, two) = (named(&stream.ledger, 1), named(&stream.ledger, 2));
    let mixed = Snapshot { index: two.index, ..one };
    assert_eq!(mixed.restored().map(drop), Err(SnapshotError::Parts("0 of 1".to_owned())));
}

#[test]
fn a_snapshot_that_was_given_up_or_followed_by_another_one_has_no_further_part() {
    let mut stream = stream();
    stream.does(&hire(1, 1));
    assert!(!stream.ledger.is_in_snapshot());
    let mut first = stream.ledger.begin_snapshot(Uuid::from_u128(1));
    assert!(stream.ledger.is_in_snapshot());
    let mut second = stream.ledger.begin_snapshot(Uuid::from_u128(2));
    assert_eq!(first.part(&mut stream.ledger, PART_BYTES), Err(SnapshotError::GivenUp));
    assert!(second.part(&mut stream.ledger, PART_BYTES).unwrap().is_some());
    stream.ledger.end_snapshot();
    assert!(!stream.ledger.is_in_snapshot());
    assert_eq!(second.part(&mut stream.ledger, PART_BYTES), Err(SnapshotError::GivenUp));
}

/// One line of all its admissions would be larger than a part.
#[test]
fn a_brake_that_has_let_many_through_does_not_fill_a_part() {
    let mut stream = stream();
    for number in 0..5_000_u128 {
        let name = number.to_string();
        let mut end = leave(1, 1).about(&[(Kind::EntraId, &name)]);
        end.0.run = Uuid::from_u128(number + 1);
        assert_eq!(stream.claim(&end), Decision::Hold);
    }
    let mut writer = stream.ledger.begin_snapshot(Uuid::from_u128(1));
    let mut parts = Vec::new();
    while let Some(part) = next(&mut writer, &mut stream.ledger, 16 << 10) {
        assert!(part.len() <= 16 << 10, "{}", part.len());
        parts.push(part);
    }
    let restored = Snapshot { parts, index: writer.index().unwrap() }.restored().unwrap();
    let tenant = key(Kind::Tenant, "");
    assert_eq!(restored.brake_of(&tenant, day(1), 3 * 24 * 3600).admitted, 5_000);
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
fn a_hundred_thousand_people_take_less_than_40_mb_and_parts_stay_small() {
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
    assert!(taken < 40 << 20, "{taken} bytes");
    let snapshot = snapshot(&ledger);
    assert!(snapshot.parts.iter().all(|part| part.len() <= PART_BYTES));
    assert!(snapshot.parts.len() > 1);
    drop(ledger);
    assert_eq!(snapshot.restored().unwrap().people().count(), 100_000);
}
