//! Lock-outs at once: whatever else is under way, and also while the ledger cannot be read.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use jiff::{Timestamp, ToSpan as _};
use lapin::BasicProperties;
use msgraph_emulator::{Fault, Tenant, User};
use serde_json::{Value, json};
use system_tests::stages::{self, IN_STAGES};
use system_tests::{Testbed, events};

const ADA: &str = "ada@contoso.example";
const GRACE: &str = "grace@contoso.example";

/// Lets in twice, so that somebody can be locked out in between.
const LETS_IN_TWICE: &str = "
onboarding:
  stages:
    - name: let in
      steps: [enable_account]
    - name: let in again
      after: 1s
      steps: [{ enable_account: {}, name: again }]
";

fn tenant() -> Tenant {
    stages::tenant([(ADA, "Ada Lovelace"), (GRACE, "Grace Hopper")].map(|(upn, name)| User::new(upn, name)))
}

fn lock_out(id: &str, upn: &str) -> Value {
    events::access_revoke(id, json!({ "upn": upn }))
}

fn earlier(mut event: Value) -> Value {
    event["time"] = (Timestamp::now() - 1.minutes()).to_string().into();
    event
}

fn is_enabled(testbed: &Testbed, upn: &str) -> bool {
    let state = testbed.emulator.state();
    let mut users = state["users"].as_object().unwrap().values();
    users.find(|user| user["userPrincipalName"] == upn).unwrap()["accountEnabled"].as_bool().unwrap()
}

/// The steps of a run that has ended, with what became of them.
fn steps(end: &Value) -> Vec<String> {
    let steps = end["steps"].as_array().unwrap().iter();
    steps.map(|step| format!("{} {}", step["step"], step["outcome"]).replace('"', "")).collect()
}

#[tokio::test]
async fn a_person_is_locked_out_and_looked_at_again() {
    let mut testbed = Testbed::with(tenant()).build().await;
    let worker = testbed.worker_of("access").await;
    let event = lock_out("incident", ADA);
    testbed.publisher.event(&event).await;
    let end = testbed.results.end_of("incident").await;
    assert_eq!((&end["state"], &end["workflow"]), (&json!("succeeded"), &json!("access_revoke")), "{end}");
    assert!(end.get("ledger").is_none(), "{end}");
    let found = steps(&end);
    assert_eq!(found[..3], ["disable_account changed", "revoke_sessions changed", "reset_password skipped"]);
    assert_eq!(found[3], "disable_account unchanged");
    assert!(!is_enabled(&testbed, ADA));
    let keys: Vec<_> = testbed.results.received().iter().map(|result| result.key.clone()).collect();
    assert_eq!(keys.iter().filter(|key| *key == "run.waiting").count(), 1, "{keys:?}");
    testbed.publisher.event(&event).await;
    assert_eq!(testbed.results.next().await.key, "event.duplicate");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_lock_out_acts_beside_a_hire_and_ends_it() {
    let mut testbed = Testbed::with(tenant()).workflows(LETS_IN_TWICE).build().await;
    testbed.emulator.fault(Fault::delayed(300));
    let worker = testbed.worker().await;
    testbed.publisher.event(&earlier(events::onboarding("hire", json!({ "upn": ADA }), json!({})))).await;
    while testbed.results.next().await.event["data"]["step"] != "enable_account" {}
    testbed.publisher.event(&lock_out("incident", ADA)).await;
    let ends = testbed.results.ends(2).await;
    let of = |workflow: &str| ends.values().find(|end| end["workflow"] == workflow).unwrap().clone();
    assert_eq!(of("access_revoke")["state"], "succeeded", "{ends:#?}");
    let hire = of("onboarding");
    let by = events::run_of(&lock_out("incident", ADA)).to_string();
    assert_eq!((&hire["state"], &hire["ended_by"]), (&json!("superseded"), &json!(by)), "{hire}");
    assert!(!is_enabled(&testbed, ADA));
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn nothing_that_waits_keeps_a_lock_out_waiting() {
    let people =
        (0..60).map(|number| User::new(&format!("edsger{number}@contoso.example"), "Edsger Dijkstra"));
    let testbed = Testbed::with(people.fold(tenant(), Tenant::user));
    let testbed = testbed.set("WORKER__CONCURRENCY", 4);
    let testbed = testbed.set("GRAPH__REQUEST_TIMEOUT_SECONDS", 60).set("LEDGER__TAKE_AFTER_SECONDS", 70);
    let mut testbed = testbed.build().await;
    // Whatever is done for the others waits for Graph as long as this test lasts.
    testbed.emulator.fault(Fault::delayed(55_000).path("edsger"));
    for number in 0..60 {
        let upn = format!("edsger{number}@contoso.example");
        testbed
            .publisher
            .event(&events::offboarding(&format!("leave-{number}"), json!({ "upn": upn })))
            .await;
    }
    let mut worker = testbed.worker().await;
    testbed.publisher.event(&lock_out("incident", ADA)).await;
    let end = testbed.results.end_of("incident").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    assert_eq!(testbed.results.received().iter().filter(|result| result.is_end()).count(), 1);
    assert!(!is_enabled(&testbed, ADA));
    worker.kill().await;
    testbed.tear_down().await;
}

#[tokio::test]
async fn while_the_ledger_cannot_be_read_people_are_locked_out_and_nothing_else_is_done() {
    let mut testbed = Testbed::with(tenant()).workflows(IN_STAGES).build().await;
    let mut worker = testbed.worker().await;
    worker.counts("gatehouse_ledger_ready", 1.0).await;
    // A record of a newer worker, which none may skip.
    let (ledger, none) = (format!("{}.ledger", testbed.prefix()), BasicProperties::default());
    testbed.publisher.publish("ledger", &ledger, none, br#"{"v":2}"#).await;
    worker.counts("gatehouse_ledger_ready", 0.0).await;
    testbed.publisher.event(&events::onboarding("hire", json!({ "upn": GRACE }), json!({}))).await;
    testbed.publisher.event(&lock_out("incident", ADA)).await;
    let waiting = loop {
        let result = testbed.results.next().await;
        if result.key == "run.waiting" {
            break result.event["data"].clone();
        }
    };
    assert_eq!(waiting["ledger"], "unread", "{waiting}");
    assert!(!is_enabled(&testbed, ADA));
    assert!(testbed.results.received().iter().all(|result| !result.is_end()));
    // The ledger comes back, and is empty. The second look then claims in it.
    assert_eq!(worker.terminate().await, Some(0));
    testbed.delete_queue("ledger").await;
    let worker = testbed.worker().await;
    let ends = testbed.results.ends(2).await;
    let of = |workflow: &str| ends.values().find(|end| end["workflow"] == workflow).unwrap();
    assert_eq!(of("onboarding")["state"], "succeeded", "{ends:#?}");
    let end = of("access_revoke");
    assert_eq!((&end["state"], &end["ledger"]), (&json!("succeeded"), &json!("unread")), "{end}");
    testbed.drain([worker]).await;
    testbed.close().await;
}
