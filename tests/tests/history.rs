//! What an auditor and an operator see: everything that happened to a person, and which runs there were.
//!
//! `HISTORY_RUNS` sets how many runs the long history has; each has 14 entries.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail as the test itself does"
)]

use jiff::{Timestamp, ToSpan as _};
use msgraph_emulator::{Group, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events, past};

const WORKFLOWS: &str = "
onboarding:
  stages:
    - name: account
      steps: [create_user]
    - name: place
      steps:
        - add_to_groups: { groups: [Engineers] }
offboarding:
  stages:
    - name: lock out
      steps: [disable_account]
";

const ADA: &str = "ada@contoso.example";
const GRACE: &str = "grace@contoso.example";
const WHY: [&str; 4] = ["--why", "a mistake", "--by", "grace"];

fn tenant() -> Tenant {
    Tenant::empty().group(Group::security("Engineers")).user(User::new(GRACE, "Grace Hopper"))
}

/// Ada is hired in some seconds: her run speaks before she has an account.
fn hire() -> Value {
    let person =
        json!({ "upn": ADA, "employee_id": "1815", "display_name": "Ada Lovelace", "usage_location": "GB" });
    let at = Timestamp::now() + 4.seconds();
    let effective = json!({ "rule": "instant", "at": at.to_string() });
    events::with(events::onboarding("hire-1815", person, json!({})), "effective", effective)
}

fn object_id(testbed: &Testbed, upn: &str) -> String {
    let state = testbed.emulator.state();
    let mut users = state["users"].as_object().unwrap().values();
    let user = users.find(|user| user["userPrincipalName"] == upn).expect("the user is there");
    user["id"].as_str().unwrap().to_owned()
}

async fn shown(testbed: &mut Testbed, arguments: &[&str]) -> (Option<i32>, String) {
    let finished = testbed.gatehouse(arguments).await;
    (finished.code, finished.stdout + &finished.stderr)
}

