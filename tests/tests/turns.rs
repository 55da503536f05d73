//! Runs about one person take turns: the newest event wins, and two runs never write at once.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use std::collections::BTreeMap;
use std::process::Command;

use jiff::{Timestamp, ToSpan as _};
use msgraph_emulator::{Fault, Tenant, User};
use serde_json::{Value, json};
use system_tests::random::Random;
use system_tests::stages::{self, IN_STAGES};
use system_tests::{Testbed, Worker, events};

const ADA: &str = "ada@contoso.example";

fn tenant() -> Tenant {
    stages::tenant([User::new(ADA, "Ada Lovelace")])
}

/// The event, made so many minutes ago.
fn minutes_ago(mut event: Value, minutes: i64) -> Value {
    event["time"] = (Timestamp::now() - minutes.minutes()).to_string().into();
    event
}

fn hire(id: &str) -> Value {
    events::onboarding(id, json!({ "upn": ADA }), json!({}))
}

fn leave(id: &str) -> Value {
    events::offboarding(id, json!({ "upn": ADA }))
}

fn is_enabled(testbed: &Testbed) -> bool {
    let state = testbed.emulator.state();
    let mut users = state["users"].as_object().unwrap().values();
    users.find(|user| user["userPrincipalName"] == ADA).unwrap()["accountEnabled"].as_bool().unwrap()
}

