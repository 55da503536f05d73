//! The main job: events in, a tenant changed, results out.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use jiff::{Timestamp, ToSpan as _};
use msgraph_emulator::{Fault, Group, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events};

#[tokio::test]
async fn a_hire_and_a_leaver_end_in_results_and_in_the_tenant() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let mut worker = testbed.worker().await;
    let person = json!({
        "upn": "ada.king@contoso.example", "employee_id": "1843", "display_name": "Ada King", "usage_location": "GB",
    });
    let parameters = json!({ "licenses": ["EMS"], "groups": ["Engineers"] });
    testbed.publisher.event(&events::onboarding("hire-1", person, parameters)).await;
    let hired = testbed.results.end_of("hire-1").await;
    assert_eq!(hired["state"], "succeeded", "{hired}");
    testbed.publisher.event(&events::offboarding("leave-1", json!({ "employee_id": "1843" }))).await;
    let left = testbed.results.end_of("leave-1").await;
    assert_eq!(left["state"], "succeeded", "{left}");
    let effects = testbed.effects();
    assert_eq!(effects.first().unwrap(), "create user ada.king@contoso.example");
    assert_eq!(effects.len(), 7, "{effects:#?}");
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}

#[tokio::test]
async fn a_worker_killed_after_it_made_an_account_leads_the_next_one_to_the_same() {
    let named = "ada.lovelace@contoso.example";
    let tenant = Tenant::empty()
        .sku(Sku::new("EMS", 5).plan("INTUNE_A"))
        .group(Group::security("Engineers"))
        .user(User::new(named, "Ada Lovelace").with("employeeId", "1800"));
    let workflow = "
onboarding:
  stages:
    - name: account
      steps: [{ create_user: { if_taken: number } }]
    - name: place
      steps:
        - add_to_groups: { groups: [Engineers] }
        - assign_licenses: { licenses: [EMS] }
";
    // Another worker takes over when no request of the lost one can arrive any more.
    let testbed = Testbed::with(tenant).workflows(workflow);
    let testbed = testbed.set("GRAPH__REQUEST_TIMEOUT_SECONDS", 20).set("LEDGER__TAKE_AFTER_SECONDS", 23);
    let mut testbed = testbed.build().await;
    testbed.emulator.fault(Fault::delayed(600_000).path("/members/$ref"));
    testbed.emulator.fault(Fault::delayed(600_000).path("*/assignLicense"));
    let mut worker = testbed.worker().await;
    // The event asks for a name that another account has.
    let person = json!({
        "upn": named, "employee_id": "1815", "display_name": "Ada Lovelace", "usage_location": "GB",
    });
    testbed.publisher.event(&events::onboarding("hire", person, json!({}))).await;
    while testbed.results.next().await.key != "step.changed" {}
    worker.kill().await;
    testbed.emulator.clear_faults();
    let next = testbed.worker().await;
    let end = testbed.results.end_of("hire").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    testbed.drain([next]).await;
    let effects = testbed.effects();
    let (created, others) = effects.split_first().unwrap();
    assert_eq!(created, "create user ada.lovelace2@contoso.example");
    assert_eq!(others.len(), 2, "{effects:#?}");
    let state = testbed.emulator.state();
    let users = state["users"].as_object().unwrap().values();
    let (mine, strangers): (Vec<_>, Vec<_>) = users.partition(|user| user["employeeId"] == "1815");
    let id = mine[0]["id"].as_str().unwrap();
    assert!(others.iter().all(|effect| effect.contains(id)), "{effects:#?}");
    assert_eq!(strangers.len(), 1);
    testbed.close().await;
}

/// The outcomes of the steps of a run, by action.
fn outcomes(end: &Value) -> Vec<(&str, &str)> {
    let steps = end["steps"].as_array().unwrap().iter();
    steps.map(|step| (step["action"].as_str().unwrap(), step["outcome"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_lock_out_counts_from_when_the_event_was_seen_and_not_from_the_time_it_gives() {
    let workflow =
        "offboarding:\n  stages:\n    - name: lock out\n      steps: [revoke_sessions, reset_password]\n";
    let mut testbed = Testbed::with(Tenant::contoso()).workflows(workflow).build().await;
    let worker = testbed.worker().await;
    let person = json!({ "upn": "edsger@contoso.example" });
    // The first ends sessions and sets a password after the time that the second gives.
    for id in ["leave-1", "leave-2"] {
        let mut event = events::offboarding(id, person.clone());
        event["time"] = json!((Timestamp::now() - 2400.hours()).to_string());
        testbed.publisher.event(&event).await;
        let end = testbed.results.end_of(id).await;
        assert_eq!(outcomes(&end), [("revoke_sessions", "changed"), ("reset_password", "changed")], "{end}");
    }
    testbed.drain([worker]).await;
    testbed.close().await;
}
