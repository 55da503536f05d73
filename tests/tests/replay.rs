//! What is put off, given up and replayed goes on where it stopped.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use std::collections::BTreeMap;
use std::process::ExitStatus;

use msgraph_emulator::{Fault, Tenant};
use serde_json::{Value, json};
use system_tests::chance::Chance;
use system_tests::crowd::{self, End};
use system_tests::{House, Worker, events};
use tokio::process::Child;

const LEAVERS: usize = 60;

/// The reason why nobody can be locked out for now.
fn refused() -> Fault {
    Fault::status(403).method("PATCH").path("/users/")
}

/// One pass of an operator over all dead letters, ended before its time after so many replays.
async fn replay_some(house: &mut House, replays: usize) -> Option<ExitStatus> {
    let arguments =
        ["dead", "replay", "--all", "--rate", "1000", "--by", "grace", "--why", "consent is given"];
    let mut operator: Child = house.start_gatehouse(&arguments);
    let mut heard = 0;
    while heard <= replays {
        tokio::select! {
            biased;
            result = house.results.next() => heard += usize::from(result.key == "operator.replayed"),
            ended = operator.wait() => return Some(ended.unwrap()),
        }
    }
    operator.kill().await.unwrap();
    None
}

#[tokio::test]
async fn a_replay_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let all: Vec<_> = (0..LEAVERS).map(crowd::leave).collect();
    let undisturbed = End::undisturbed(crowd::tenant(LEAVERS), &all).await;
    let mut house = House::with(crowd::tenant(LEAVERS)).set("WORKER__CONCURRENCY", 4).build().await;
    house.emulator.fault(refused());
    let worker = house.worker().await;
    for event in &all {
        house.queues.event(event).await;
    }
    house.results.ends(LEAVERS).await;
    house.rest([worker]).await;
    assert_eq!(house.queues.depth("workflows.dlq").await, u32::try_from(LEAVERS).unwrap());

    house.emulator.clear_faults();
    house.emulator.fault(Fault::delayed(20));
    let mut workers: Vec<Worker> = vec![house.worker().await, house.worker().await];
    let mut chance = Chance::new(1906);
    let (mut kills, mut rounds) = (0, 0);
    loop {
        rounds += 1;
        assert!(rounds < 300, "the list is never empty");
        let ended = replay_some(&mut house, chance.between(0, 9)).await;
        kills += usize::from(ended.is_none());
        if ended.is_some_and(|status| status.success()) && house.queues.depth("workflows.dlq").await == 0 {
            break;
        }
        if ended.is_none() && chance.between(0, 1) == 0 {
            let victim = chance.between(0, 1);
            workers[victim].kill().await;
            workers[victim] = house.start_worker();
        }
    }
    house.rest(workers).await;

    assert!(kills >= 5, "only {kills} replays were killed");
    let expected: BTreeMap<_, _> = (0..LEAVERS)
        .flat_map(|number| {
            let run_id = events::run_id(&crowd::leave_id(number)).to_string();
            let end = crowd::state_of_leaver(number).to_owned();
            [((run_id.clone(), 0), "failed".to_owned()), ((run_id, 1), end)]
        })
        .collect();
    assert_eq!(house.results.states(), expected);
    let end = End::of(&house);
    assert_eq!(end.effects, undisturbed.effects, "each effect once, whoever died");
    assert!(end == undisturbed, "the tenant ends elsewhere than undisturbed");
    println!("{kills} of {rounds} replays killed, {} repeats", house.results.repeats());
    house.close().await;
}

fn edsger_leaves() -> Value {
    events::offboarding("leave", json!({ "upn": "edsger@contoso.example" }))
}

/// The dead letter of Edsger's run, as an operator sees it.
async fn dead_letter(house: &mut House) -> Value {
    // The result is told before the message is set aside.
    house.holds("workflows.dlq", 1).await;
    let run_id = events::run_id("leave").to_string();
    let shown = house.gatehouse(&["dead", "show", &run_id, "--output", "json"]).await.ok();
    serde_json::from_str(&shown).unwrap()
}

/// The end of Edsger's run after its dead letter was replayed.
async fn replayed(house: &mut House) -> Value {
    let run_id = events::run_id("leave").to_string();
    house.gatehouse(&["dead", "replay", &run_id]).await.ok();
    house.results.end_of(events::run_id("leave")).await
}

