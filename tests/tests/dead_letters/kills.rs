//! A replay, and an import, that is killed wherever it waits for the broker.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use system_tests::crowd::{self, FinalState};
use system_tests::gate::Gate;
use system_tests::{Testbed, events};

use super::after_a_bad_night;

/// More than a replay of one letter has frames: each kill may be after the message was stored.
const LEAVERS: usize = 60;

/// Whether a command ended before so many frames had passed; else it was killed after these.
async fn ended(testbed: &mut Testbed, arguments: &[&str], gate: &Gate, frames: usize) -> bool {
    gate.let_pass(frames);
    let mut operator = testbed.start_gatehouse(arguments);
    tokio::select! {
        biased;
        ended = operator.wait() => {
            assert!(ended.unwrap().success(), "after {frames} frames");
            true
        }
        () = gate.held() => {
            operator.kill().await.unwrap();
            gate.cut();
            // The lock of the one that died is gone when its connection is.
            testbed.unlocked("workflows").await;
            false
        }
    }
}

#[tokio::test]
async fn a_replay_killed_at_every_frame_it_sends_loses_and_doubles_nothing() {
    let all: Vec<_> = (0..LEAVERS).map(crowd::leave).collect();
    let undisturbed = FinalState::undisturbed(crowd::tenant(LEAVERS), &all).await;
    let mut testbed = Testbed::with(crowd::tenant(LEAVERS)).set("GRAPH__LIMITS_SHARE", 1000).build().await;
    let worker = after_a_bad_night(&mut testbed, LEAVERS).await;
    let (broker, gate) = (testbed.broker.url().to_owned(), Gate::start(testbed.broker.url()).await);
    testbed.set("BROKER__URL", gate.url());
    let mut frames = 1;
    let one = ["dead", "replay", "--all", "--limit", "1", "--rate", "1000"];
    while !ended(&mut testbed, &one, &gate, frames).await {
        frames += 1;
        assert!(frames < LEAVERS, "a replay of one letter has fewer frames");
    }
    testbed.set("BROKER__URL", &broker);
    testbed.gatehouse(&["dead", "replay", "--all", "--rate", "1000"]).await.ok();
    testbed.drain([worker]).await;
    println!("killed after each of {} frames", frames - 1);
    // Two connections, a lock, a consumer, two messages and an acknowledgement take more than 20.
    assert!(frames > 20, "only {frames} frames");
    let expected: BTreeMap<_, _> = all
        .iter()
        .enumerate()
        .flat_map(|(number, event)| {
            let run_id = events::run_of(event).to_string();
            let end = crowd::state_of_leaver(number).to_owned();
            [((run_id.clone(), 0), "failed".to_owned()), ((run_id, 1), end)]
        })
        .collect();
    assert_eq!(testbed.results.states(), expected);
    let end = FinalState::of(&testbed);
    assert_eq!(end.effects, undisturbed.effects, "each change is made once");
    assert!(end == undisturbed, "the tenant ends elsewhere than undisturbed");
    testbed.close().await;
}

#[tokio::test]
async fn an_import_killed_at_every_frame_it_sends_brings_each_letter_back_once() {
    const LETTERS: u32 = 8;
    let mut testbed = Testbed::with(crowd::tenant(1)).build().await;
    let worker = testbed.worker().await;
    for number in 0..LETTERS {
        let body = format!("{{ \"number\": {number} }}");
        let none = BasicProperties::default();
        testbed.publisher.publish("events", "onboarding.requested", none, body.as_bytes()).await;
    }
    testbed.holds("workflows.dlq", LETTERS).await;
    testbed.drain([worker]).await;
    let file = testbed.file("letters.ndjson", "");
    std::fs::remove_file(&file).unwrap();
    let file = file.display().to_string();
    testbed.gatehouse(&["dead", "export", "--out", &file]).await.ok();
    testbed.gatehouse(&["dead", "discard", "--all", "--yes", "--rate", "1000"]).await.ok();
    let (broker, gate) = (testbed.broker.url().to_owned(), Gate::start(testbed.broker.url()).await);
    testbed.set("BROKER__URL", gate.url());
    let mut frames = 1;
    while !ended(&mut testbed, &["dead", "import", &file], &gate, frames).await {
        frames += 1;
        assert!(frames < 300, "an import of a few letters has fewer frames");
    }
    testbed.set("BROKER__URL", &broker);
    assert!(frames > 20, "only {frames} frames");
    testbed.holds("workflows.dlq", LETTERS).await;
    testbed.gatehouse(&["dead", "discard", "--all", "--yes", "--rate", "1000"]).await.ok();
    testbed.close().await;
}
