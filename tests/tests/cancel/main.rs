//! Cancels: by an event and by an operator, wherever the run stands.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

mod command;
mod every_stage;
mod kills;
mod said;
mod unread;

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan as _};
use msgraph_emulator::{Fault, Tenant, User};
use serde_json::{Value, json};
use system_tests::metrics::until;
use system_tests::stages::{self, IN_STAGES};
use system_tests::{Testbed, events};

const ADA: &str = "ada@contoso.example";
const GRACE: &str = "grace@contoso.example";
const EDSGER: &str = "edsger@contoso.example";

/// Hires whose second stage comes later.
const LATER: &str = "
later:
  for: [onboarding]
  stages:
    - name: let in
      steps: [enable_account]
    - name: place
      after: 10s
      steps: [{ add_to_groups: { groups: [Engineers] } }]
on_time:
  for: [onboarding]
  stages:
    - name: let in
      steps: [enable_account]
    - name: place
      at: 10s
      steps: [{ add_to_groups: { groups: [Engineers] } }]
";

fn tenant() -> Tenant {
    let people =
        [(ADA, "Ada Lovelace", "1815"), (GRACE, "Grace Hopper", "1906"), (EDSGER, "Edsger Dijkstra", "1930")];
    stages::tenant(
        people.map(|(upn, name, number)| User::new(upn, name).with("employeeId", number).disabled()),
    )
}

/// Workflows in stages, and hires that sleep in the middle.
fn workflows() -> String {
    format!("{IN_STAGES}{LATER}")
}

fn hire(id: &str, upn: &str) -> Value {
    events::onboarding(id, json!({ "upn": upn }), json!({}))
}

fn leave(id: &str, upn: &str) -> Value {
    events::offboarding(id, json!({ "upn": upn }))
}

/// The event, made a minute ago.
fn earlier(mut event: Value) -> Value {
    event["time"] = (Timestamp::now() - 1.minutes()).to_string().into();
    event
}

/// The event, taking effect in so many seconds.
fn in_seconds(event: Value, seconds: i64) -> Value {
    let at = Timestamp::now() + seconds.seconds();
    events::with(event, "effective", json!({ "rule": "instant", "at": at.to_string() }))
}

/// The cancel of this event, about the person with this UPN.
fn cancel_of(id: &str, upn: &str, event: &Value) -> Value {
    events::cancel(id, json!({ "upn": upn }), json!({ "event": events::named(event) }))
}

fn run(event: &Value) -> String {
    events::run_of(event).to_string()
}

/// Waits until so many runs sleep, wait for others, or are held by the brake.
async fn asleep(testbed: &mut Testbed, runs: usize) {
    let waiting = |testbed: &Testbed| {
        let received = testbed.results.received().iter().filter(|received| received.key == "run.waiting");
        received.map(|received| received.run_id().to_owned()).collect::<std::collections::BTreeSet<_>>().len()
    };
    while waiting(testbed) < runs {
        testbed.results.next().await;
    }
}

/// The ends of runs by the id of their event, once so many have ended.
async fn ends(testbed: &mut Testbed, runs: usize) -> BTreeMap<String, Value> {
    let ended = |testbed: &Testbed| -> BTreeMap<String, Value> {
        let ends = testbed.results.received().iter().filter(|received| received.is_end());
        let of = |end: &system_tests::Received| {
            (end.event["causationid"].as_str().unwrap().to_owned(), end.event["data"].clone())
        };
        ends.map(of).collect()
    };
    while ended(testbed).len() < runs {
        testbed.results.next().await;
    }
    ended(testbed)
}

/// The end of a run that was taken out by this event.
fn is_cancelled(end: &Value, by: &Value) {
    assert_eq!((&end["state"], &end["ended_by"]), (&json!("cancelled"), &json!(run(by))), "{end}");
}