#[tokio::test]
async fn a_replayed_run_resumes_at_the_step_that_failed() {
    let mut house = House::with(Tenant::contoso()).build().await;
    house.emulator.fault(Fault::status(403).method("DELETE").path("*/groups/*/members/*"));
    let worker = house.worker().await;
    house.queues.event(&edsger_leaves()).await;
    let failed = house.results.end_of(events::run_id("leave")).await;
    assert_eq!((&failed["state"], &failed["replays"]), (&json!("failed"), &json!(0)), "{failed}");
    assert_eq!(failed["failure"]["class"], "blocked", "{failed}");
    let letter = dead_letter(&mut house).await;
    assert_eq!(letter["step"], "remove_from_groups", "{letter}");

    house.emulator.clear_faults();
    house.emulator.clear_journal();
    let heard_before = house.results.heard().len();
    let end = replayed(&mut house).await;
    assert_eq!((&end["state"], &end["replays"]), (&json!("partial"), &json!(1)), "{end}");
    assert_eq!(end["steps"].as_array().unwrap().len(), 5, "the result tells the whole story: {end}");
    house.rest([worker]).await;

    let journal = house.emulator.journal();
    assert!(journal.iter().any(|entry| entry.write), "the replay had something to do");
    let of_earlier_steps = journal.iter().filter(|entry| {
        let writes_again = entry.method == "PATCH" || entry.path.ends_with("/revokeSignInSessions");
        let looks_again = ["accountEnabled", "signInSessionsValidFromDateTime"];
        writes_again || looks_again.iter().any(|property| entry.query.contains(property))
    });
    assert_eq!(of_earlier_steps.count(), 0, "{journal:#?}");
    let steps: Vec<_> = house.results.heard()[heard_before..]
        .iter()
        .filter(|heard| heard.key.starts_with("step."))
        .map(|heard| (heard.event["data"]["step"].clone(), heard.event["data"]["replays"].clone()))
        .collect();
    assert_eq!(steps, [(json!("remove_from_groups"), json!(1)), (json!("remove_licenses"), json!(1))]);
    let ends = house.results.all_ends();
    let ids: Vec<_> = ends.values().map(|ends| &ends[0].0).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "a run that ends anew says so under another id: {ends:#?}");
    house.close().await;
}

#[tokio::test]
async fn a_run_waits_while_graph_is_unavailable_and_then_goes_on() {
    let mut house = House::with(Tenant::contoso()).build().await;
    house.emulator.fault(Fault::status(503).path("/assignLicense").times(2));
    let worker = house.worker().await;
    house.queues.event(&edsger_leaves()).await;
    let end = house.results.end_of(events::run_id("leave")).await;
    assert_eq!((&end["state"], &end["attempts"]), (&json!("partial"), &json!(3)), "{end}");
    assert_eq!(worker.metrics().await.sum("gatehouse_retries_total", ""), 2.0);
    house.rest([worker]).await;
    let steps = house.results.heard().iter().filter(|heard| heard.key.starts_with("step."));
    assert_eq!(steps.count(), 5, "what waits has not finished, and what has finished is told once");
    house.close().await;
}

#[tokio::test]
async fn a_run_without_attempts_left_is_set_aside_and_a_replay_finishes_it() {
    let mut house = House::with(Tenant::contoso()).set("RETRY__MAX_ATTEMPTS", 2).build().await;
    house.emulator.fault(Fault::status(503).method("DELETE").path("*/groups/*/members/*"));
    let worker = house.worker().await;
    house.queues.event(&edsger_leaves()).await;
    let end = house.results.end_of(events::run_id("leave")).await;
    assert_eq!((&end["state"], &end["attempts"]), (&json!("failed"), &json!(2)), "{end}");
    assert_eq!(end["failure"]["code"], "retries_exhausted", "{end}");
    assert_eq!(end["failure"]["class"], "retry", "{end}");

    let letter = dead_letter(&mut house).await;
    assert_eq!(letter["class"], "retries_exhausted", "{letter}");
    assert_eq!(letter["step"], "remove_from_groups", "{letter}");
    assert_eq!((&letter["http_status"], &letter["attempts"]), (&json!(503), &json!(2)), "{letter}");
    let asked = letter["request_id"].as_str().unwrap();
    let journal = house.emulator.journal();
    let named = journal.iter().find(|entry| entry.request_id == asked).unwrap();
    assert_eq!(named.status, Some(503), "the dead letter names the request that failed: {named:?}");

    house.emulator.clear_faults();
    let end = replayed(&mut house).await;
    assert_eq!((&end["state"], &end["replays"]), (&json!("partial"), &json!(1)), "{end}");
    assert_eq!(end["attempts"], 1, "a replay has all its attempts again: {end}");
    house.rest([worker]).await;
    house.close().await;
}
