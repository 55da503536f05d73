//! Snapshots: written while claims go on, and found again among what else stands in their stream.

use ledger::{Body, Ledger, Record};

use super::*;
use crate::ledger::{book::SNAPSHOT_EVERY, snapshots::newest};

/// A ledger that knows so many people.
fn of_people(count: u64) -> Ledger {
    let mut ledger = Ledger::default();
    let ring = KeyRing::new(b"secret of the tests");
    for number in 0..count {
        let keys = ring.keys("contoso", Kind::EntraId, &number.to_string());
        let time = "2026-03-02T08:00:00Z".parse().unwrap();
        let run = Uuid::from_u128(1000 + u128::from(number));
        let body = Body::Claim(Claim { keys, ..Claim::new(run, run, Intent::Onboarding, number, time) });
        let record = Record { at: time, worker: "one".to_owned(), number, seen: None, body };
        ledger.read(number, &record);
    }
    ledger
}

/// The messages of a snapshot of so many people, one in each part, and the index.
fn messages(people: u64) -> Vec<Vec<u8>> {
    let mut ledger = of_people(people);
    let mut writer = ledger.begin_snapshot(Uuid::new_v4());
    let mut messages = Vec::new();
    while let Some(part) = writer.part(&mut ledger, 1).unwrap() {
        writer.written(&part);
        messages.push(part);
    }
    messages.push(writer.index().unwrap());
    messages
}

/// How many people the newest snapshot knows of.
async fn found<M: Messages>(stream: &M) -> Option<usize> {
    newest(stream).await.unwrap().map(|ledger| ledger.people().count())
}

/// The same where these messages are all there are.
async fn found_in(messages: &[Vec<u8>]) -> Option<usize> {
    let stream = Memory::default();
    messages.iter().for_each(|message| stream.push(message));
    found(&stream).await
}

#[tokio::test(start_paused = true)]
async fn the_newest_snapshot_is_found_and_one_that_is_not_whole_is_none() {
    assert_eq!(found_in(&[]).await, None);
    assert_eq!(found_in(&messages(3)).await, Some(3));
    assert_eq!(found_in(&messages(0)).await, Some(0), "nothing but an index");
    assert_eq!(found_in(&[messages(3), messages(2)].concat()).await, Some(2));
    for missing in 0..3 {
        let mut few = messages(3);
        few.remove(missing);
        assert_eq!(found_in(&few).await, None, "without part {missing}");
        few.splice(0..0, messages(3));
        assert_eq!(found_in(&few).await, None, "nor with those of another one");
    }
    assert_eq!(found_in(&messages(3)[3..]).await, None, "an index without parts");
    let mut changed = messages(3);
    *changed[1].last_mut().unwrap() ^= 1;
    assert_eq!(found_in(&changed).await, None);
}

/// What else stands there does not matter, and neither does when who wrote it began.
#[tokio::test(start_paused = true)]
async fn snapshots_that_were_written_at_once_are_both_whole() {
    let (one, two) = (messages(4), messages(5));
    let mut both = vec![one[0].clone()];
    for (one, two) in one[1..].iter().zip(&two) {
        both.extend([two.clone(), OF_THE_BROKER.to_vec(), one.clone()]);
    }
    assert_eq!(found_in(&both).await, Some(4), "the other index is not there yet");
    both.extend_from_slice(&two[4..]);
    assert_eq!(found_in(&both).await, Some(5));
}