#[tokio::test]
async fn an_old_leave_that_comes_again_locks_out_nobody_who_came_back() {
    let mut testbed = Testbed::with(tenant()).workflows(IN_STAGES).build().await;
    let worker = testbed.worker().await;
    let leave = minutes_ago(leave("leave"), 50);
    testbed.publisher.event(&leave).await;
    assert_eq!(testbed.results.end_of("leave").await["state"], "succeeded");
    testbed.publisher.event(&minutes_ago(hire("rehire"), 10)).await;
    assert_eq!(testbed.results.end_of("rehire").await["state"], "succeeded");
    let effects = testbed.effects();
    // The same event again, and one about an earlier time that was late.
    testbed.publisher.event(&leave).await;
    let again = testbed.results.next().await;
    assert_eq!((again.key.as_str(), &again.event["data"]["state"]), ("event.duplicate", &json!("done")));
    let late = minutes_ago(self::leave("late"), 40);
    testbed.publisher.event(&late).await;
    let end = testbed.results.end_of("late").await;
    let by = events::run_of(&hire("rehire")).to_string();
    assert_eq!((&end["state"], &end["ended_by"]), (&json!("superseded"), &json!(by)), "{end}");
    assert_eq!(testbed.effects(), effects);
    assert!(is_enabled(&testbed));
    let shown = testbed.gatehouse(&["ledger", "show", ADA, "--output", "json"]).await.ok();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let runs = shown["runs"].as_array().unwrap().iter();
    let runs: Vec<_> = runs.map(|run| (&run["intent"], &run["state"])).collect();
    let (leave, hire) = (&json!("offboarding"), &json!("onboarding"));
    assert_eq!(runs, [(leave, &json!("done")), (leave, &json!("superseded")), (hire, &json!("done"))]);
    let id = testbed.emulator.with_tenant(|tenant| tenant.user_id(ADA)).unwrap().to_string();
    let by_id = testbed.gatehouse(&["ledger", "show", &id]).await.ok();
    assert_eq!(by_id.lines().filter(|line| line.starts_with("run ")).count(), 3, "{by_id}");
    assert!(by_id.lines().all(|line| line.len() <= 80), "{by_id}");
    let nobody = testbed.gatehouse(&["ledger", "show", "grace@contoso.example"]).await;
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    let checked = testbed.gatehouse(&["ledger", "check"]).await.ok();
    assert!(checked.starts_with("people: 1, runs: 3, acting now: 0, asleep: 0"), "{checked}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn an_event_that_comes_again_while_its_run_sleeps_is_left_over() {
    let sleeps = "
onboarding:
  stages:
    - name: let in
      steps: [enable_account]
    - name: place
      after: 1h
      steps: [{ add_to_groups: { groups: [Engineers] } }]
";
    let mut testbed = Testbed::with(tenant()).workflows(sleeps).build().await;
    let mut worker = testbed.worker().await;
    testbed.publisher.event(&hire("hire")).await;
    while testbed.results.next().await.key != "run.waiting" {}
    testbed.publisher.event(&hire("hire")).await;
    let again = testbed.results.next().await;
    assert_eq!((again.key.as_str(), &again.event["data"]["state"]), ("event.duplicate", &json!("open")));
    testbed.forget_sleeping_run().await;
    testbed.quiet().await;
    assert_eq!(testbed.effects().len(), 0, "she was enabled, and is placed later");
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}

#[tokio::test]
async fn a_new_date_for_the_end_replaces_the_old_one_though_that_comes_first() {
    let mut testbed = Testbed::with(tenant()).workflows(IN_STAGES).build().await;
    let worker = testbed.worker().await;
    let ends_in = |event: Value, seconds: i64| {
        let at = Timestamp::now() + seconds.seconds();
        events::with(event, "effective", json!({ "rule": "instant", "at": at.to_string() }))
    };
    testbed.publisher.event(&minutes_ago(ends_in(leave("soon"), 5), 20)).await;
    while testbed.results.next().await.key != "run.waiting" {}
    let later = minutes_ago(ends_in(leave("later"), 8), 10);
    testbed.publisher.event(&later).await;
    let end = testbed.results.end_of("soon").await;
    let by = events::run_of(&later).to_string();
    assert_eq!((&end["state"], &end["ended_by"]), (&json!("superseded"), &json!(by)), "{end}");
    assert!(is_enabled(&testbed), "she works until the later date");
    assert_eq!(testbed.results.end_of("later").await["state"], "succeeded");
    assert!(!is_enabled(&testbed));
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn of_quick_events_in_any_order_on_three_workers_the_newest_counts() {
    const PEOPLE: usize = 8;
    const EVENTS: usize = 10;
    let upn = |person: usize| format!("ada{person}@contoso.example");
    let people = (0..PEOPLE).map(|person| User::new(&upn(person), "Ada Lovelace"));
    let mut testbed = Testbed::with(stages::tenant(people)).workflows(IN_STAGES).build().await;
    testbed.emulator.fault(Fault::delayed(20));
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(testbed.worker().await);
    }
    let mut order: Vec<_> = (0..PEOPLE * EVENTS).collect();
    let mut chance = Random::new(1843);
    for last in (1..order.len()).rev() {
        order.swap(last, chance.between(0, last));
    }
    for number in order {
        let (person, turn) = (number / EVENTS, number % EVENTS);
        let data = json!({ "person": { "upn": upn(person), "department": format!("Department {turn}") } });
        let event = events::event(&format!("move-{person}-{turn}"), "gatehouse.change.requested.v1", data);
        let minutes = i64::try_from(EVENTS - turn).unwrap();
        testbed.publisher.event(&minutes_ago(event, minutes)).await;
    }
    let ends = testbed.results.ends(PEOPLE * EVENTS).await;
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for end in ends.values() {
        *states.entry(end["state"].as_str().unwrap()).or_default() += 1;
    }
    testbed.drain(workers).await;
    assert_eq!(states.values().sum::<usize>(), PEOPLE * EVENTS);
    assert!(states.keys().all(|state| ["succeeded", "superseded"].contains(state)), "{states:?}");
    let state = testbed.emulator.state();
    let newest = format!("Department {}", EVENTS - 1);
    for user in state["users"].as_object().unwrap().values() {
        assert_eq!(user["department"], newest, "{user}");
    }
    testbed.close().await;
}

fn signal(worker: &Worker, signal: &str) {
    let sent = Command::new("kill").args([signal, &worker.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[tokio::test]
async fn a_worker_that_was_frozen_writes_nothing_once_another_acts() {
    // The broker hands the frozen worker one more message, so the other one gets one of two.
    let testbed = Testbed::with(tenant()).workflows(IN_STAGES).set("WORKER__CONCURRENCY", 1);
    let mut testbed = testbed.build().await;
    testbed.emulator.fault(Fault::delayed(400));
    let frozen = testbed.worker().await;
    testbed.publisher.event(&minutes_ago(hire("hire"), 10)).await;
    while testbed.results.next().await.event["data"]["step"] != "enable_account" {}
    signal(&frozen, "-STOP");
    let other = testbed.worker().await;
    for id in ["leave-1", "leave-2"] {
        testbed.publisher.event(&leave(id)).await;
    }
    let end = testbed.results.ends(1).await.into_values().next().unwrap();
    assert_eq!((&end["workflow"], &end["state"]), (&json!("offboarding"), &json!("succeeded")), "{end}");
    let effects = testbed.effects();
    signal(&frozen, "-CONT");
    let end = testbed.results.end_of("hire").await;
    assert_eq!(end["state"], "superseded", "{end}");
    assert!(testbed.effects().len() <= effects.len() + 1, "one request may have been on its way");
    assert!(!is_enabled(&testbed));
    testbed.drain([frozen, other]).await;
    testbed.close().await;
}

#[tokio::test]
async fn while_the_ledger_cannot_be_read_nothing_is_written_and_nothing_set_aside() {
    let mut testbed = Testbed::with(tenant()).workflows(IN_STAGES).build().await;
    let worker = testbed.worker().await;
    worker.counts("gatehouse_ledger_ready", 1.0).await;
    testbed.delete_queue("ledger").await;
    testbed.publisher.event(&hire("hire")).await;
    let end = testbed.results.end_of("hire").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    let page = worker.metrics().await;
    assert!(page.sum("gatehouse_ledger_cuts_total", "") >= 1.0, "the loss was seen");
    testbed.drain([worker]).await;
    testbed.close().await;
}
