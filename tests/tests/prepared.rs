//! A run is what it was when it began, whatever becomes of its workflow.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use std::collections::BTreeMap;

use msgraph_emulator::{Fault, Tenant};
use serde_json::{Value, json};
use system_tests::{Testbed, events};

const PEOPLE: [(&str, &str); 3] = [("changed", "ada"), ("missing", "grace"), ("renamed", "edsger")];

/// A workflow of this name that sleeps before it does this.
fn leaving(name: &str, then: &str) -> String {
    format!(
        "{name}:\n  for: [offboarding]\n  stages:\n    - name: lock out\n      steps: [disable_account]\n    - name: later\n      after: 5s\n      steps: [{then}]\n"
    )
}

fn leave(workflow: &str, person: &str) -> Value {
    let event = events::offboarding(workflow, json!({ "upn": format!("{person}@contoso.example") }));
    events::with(event, "workflow", workflow)
}

#[tokio::test]
async fn sleepers_wake_as_they_were_prepared_after_their_workflows_changed_or_went() {
    let before: String = PEOPLE.map(|(name, _)| leaving(name, "revoke_sessions")).concat();
    let mut testbed = Testbed::with(Tenant::contoso()).workflows(&before).build().await;
    let mut worker = testbed.worker().await;
    for (workflow, person) in PEOPLE {
        testbed.publisher.event(&leave(workflow, person)).await;
    }
    let mut asleep = 0;
    while asleep < PEOPLE.len() {
        asleep += usize::from(testbed.results.next().await.key == "run.waiting");
    }
    worker.counts("gatehouse_in_flight", 0.0).await;
    worker.kill().await;
    let after = leaving("changed", "delete_user") + &leaving("named_otherwise", "revoke_sessions");
    testbed.file("workflows.yaml", &after);
    let worker = testbed.worker().await;
    let mut ends = BTreeMap::new();
    while ends.len() < PEOPLE.len() {
        let received = testbed.results.next().await;
        if received.is_end() {
            let data = &received.event["data"];
            ends.insert(data["workflow"].as_str().unwrap().to_owned(), data.clone());
        }
    }
    for (workflow, _) in PEOPLE {
        let end = &ends[workflow];
        assert_eq!(end["state"], "succeeded", "{end}");
        assert_eq!(end["steps"][1]["action"], "revoke_sessions", "{end}");
    }
    testbed.drain([worker]).await;
    let effects = testbed.effects();
    assert!(!effects.iter().any(|effect| effect.starts_with("delete")), "{effects:#?}");
    // A new event is for the new workflows.
    let worker = testbed.worker().await;
    testbed.publisher.event(&events::with(leave("missing", "ada"), "mode", "plan")).await;
    let end = testbed.results.end_of("missing").await;
    assert_eq!(end["failure"]["code"], "unknown_workflow", "{end}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

/// A workflow whose text no change shows.
fn replying(text: &str) -> String {
    format!(
        "offboarding:\n  stages:\n    - name: reply\n      steps: [enable_automatic_reply: {{ internal: '{text} ({{{{ event.id }}}})' }}]\n    - name: lock out\n      steps: [revoke_sessions]\n"
    )
}

async fn plan(testbed: &mut Testbed, id: &str) -> Value {
    testbed.publisher.event(&events::with(edsger_leaves(id), "mode", "plan")).await;
    loop {
        let received = testbed.results.next().await;
        if received.key == "run.planned" {
            return received.event.pointer("/data/digest").cloned().unwrap();
        }
    }
}

fn edsger_leaves(id: &str) -> Value {
    events::offboarding(id, json!({ "upn": "edsger@contoso.example" }))
}

#[tokio::test]
async fn an_approval_is_of_the_steps_and_not_only_of_what_they_show() {
    let mut testbed = Testbed::with(Tenant::contoso()).workflows(&replying("I left")).build().await;
    let mut worker = testbed.worker().await;
    let digest = plan(&mut testbed, "shown").await;
    worker.kill().await;
    testbed.file("workflows.yaml", &replying("You are fired"));
    let worker = testbed.worker().await;
    let approved = |id: &str| events::with(edsger_leaves(id), "expected_plan", digest.clone());
    testbed.publisher.event(&approved("other text")).await;
    let end = testbed.results.end_of("other text").await;
    assert_eq!((&end["state"], &end["failure"]["code"]), (&json!("rejected"), &json!("plan_changed")));
    assert_eq!(testbed.effects(), [""; 0]);
    testbed.drain([worker]).await;

    testbed.file("workflows.yaml", &replying("I left"));
    testbed.emulator.fault(Fault::status(403).path("/revokeSignInSessions"));
    let worker = testbed.worker().await;
    let event = approved("same text");
    testbed.publisher.event(&event).await;
    let end = testbed.results.end_of("same text").await;
    assert_eq!((&end["state"], &end["failure"]["class"]), (&json!("partial"), &json!("blocked")), "{end}");
    testbed.holds("workflows.dlq", 1).await;
    testbed.emulator.clear_faults();
    let run = events::run_of(&event).to_string();
    let refused = testbed.gatehouse(&["dead", "replay", &run]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("give --approved to replay it"), "{refused:?}");
    testbed.holds("workflows.dlq", 1).await;
    testbed.gatehouse(&["dead", "replay", "--approved", &run]).await.ok();
    let end = testbed.results.end_of("same text").await;
    assert_eq!((&end["state"], &end["replays"]), (&json!("succeeded"), &json!(1)), "{end}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_plan_whose_comparison_is_postponed_is_compared_all_the_same() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    testbed.emulator.fault(Fault::status(503).method("GET").path("/users/").times(1));
    let worker = testbed.worker().await;
    let none = format!("sha256:{}", "0".repeat(64));
    testbed.publisher.event(&events::with(edsger_leaves("late"), "expected_plan", none)).await;
    let end = testbed.results.end_of("late").await;
    assert_eq!(
        (&end["state"], &end["failure"]["code"]),
        (&json!("rejected"), &json!("plan_changed")),
        "{end}"
    );
    assert_eq!(testbed.effects(), [""; 0]);
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn steps_that_fit_into_no_message_are_refused_before_the_first_write() {
    let mut testbed = Testbed::with(Tenant::contoso()).compiled_in().build().await;
    let worker = testbed.worker().await;
    let reply = json!({ "reply_internal": "x".repeat(70_000) });
    testbed.publisher.event(&events::with(edsger_leaves("long"), "parameters", reply)).await;
    let end = testbed.results.end_of("long").await;
    assert_eq!(
        (&end["state"], &end["failure"]["code"]),
        (&json!("rejected"), &json!("steps_too_large")),
        "{end}"
    );
    assert_eq!(testbed.effects(), [""; 0]);
    testbed.drain([worker]).await;
    testbed.close().await;
}