#[tokio::test(start_paused = true)]
async fn while_a_snapshot_is_written_and_once_its_writer_is_dead_the_one_before_counts() {
    let (before, dead) = (messages(3), messages(4));
    for written in 1..=4 {
        assert_eq!(found_in(&[&before, &dead[..written]].concat()).await, Some(3));
        assert_eq!(found_in(&dead[..written]).await, None, "there is none before it");
    }
    let next = messages(5);
    assert_eq!(found_in(&[&before, &dead[..2], &next].concat()).await, Some(5));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_another_version_is_none() {
    let of_version_1 = br#"{"v":1,"next":5,"parts":0,"digest":"e3b0"}"#;
    assert_eq!(found_in(&[of_version_1.to_vec()]).await, None);
    let of_now = messages(2);
    assert_eq!(found_in(&[&[of_version_1.to_vec()], of_now.as_slice()].concat()).await, Some(2));
    let mut newer = of_now.clone();
    newer.iter_mut().for_each(|message| message[4] += 1);
    assert_eq!(found_in(&[of_now, newer].concat()).await, None, "a worker of that version is here");
}

/// Makes everybody cross a mark with the next claim.
fn fill(log: &Memory) {
    let length = log.records.lock().unwrap().len() as u64;
    for _ in length..length.next_multiple_of(SNAPSHOT_EVERY) {
        log.records.lock().unwrap().push(b"{}".to_vec());
    }
    log.push(b"{}");
}

/// Waits until so many snapshots are written.
async fn written(one: &Client<Memory>, snapshots: &Memory, count: usize) {
    let mut changes = one.changes();
    let indexes = || {
        let messages = snapshots.records.lock().unwrap().clone();
        messages
            .iter()
            .filter(|message| matches!(ledger::piece(message), Ok(ledger::Piece::Index(_))))
            .count()
    };
    while indexes() < count {
        timeout(Duration::from_secs(30), changes.changed()).await.expect("a snapshot").unwrap();
    }
}

/// Ends the session, and waits for the next one.
async fn in_another_session(one: &Arc<Client<Memory>>, log: &Memory) {
    let before = one.book().session();
    log.break_off();
    let mut changes = one.changes();
    while one.book().session() == before || !one.is_ready() {
        timeout(Duration::from_secs(30), changes.changed()).await.expect("a session").unwrap();
    }
}

#[tokio::test]
async fn who_crosses_the_mark_writes_a_snapshot_and_a_new_worker_begins_with_it() {
    let log = Memory::default();
    let (one, two) = (client(log.clone(), "one").await, client(log.clone(), "two").await);
    granted(&two, hire()).await.close();
    release(&two, &hire(), State::Done).await;
    fill(&log);
    granted(&one, change()).await;
    written(&one, &log.snapshots().await.unwrap(), 1).await;
    // What the snapshot holds need not be there any more.
    log.records.lock().unwrap()[..2_000].fill(b"lost".to_vec());
    let three = client(log, "three").await;
    assert_eq!(three.book().counts().skipped, 0, "it has read none of the first two thousand");
    assert_eq!(refused(&three, hire()).await, Decision::Finished(State::Done));
    assert!(matches!(refused(&three, leave()).await, Decision::Wait(_)));
}

#[tokio::test]
async fn claims_go_on_while_a_snapshot_is_written_and_it_is_of_the_moment_it_began() {
    let log = Memory::default();
    let snapshots = log.snapshots().await.unwrap();
    snapshots.is_stuck.send_replace(true);
    let one = client(log.clone(), "one").await;
    one.book().restore(of_people(3_000));
    log.records.lock().unwrap().resize(3_000, b"{}".to_vec());
    fill(&log);
    in_another_session(&one, &log).await;
    let hold = granted(&one, hire()).await;
    assert!(one.book().ledger().is_in_snapshot());
    assert!(hold.may_go_on(&[], Duration::ZERO).await, "nobody waits for the snapshot");
    hold.close();
    release(&one, &hire(), State::Done).await;
    assert!(matches!(refused(&one, hire()).await, Decision::Finished(State::Done)));
    granted(&one, change()).await.close();
    snapshots.is_stuck.send_replace(false);
    written(&one, &snapshots, 1).await;
    assert!(snapshots.records.lock().unwrap().len() > 2, "more than one part");
    let restored = newest(&snapshots).await.unwrap().unwrap();
    assert_eq!(restored.people().count(), 3_001);
    let run = restored.person_of(hire().run).unwrap().run(hire().run).unwrap();
    assert_eq!(run.state, State::Open, "as it was before the release");
    assert!(restored.person_of(change().run).is_none());
    let two = client(log, "two").await;
    assert_eq!(refused(&two, hire()).await, Decision::Finished(State::Done));
    assert!(matches!(refused(&two, leave()).await, Decision::Wait(_)));
}

#[tokio::test]
async fn a_session_that_ends_gives_up_its_snapshot_and_the_next_mark_has_another_one() {
    let log = Memory::default();
    let snapshots = log.snapshots().await.unwrap();
    snapshots.is_stuck.send_replace(true);
    let one = client(log.clone(), "one").await;
    fill(&log);
    granted(&one, hire()).await.close();
    assert!(one.book().ledger().is_in_snapshot());
    in_another_session(&one, &log).await;
    assert!(!one.book().ledger().is_in_snapshot());
    release(&one, &hire(), State::Done).await;
    snapshots.is_stuck.send_replace(false);
    fill(&log);
    granted(&one, change()).await.close();
    written(&one, &snapshots, 1).await;
    let restored = newest(&snapshots).await.unwrap().unwrap();
    assert_eq!(restored.people().count(), 1);
}

#[tokio::test]
async fn a_snapshot_goes_through_a_real_broker_in_parts() {
    let settings = real_broker();
    let stream = Stream::new(settings.clone()).snapshots().await.unwrap();
    let put = async |messages: &[Vec<u8>]| {
        for message in messages {
            stream.append(message).await.unwrap();
        }
    };
    assert_eq!(found(&stream).await, None, "there is none yet");
    put(&messages(2)).await;
    assert_eq!(found(&stream).await, Some(2));
    put(&messages(40)).await;
    assert_eq!(found(&stream).await, Some(40), "the newest");
    // A writer that died.
    put(&messages(9)[..5]).await;
    assert_eq!(found(&stream).await, Some(40));
    put(&messages(0)).await;
    assert_eq!(found(&stream).await, Some(0));
    put(&[b"{}".to_vec()]).await;
    assert_eq!(found(&stream).await, None, "something else");
    Messages::close(&stream).await;
    broker::delete(&settings).await.unwrap();
}

/// A stream is kept in files of 50 MB. Between two of them the offsets jump.
#[tokio::test]
async fn a_snapshot_in_several_files_and_among_others_is_read_through() {
    let settings = real_broker();
    let stream = Stream::new(settings.clone()).snapshots().await.unwrap();
    let of_others = vec![b' '; 1 << 20];
    for message in messages(40) {
        for _ in 0..3 {
            stream.append(&of_others).await.unwrap();
        }
        stream.append(&message).await.unwrap();
    }
    assert_eq!(found(&stream).await, Some(40), "every part, in their order");
    Messages::close(&stream).await;
    broker::delete(&settings).await.unwrap();
}