/// The output of a command as documents, one a line.
async fn documents(testbed: &mut Testbed, arguments: &[&str]) -> Vec<Value> {
    let (_, text) = shown(testbed, &[arguments, &["--output", "json"]].concat()).await;
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

fn types(timeline: &[Value]) -> Vec<&str> {
    let types = timeline.iter().map(|entry| entry["event"]["type"].as_str().unwrap());
    types.map(|it| it.trim_start_matches("gatehouse.").trim_end_matches(".v1")).collect()
}

#[tokio::test]
async fn one_timeline_has_all_that_happened_to_a_person_and_nothing_of_others() {
    let mut testbed = Testbed::with(tenant()).workflows(WORKFLOWS).build().await;
    let worker = testbed.worker().await;
    let hire = hire();
    testbed.publisher.event(&hire).await;
    testbed.results.end_of("hire-1815").await;
    let leave = events::offboarding("leave-1815", json!({ "employee_id": "1815" }));
    let other = events::offboarding("leave-1906", json!({ "upn": GRACE }));
    for event in [&leave, &other] {
        testbed.publisher.event(event).await;
    }
    testbed.results.ends(2).await;
    let cancelled = events::cancel("cancel-1815", json!({ "upn": ADA }), json!({ "all": true }));
    testbed.publisher.event(&cancelled).await;
    testbed.results.end_of("cancel-1815").await;
    testbed.drain([worker]).await;

    let ada = object_id(&testbed, ADA);
    let timeline = documents(&mut testbed, &["history", &ada]).await;
    let expected = [
        "run.waiting",
        "step.finished",
        "step.finished",
        "run.finished",
        "step.finished",
        "run.finished",
        "run.finished",
    ];
    assert_eq!(types(&timeline), expected, "{timeline:#?}");
    assert_eq!(timeline[0]["person"], Value::Null, "nobody knew her then");
    assert_eq!(timeline[1]["person"], ada.as_str(), "the step that made the account says whose it is");
    assert_eq!(timeline[0]["event"]["causationsource"], events::SOURCE);
    assert_eq!(timeline[0]["event"]["causationtype"], "gatehouse.onboarding.requested.v1");
    // By her names it is the same, and by a run that run alone.
    for name in [ADA, "1815"] {
        assert_eq!(documents(&mut testbed, &["history", name]).await, timeline, "{name}");
    }
    let run = events::run_of(&hire).to_string();
    assert_eq!(documents(&mut testbed, &["history", &run]).await, timeline[..4]);
    assert_eq!(documents(&mut testbed, &["history", &ada, "--since", "1h"]).await, timeline);

    let (code, text) = shown(&mut testbed, &["history", ADA]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for expected in [
        "onboarding, succeeded",
        "asked for by event hire-1815 of /hr/contoso",
        "sleeps until",
        "create_user changed: 1 write",
        "disable_account changed: 1 write",
        "ended: succeeded",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("leave-1906"), "{text}");
    let (_, table) = shown(&mut testbed, &["history", ADA, "--output", "csv"]).await;
    let mut lines = table.trim_start_matches('\u{feff}').lines();
    assert!(lines.next().unwrap().starts_with("time,run,person,"), "{table}");
    assert_eq!(lines.count(), timeline.len(), "{table}");

    let (code, text) = shown(&mut testbed, &["history", "nobody@contoso.example"]).await;
    assert!(code == Some(3) && text.contains("Give the object id"), "{text}");
    let (code, text) = shown(&mut testbed, &["history", &ada, "--since", "yesterday"]).await;
    assert!(code == Some(3) && text.contains("such as 90m, 12h or 30d"), "{text}");
    testbed.close().await;
}

#[tokio::test]
async fn runs_are_listed_by_what_became_of_them_and_shown_one_by_one() {
    let mut testbed = Testbed::with(tenant()).workflows(WORKFLOWS).build().await;
    let worker = testbed.worker().await;
    let leave = events::offboarding("leave-1906", json!({ "upn": GRACE }));
    let nobody = events::offboarding("leave-1", json!({ "upn": "nobody@contoso.example" }));
    for event in [&leave, &nobody] {
        testbed.publisher.event(event).await;
    }
    testbed.results.ends(2).await;
    let at = (Timestamp::now() + 1.hours()).to_string();
    let later = events::with(hire(), "effective", json!({ "rule": "instant", "at": at }));
    testbed.publisher.event(&later).await;
    while testbed.results.next().await.key != "run.waiting" {}
    worker.counts("gatehouse_in_flight", 0.0).await;

    let listed = documents(&mut testbed, &["runs", "list"]).await;
    let states: Vec<_> = listed.iter().map(|run| (run["event_id"].clone(), run["state"].clone())).collect();
    assert_eq!(states.len(), 3, "{listed:#?}");
    assert_eq!(states[0], (json!("hire-1815"), json!("asleep")), "{listed:#?}");
    let (sleeper, left) = (events::run_of(&later).to_string(), events::run_of(&leave).to_string());
    let asleep = documents(&mut testbed, &["runs", "list", "--state", "asleep", "--since", "1h"]).await;
    assert_eq!((asleep.len(), &asleep[0]["run_id"]), (1, &json!(sleeper)));
    assert!(asleep[0]["until"].is_string(), "{asleep:?}");
    let of = ["runs", "list", "--workflow", "offboarding", "--kind", "offboarding", "--tenant", "contoso"];
    assert_eq!(documents(&mut testbed, &of).await.len(), 2);
    assert_eq!(documents(&mut testbed, &["runs", "list", "--person", GRACE]).await.len(), 1);
    assert_eq!(documents(&mut testbed, &["runs", "list", "--limit", "1"]).await, listed[..1]);
    let (code, text) = shown(&mut testbed, &["runs", "list"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains(&format!("  asleep      onboarding    {sleeper}\n")), "{text}");
    let (_, table) = shown(&mut testbed, &["runs", "list", "--output", "csv"]).await;
    assert_eq!(table.lines().count(), 4, "{table}");

    let (code, text) = shown(&mut testbed, &["runs", "show", &left]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for expected in
        ["offboarding, succeeded", "leave-1906 of /hr/contoso", "disable_account changed", "about person"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let (_, text) = shown(&mut testbed, &["runs", "show", &sleeper]).await;
    assert!(text.contains("asleep until"), "{text}");
    let cancel = [&["runs", "cancel", &sleeper, "--yes"][..], &WHY].concat();
    assert_eq!(shown(&mut testbed, &cancel).await.0, Some(0));
    let timeline = documents(&mut testbed, &["history", &sleeper]).await;
    assert_eq!(types(&timeline), ["run.waiting", "operator.run_cancelled"]);
    let (_, text) = shown(&mut testbed, &["history", &sleeper]).await;
    assert!(text.contains("(grace): a mistake"), "{text}");
    testbed.forget_sleeping_run().await;
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_person_is_found_in_a_long_history_and_the_newest_failures_as_well() {
    let mut testbed = Testbed::with(Tenant::empty()).without_results().build().await;
    let runs: u64 = std::env::var("HISTORY_RUNS").map_or(3_000, |runs| runs.parse().unwrap());
    past::fill(testbed.broker.url(), testbed.prefix(), runs).await;
    let number = runs / 2;
    let person = past::person(number).to_string();
    let timeline = documents(&mut testbed, &["history", &person]).await;
    assert_eq!(timeline.len(), past::ENTRIES_OF_A_RUN);
    let run = past::run(number).to_string();
    assert!(timeline.iter().all(|entry| entry["event"]["subject"] == run.as_str()), "{timeline:#?}");
    // In an order that nothing is missing from.
    let offsets: Vec<u64> = timeline.iter().map(|entry| entry["offset"].as_u64().unwrap()).collect();
    let first = number * past::ENTRIES_OF_A_RUN as u64;
    assert_eq!(offsets, (first..first + past::ENTRIES_OF_A_RUN as u64).collect::<Vec<_>>());
    let failed = documents(&mut testbed, &["runs", "list", "--failed", "--limit", "10"]).await;
    let newest: Vec<_> = (0..10).map(|back| past::run(runs - 1 - 100 * back).to_string()).collect();
    let listed: Vec<_> = failed.iter().map(|run| run["run_id"].as_str().unwrap()).collect();
    assert_eq!(listed, newest);
    // The last hour has the runs of an hour.
    let hour = documents(&mut testbed, &["runs", "list", "--since", "1h", "--limit", "1000"]).await;
    assert!((50..=60).contains(&hour.len()), "{}", hour.len());
    testbed.tear_down().await;
}

#[tokio::test]
async fn a_run_that_sleeps_for_long_says_so_again_when_its_message_comes_by() {
    let mut testbed = Testbed::with(tenant()).workflows(WORKFLOWS).build().await;
    let worker = testbed.worker().await;
    let at = (Timestamp::now() + 4_800.hours()).to_string();
    let hire = events::with(hire(), "effective", json!({ "rule": "instant", "at": at }));
    testbed.publisher.event(&hire).await;
    let said = async |testbed: &mut Testbed| loop {
        let received = testbed.results.next().await;
        if received.key == "run.waiting" {
            return received.event;
        }
    };
    let first = said(&mut testbed).await;
    assert!(first["data"].get("last_said_at").is_none(), "{first}");
    let (month, since) = ("delay.2592000s", (Timestamp::now() - 2_400.hours()).as_millisecond());
    // It comes by after a month, and has said that it sleeps.
    testbed.holds(month, 1).await;
    testbed.fire(month, "workflows").await;
    worker.counts("gatehouse_redelays_total", 1.0).await;
    // It comes by when it has said nothing for a hundred days.
    testbed.holds(month, 1).await;
    testbed.fire_with(month, "workflows", ("gatehouse-since", since)).await;
    let again = said(&mut testbed).await;
    assert_eq!(again["data"]["last_said_at"], Timestamp::from_millisecond(since).unwrap().to_string());
    assert_ne!(again["id"], first["id"]);
    let mut expected = first["data"].clone();
    expected["last_said_at"] = again["data"]["last_said_at"].clone();
    assert_eq!(again["data"], expected);
    // From then on it counts anew.
    testbed.holds(month, 1).await;
    testbed.fire(month, "workflows").await;
    worker.counts("gatehouse_redelays_total", 3.0).await;
    testbed.holds(month, 1).await;
    testbed.forget_sleeping_run().await;
    testbed.drain([worker]).await;
    let waits = testbed.results.received().iter().filter(|received| received.key == "run.waiting").count();
    assert_eq!(waits, 2);
    testbed.close().await;
}
