//! Runs that are delayed, fail and are replayed resume where they stopped.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use std::collections::BTreeMap;
use std::process::ExitStatus;

use msgraph_emulator::{Fault, Tenant};
use serde_json::{Value, json};
use system_tests::crowd::{self, FinalState};
use system_tests::random::Random;
use system_tests::{Testbed, Worker, events};
use tokio::process::Child;

const LEAVERS: usize = 60;

/// The fault that keeps accounts from being disabled.
fn refused() -> Fault {
    Fault::status(403).method("PATCH").path("/users/")
}

/// One replay of all dead letters, killed after this many.
async fn replay_some(testbed: &mut Testbed, replays: usize) -> Option<ExitStatus> {
    let arguments =
        ["dead", "replay", "--all", "--rate", "1000", "--by", "grace", "--why", "consent is given"];
    let mut operator: Child = testbed.start_gatehouse(&arguments);
    let mut received = 0;
    while received <= replays {
        tokio::select! {
            biased;
            result = testbed.results.next() => received += usize::from(result.key == "operator.replayed"),
            ended = operator.wait() => return Some(ended.unwrap()),
        }
    }
    operator.kill().await.unwrap();
    None
}

#[tokio::test]
async fn a_replay_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let all: Vec<_> = (0..LEAVERS).map(crowd::leave).collect();
    let undisturbed = FinalState::undisturbed(crowd::tenant(LEAVERS), &all).await;
    let mut testbed = Testbed::with(crowd::tenant(LEAVERS)).set("WORKER__CONCURRENCY", 4).build().await;
    testbed.emulator.fault(refused());
    let worker = testbed.worker().await;
    for event in &all {
        testbed.publisher.event(event).await;
    }
    testbed.results.ends(LEAVERS).await;
    testbed.drain([worker]).await;
    assert_eq!(testbed.depth("workflows.dlq").await, u32::try_from(LEAVERS).unwrap());

    testbed.emulator.clear_faults();
    testbed.emulator.fault(Fault::delayed(20));
    let mut workers: Vec<Worker> = vec![testbed.worker().await, testbed.worker().await];
    let mut chance = Random::new(1906);
    let (mut kills, mut rounds) = (0, 0);
    loop {
        rounds += 1;
        assert!(rounds < 300, "the list is never empty");
        let ended = replay_some(&mut testbed, chance.between(0, 9)).await;
        kills += usize::from(ended.is_none());
        if ended.is_some_and(|status| status.success()) && testbed.depth("workflows.dlq").await == 0 {
            break;
        }
        if ended.is_none() && chance.between(0, 1) == 0 {
            let victim = chance.between(0, 1);
            workers[victim].kill().await;
            workers[victim] = testbed.start_worker();
        }
    }
    testbed.drain(workers).await;

    assert!(kills >= 5, "only {kills} replays were killed");
    let expected: BTreeMap<_, _> = (0..LEAVERS)
        .flat_map(|number| {
            let run_id = events::run_of(&crowd::leave(number)).to_string();
            let end = crowd::state_of_leaver(number).to_owned();
            [((run_id.clone(), 0), "failed".to_owned()), ((run_id, 1), end)]
        })
        .collect();
    assert_eq!(testbed.results.states(), expected);
    let end = FinalState::of(&testbed);
    assert_eq!(end.effects, undisturbed.effects, "each change is made once, also with kills");
    assert!(end == undisturbed, "the tenant ends elsewhere than undisturbed");
    println!("{kills} of {rounds} replays killed, {} repeats", testbed.results.repeats());
    testbed.close().await;
}

fn edsger_leaves() -> Value {
    events::offboarding("leave", json!({ "upn": "edsger@contoso.example" }))
}

/// The dead letter of Edsger's run, as an operator sees it.
async fn dead_letter(testbed: &mut Testbed) -> Value {
    // The result is published before the message is set aside.
    testbed.holds("workflows.dlq", 1).await;
    let run_id = events::run_of(&edsger_leaves()).to_string();
    let shown = testbed.gatehouse(&["dead", "show", &run_id, "--output", "json"]).await.ok();
    serde_json::from_str(&shown).unwrap()
}

/// The end of Edsger's run after its dead letter was replayed.
async fn replayed(testbed: &mut Testbed) -> Value {
    let run_id = events::run_of(&edsger_leaves()).to_string();
    testbed.gatehouse(&["dead", "replay", &run_id]).await.ok();
    testbed.results.end_of("leave").await
}