#[tokio::test]
async fn sleepers_are_listed_by_what_shuts_them_and_do_nothing_when_they_wake() {
    let mut testbed = Testbed::with(tenant()).workflows(&workflows()).build().await;
    let worker = testbed.worker().await;
    let planned = in_seconds(hire("planned", ADA), 10);
    let later = events::with(hire("later", GRACE), "workflow", "later");
    let on_time = events::with(hire("on time", EDSGER), "workflow", "on_time");
    let sleepers = [(ADA, planned, 0), (GRACE, later, 1), (EDSGER, on_time, 1)];
    for (_, event, _) in &sleepers {
        testbed.publisher.event(event).await;
    }
    asleep(&mut testbed, 3).await;
    let cancels: Vec<_> =
        sleepers.iter().map(|(upn, event, _)| cancel_of(&format!("no {upn}"), upn, event)).collect();
    for cancel in &cancels {
        testbed.publisher.event(cancel).await;
        testbed.publisher.event(cancel).await;
    }
    let ends = ends(&mut testbed, 6).await;
    for ((upn, event, changed), cancel) in sleepers.iter().zip(&cancels) {
        let end = &ends[cancel["id"].as_str().unwrap()];
        assert_eq!((&end["state"], &end["steps"]), (&json!("succeeded"), &json!([])), "{end}");
        let shut = end["shut"].as_array().unwrap();
        let [shut] = shut.as_slice() else { panic!("{end}") };
        let found = (&shut["run_id"], &shut["side"], &shut["state"]);
        assert_eq!(found, (&json!(run(event)), &json!("join"), &json!("asleep")), "{upn} {end}");
        assert_eq!(shut["changed"].as_array().unwrap().len(), *changed, "{end}");
        assert_eq!((&shut["to_restore"], shut["until"].is_string()), (&json!(*changed > 0), true), "{end}");
        assert!(shut.get("point_of_no_return").is_none(), "{end}");
        let end = &ends[event["id"].as_str().unwrap()];
        is_cancelled(end, cancel);
        assert_eq!(end["steps"].as_array().unwrap().len(), *changed, "{end}");
    }
    testbed.drain([worker]).await;
    let mut effects = testbed.effects();
    effects.retain(|effect| !effect.starts_with("enable"));
    assert_eq!(effects, Vec::<String>::new());
    // The second copy of each was known.
    let again = testbed.results.received().iter().filter(|received| received.key == "event.duplicate");
    let again: Vec<_> = again.map(|received| &received.event["data"]["state"]).collect();
    assert!(
        !again.is_empty() && again.iter().all(|state| **state == "done" || **state == "open"),
        "{again:?}"
    );
    testbed.close().await;
}

#[tokio::test]
async fn a_run_under_way_stops_before_its_next_write_and_one_that_waits_for_it_too() {
    let mut testbed = Testbed::with(tenant()).workflows(&workflows()).build().await;
    testbed.emulator.fault(Fault::delayed(1_500).path("/groups"));
    let worker = testbed.worker().await;
    let (hire, grace) = (earlier(hire("hire", ADA)), hire("grace", GRACE));
    testbed.publisher.event(&hire).await;
    testbed.publisher.event(&grace).await;
    while testbed.results.next().await.event["data"]["step"] != "enable_account" {}
    // It waits for its turn, which comes when the hire has stopped.
    let person = json!({ "upn": ADA, "job_title": "Analyst" });
    let change = events::event("change", "gatehouse.change.requested.v1", json!({ "person": person }));
    testbed.publisher.event(&change).await;
    // By a number that none of their events has.
    let all = events::cancel("all", json!({ "employee_id": "1815" }), json!({ "all": true }));
    let waits =
        async || worker.metrics().await.sum("gatehouse_ledger_claims_total", "decision=\"wait\"") > 0.0;
    until(waits).await;
    testbed.publisher.event(&events::made_now(all.clone())).await;
    let ends = ends(&mut testbed, 4).await;
    let shut = ends["all"]["shut"].as_array().unwrap();
    assert_eq!(shut.len(), 2, "{}", ends["all"]);
    let of = |event: &Value| shut.iter().find(|shut| shut["run_id"] == run(event)).unwrap();
    assert!(["running", "ended"].contains(&of(&hire)["state"].as_str().unwrap()), "{shut:?}");
    if of(&hire)["state"] == "ended" {
        assert_eq!(
            (&of(&hire)["changed"], &of(&hire)["to_restore"]),
            (&json!(["enable_account"]), &json!(true))
        );
    }
    assert_eq!((&of(&change)["changed"], &of(&change)["to_restore"]), (&json!([]), &json!(false)));
    for event in [&hire, &change] {
        is_cancelled(&ends[event["id"].as_str().unwrap()], &all);
    }
    assert_eq!(ends["hire"]["steps"][0]["outcome"], "changed", "{}", ends["hire"]);
    assert_eq!(ends["grace"]["state"], "succeeded", "{}", ends["grace"]);
    testbed.drain([worker]).await;
    let id = testbed.emulator.with_tenant(|tenant| tenant.user_id(ADA)).unwrap().to_string();
    let of_ada: Vec<_> = testbed.effects().into_iter().filter(|effect| effect.contains(&id)).collect();
    assert_eq!(of_ada.len(), 1, "{of_ada:?}");
    testbed.close().await;
}

#[tokio::test]
async fn a_side_is_taken_out_and_the_others_stand() {
    let mut testbed = Testbed::with(tenant()).workflows(&workflows()).build().await;
    let worker = testbed.worker().await;
    let hire = earlier(in_seconds(hire("hire", ADA), 10));
    let end = earlier(in_seconds(leave("end", ADA), 12));
    for event in [&hire, &end] {
        testbed.publisher.event(event).await;
    }
    asleep(&mut testbed, 2).await;
    let cancel = events::cancel("stays", json!({ "upn": ADA }), json!({ "side": "leave" }));
    testbed.publisher.event(&cancel).await;
    let ends = ends(&mut testbed, 3).await;
    let shut = ends["stays"]["shut"].as_array().unwrap();
    assert_eq!((shut.len(), &shut[0]["run_id"], &shut[0]["side"]), (1, &json!(run(&end)), &json!("leave")));
    is_cancelled(&ends["end"], &cancel);
    assert_eq!(ends["hire"]["state"], "succeeded", "{}", ends["hire"]);
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn what_has_ended_stays_and_what_has_not_come_ends_when_it_comes() {
    let mut testbed = Testbed::with(tenant()).workflows(&workflows()).build().await;
    let worker = testbed.worker().await;
    let (done, unknown) = (hire("done", ADA), leave("unknown", GRACE));
    testbed.publisher.event(&done).await;
    testbed.results.end_of("done").await;
    let effects = testbed.effects();
    testbed.publisher.event(&cancel_of("too late", ADA, &done)).await;
    let end = testbed.results.end_of("too late").await;
    assert_eq!(end["had_ended"], json!([{ "run_id": run(&done), "state": "done" }]), "{end}");
    assert!(end.get("shut").is_none() && end["state"] == "succeeded", "{end}");
    // The event has not come yet, and is older than its cancel.
    let unknown = earlier(unknown);
    let cancel = cancel_of("too early", GRACE, &unknown);
    testbed.publisher.event(&cancel).await;
    let end = testbed.results.end_of("too early").await;
    assert!(end.get("shut").is_none() && end.get("had_ended").is_none(), "{end}");
    testbed.publisher.event(&unknown).await;
    let end = testbed.results.end_of("unknown").await;
    is_cancelled(&end, &cancel);
    // Another event of hers is none of its business.
    testbed.publisher.event(&hire("hire", GRACE)).await;
    assert_eq!(testbed.results.end_of("hire").await["state"], "succeeded");
    assert_eq!(testbed.effects()[..effects.len()], effects);
    assert!(testbed.effects().iter().all(|effect| !effect.starts_with("disable")));
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_cancel_that_cannot_ask_the_tenant_shuts_what_it_can_and_is_reported_as_failed() {
    let mut testbed = Testbed::with(tenant()).workflows(&workflows()).build().await;
    let worker = testbed.worker().await;
    let planned = in_seconds(hire("planned", ADA), 8);
    testbed.publisher.event(&planned).await;
    asleep(&mut testbed, 1).await;
    testbed.emulator.fault(Fault::status(403).path("/users"));
    let cancel = cancel_of("no", ADA, &planned);
    testbed.publisher.event(&cancel).await;
    let end = testbed.results.end_of("no").await;
    assert_eq!((&end["state"], &end["failure"]["class"]), (&json!("failed"), &json!("blocked")), "{end}");
    assert_eq!(end["shut"][0]["run_id"], run(&planned), "{end}");
    // It wakes while its tenant refuses everything, and has nothing to ask.
    is_cancelled(&testbed.results.end_of("planned").await, &cancel);
    testbed.emulator.clear_faults();
    testbed.gatehouse(&["dead", "replay", "--queue", "access", "--all", "--why", "consent"]).await.ok();
    let end = testbed.results.end_of("no").await;
    assert_eq!((&end["state"], &end["shut"][0]["state"]), (&json!("succeeded"), &json!("ended")), "{end}");
    testbed.drain([worker]).await;
    assert_eq!(testbed.effects(), Vec::<String>::new());
    testbed.close().await;
}