#[tokio::test]
async fn a_replayed_run_resumes_at_the_step_that_failed() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    testbed.emulator.fault(Fault::status(403).method("DELETE").path("*/groups/*/members/*"));
    let worker = testbed.worker().await;
    testbed.publisher.event(&edsger_leaves()).await;
    let failed = testbed.results.end_of("leave").await;
    assert_eq!((&failed["state"], &failed["replays"]), (&json!("failed"), &json!(0)), "{failed}");
    assert_eq!(failed["failure"]["class"], "blocked", "{failed}");
    let letter = dead_letter(&mut testbed).await;
    assert_eq!(letter["step"], "remove_from_groups", "{letter}");

    testbed.emulator.clear_faults();
    testbed.emulator.clear_journal();
    let heard_before = testbed.results.received().len();
    let end = replayed(&mut testbed).await;
    assert_eq!((&end["state"], &end["replays"]), (&json!("partial"), &json!(1)), "{end}");
    assert_eq!(end["steps"].as_array().unwrap().len(), 5, "the result tells the whole story: {end}");
    testbed.drain([worker]).await;

    let journal = testbed.emulator.journal();
    assert!(journal.iter().any(|entry| entry.write), "the replay had something to do");
    let of_earlier_steps = journal.iter().filter(|entry| {
        let writes_again = entry.method == "PATCH" || entry.path.ends_with("/revokeSignInSessions");
        let looks_again = ["accountEnabled", "signInSessionsValidFromDateTime"];
        // Whom a run may not change is looked at in every attempt, by name.
        let is_guarded = entry.query.contains("userPrincipalName");
        writes_again || looks_again.iter().any(|property| entry.query.contains(property) && !is_guarded)
    });
    assert_eq!(of_earlier_steps.count(), 0, "{journal:#?}");
    let steps: Vec<_> = testbed.results.received()[heard_before..]
        .iter()
        .filter(|received| received.key.starts_with("step."))
        .map(|received| (received.event["data"]["step"].clone(), received.event["data"]["replays"].clone()))
        .collect();
    assert_eq!(steps, [(json!("remove_from_groups"), json!(1)), (json!("remove_licenses"), json!(1))]);
    let ends = testbed.results.all_ends();
    let ids: Vec<_> = ends.values().map(|ends| &ends[0].0).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "a run that ends anew says so under another id: {ends:#?}");
    testbed.close().await;
}

#[tokio::test]
async fn a_run_waits_while_graph_is_unavailable_and_then_goes_on() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    testbed.emulator.fault(Fault::status(503).path("/assignLicense").times(2));
    let worker = testbed.worker().await;
    testbed.publisher.event(&edsger_leaves()).await;
    let end = testbed.results.end_of("leave").await;
    assert_eq!((&end["state"], &end["attempts"]), (&json!("partial"), &json!(3)), "{end}");
    assert_eq!(worker.metrics().await.sum("gatehouse_retries_total", ""), 2.0);
    testbed.drain([worker]).await;
    let steps = testbed.results.received().iter().filter(|received| received.key.starts_with("step."));
    assert_eq!(steps.count(), 5, "a waiting step has no result, a finished step has one");
    testbed.close().await;
}

#[tokio::test]
async fn a_run_without_attempts_left_is_set_aside_and_a_replay_finishes_it() {
    let mut testbed = Testbed::with(Tenant::contoso()).set("RETRY__MAX_ATTEMPTS", 2).build().await;
    testbed.emulator.fault(Fault::status(503).method("DELETE").path("*/groups/*/members/*"));
    let worker = testbed.worker().await;
    testbed.publisher.event(&edsger_leaves()).await;
    let end = testbed.results.end_of("leave").await;
    assert_eq!((&end["state"], &end["attempts"]), (&json!("failed"), &json!(2)), "{end}");
    assert_eq!(end["failure"]["code"], "retries_exhausted", "{end}");
    assert_eq!(end["failure"]["class"], "retry", "{end}");

    let letter = dead_letter(&mut testbed).await;
    assert_eq!(letter["class"], "retries_exhausted", "{letter}");
    assert_eq!(letter["step"], "remove_from_groups", "{letter}");
    assert_eq!((&letter["http_status"], &letter["attempts"]), (&json!(503), &json!(2)), "{letter}");
    let asked = letter["request_id"].as_str().unwrap();
    let journal = testbed.emulator.journal();
    let named = journal.iter().find(|entry| entry.request_id == asked).unwrap();
    assert_eq!(named.status, Some(503), "the dead letter names the request that failed: {named:?}");

    testbed.emulator.clear_faults();
    let end = replayed(&mut testbed).await;
    assert_eq!((&end["state"], &end["replays"]), (&json!("partial"), &json!(1)), "{end}");
    assert_eq!(end["attempts"], 1, "a replay has all its attempts again: {end}");
    testbed.drain([worker]).await;
    testbed.close().await;
}
