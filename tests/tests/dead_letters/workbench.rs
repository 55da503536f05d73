//! Counting, choosing, planning, stopping and discarding; and what others are told.

use jiff::{Timestamp, ToSpan as _};
use msgraph_emulator::{Tenant, User};
use serde_json::{Value, json};
use system_tests::stages::{self, IN_STAGES};
use system_tests::{Testbed, crowd, documents, events};
use tokio::process::Command;

use super::{after_a_bad_night, refused};

const ADA: &str = "ada@contoso.example";
const EDSGER: &str = "edsger@contoso.example";

/// Whether the lines fit a terminal, but for texts, which are wrapped at its width.
fn fits(text: &str) -> bool {
    text.lines().filter(|line| !line.starts_with("    ")).all(|line| line.chars().count() <= 80)
}

#[tokio::test]
async fn others_are_told_of_every_dead_letter_with_what_failed() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    testbed.emulator.fault(refused());
    let worker = testbed.worker().await;
    let leave = events::offboarding("leave", json!({ "upn": EDSGER }));
    testbed.publisher.event(&leave).await;
    let added = loop {
        let received = testbed.results.next().await;
        if received.key == "dead_letter.added" {
            break received;
        }
    };
    // It is told when the dead letter is stored.
    assert_eq!(testbed.depth("workflows.dlq").await, 1);
    let run_id = events::run_of(&leave).to_string();
    let data = &added.event["data"];
    assert_eq!(added.event["type"], "gatehouse.dead_letter.added.v1");
    assert_eq!(added.event["causationid"], "leave");
    let expected = json!({
        "message_id": run_id, "run_id": run_id, "queue": "workflows", "dead_class": "permission_missing",
        "failure": data["failure"], "step": "disable_account", "action": "disable_account", "attempts": 1,
        "replays": 0, "fingerprint": "permission_missing/disable_account/403",
    });
    assert_eq!(*data, expected);
    assert_eq!(data["failure"]["class"], "blocked");
    assert!(!added.event.to_string().contains("edsger"), "object ids only: {}", added.event);
    let shown = testbed.gatehouse(&["dead", "list", "--output", "json"]).await.ok();
    let shown = &documents(&shown)[0];
    for field in ["step", "action", "fingerprint", "replays"] {
        assert_eq!(shown[field], data[field], "{field}");
    }
    assert_eq!((&shown["failure_class"], &shown["code"]), (&json!("blocked"), &json!("permission_missing")));
    testbed.gatehouse(&["dead", "discard", "--all", "--yes"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_wrong_class_or_queue_says_which_there_are() {
    let mut testbed = Testbed::with(crowd::tenant(2)).build().await;
    let wrong = ["dead", "list", "--class", "permision_missing"];
    let empty = testbed.gatehouse(&wrong).await;
    assert_eq!(empty.code, Some(3), "{empty:?}");
    assert!(empty.stderr.contains("it is empty; known are crash_loop, "), "{empty:?}");
    let worker = after_a_bad_night(&mut testbed, 2).await;
    for command in ["list", "count", "replay", "discard"] {
        let mut arguments = vec!["dead", command, "--class", "permision_missing"];
        arguments.extend(if ["replay", "discard"].contains(&command) { &["--all"][..] } else { &[] });
        arguments.extend((command == "discard").then_some("--yes"));
        let refused = testbed.gatehouse(&arguments).await;
        assert_eq!(refused.code, Some(3), "{refused:?}");
        for part in ["no dead letter has the class permision_missing", "permission_missing (2)", "retry"] {
            assert!(refused.stderr.contains(part), "{refused:?}");
        }
    }
    // A known one that no letter has is an empty list.
    assert_eq!(testbed.gatehouse(&["dead", "list", "--class", "expired"]).await.ok(), "no dead letters\n");
    let queue = testbed.gatehouse(&["dead", "list", "--queue", "workflow"]).await;
    assert!(queue.code != Some(0) && queue.stderr.contains(".workflows"), "{queue:?}");
    let count = testbed.gatehouse(&["dead", "count"]).await.ok();
    assert!(count.contains("2 dead letters, 1 cause") && fits(&count), "{count}");
    let counted = documents(&testbed.gatehouse(&["dead", "count", "--output", "json"]).await.ok());
    assert_eq!((counted.len(), &counted[0]["count"]), (1, &json!(2)), "{counted:?}");
    let list = testbed.gatehouse(&["dead", "list"]).await.ok();
    assert!(fits(&list), "{list}");
    testbed.gatehouse(&["dead", "replay", "--all", "--rate", "1000"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_discard_without_a_terminal_wants_yes_and_a_dry_run_discards_nothing() {
    let mut testbed = Testbed::with(crowd::tenant(2)).build().await;
    let worker = after_a_bad_night(&mut testbed, 2).await;
    let refused = testbed.gatehouse(&["dead", "discard", "--all"]).await;
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    let dry = testbed.gatehouse(&["dead", "discard", "--all", "--dry-run"]).await;
    assert!(dry.code == Some(0) && dry.stderr.contains("2 would be discarded"), "{dry:?}");
    assert_eq!(testbed.depth("workflows.dlq").await, 2);
    let discarded = testbed.gatehouse(&["dead", "discard", "--all", "--yes", "--limit", "1"]).await.ok();
    assert!(discarded.contains("1 more match and are left: the limit is reached"), "{discarded}");
    testbed.gatehouse(&["dead", "discard", "--all", "--yes"]).await.ok();
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_replay_that_is_interrupted_says_how_many_are_left() {
    const LEAVERS: usize = 6;
    let mut testbed = Testbed::with(crowd::tenant(LEAVERS)).build().await;
    let worker = after_a_bad_night(&mut testbed, LEAVERS).await;
    let log = testbed.file("operator.log", "");
    let arguments = ["dead", "replay", "--all", "--rate", "1", "--output", "json"];
    let mut operator = testbed.start_gatehouse_to(&arguments, &log);
    while testbed.results.next().await.key != "operator.replayed" {}
    let pid = operator.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    assert_eq!(operator.wait().await.unwrap().code(), Some(1));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&log).unwrap()).unwrap();
    let (done, left) = (report["replayed"].as_array().unwrap().len(), report["left"].as_u64().unwrap());
    assert_eq!(report["interrupted"], true, "{report}");
    assert!(done >= 1 && left >= 1, "{report}");
    assert_eq!(done + usize::try_from(left).unwrap(), LEAVERS, "{report}");
    testbed.holds("workflows.dlq", u32::try_from(left).unwrap()).await;
    testbed.gatehouse(&["dead", "replay", "--all", "--rate", "1000"]).await.ok();
    testbed.drain([worker]).await;
    let expected = (0..LEAVERS).flat_map(|number| {
        let run_id = events::run_of(&crowd::leave(number)).to_string();
        let end = crowd::state_of_leaver(number).to_owned();
        [((run_id.clone(), 0), "failed".to_owned()), ((run_id, 1), end)]
    });
    assert_eq!(testbed.results.states(), expected.collect());
    testbed.close().await;
}

#[tokio::test]
async fn a_plan_shows_what_each_replay_would_still_do_and_moves_nothing() {
    let mut testbed = Testbed::with(crowd::tenant(3)).build().await;
    let worker = after_a_bad_night(&mut testbed, 3).await;
    let (heard, effects) = (testbed.results.received().len(), testbed.effects());
    let plan = ["dead", "replay", "--all", "--plan", "--limit", "2"];
    let human = testbed.gatehouse(&plan).await;
    assert_eq!(human.code, Some(0), "{human:?}");
    // The three were set aside in any order.
    let run_of = |number| events::run_of(&crowd::leave(number)).to_string();
    let shown = (0..3).filter(|number| human.stdout.contains(&run_of(*number)));
    assert_eq!(shown.count(), 2, "{human:?}");
    assert!(human.stdout.contains("disable_account"), "{human:?}");
    assert!(human.stderr.contains("1 more match and are not planned"), "{human:?}");
    let planned = [&plan[..], &["--output", "json"]].concat();
    let planned = documents(&testbed.gatehouse(&planned).await.ok());
    assert_eq!(planned.len(), 2);
    let steps: Vec<_> = planned[0]["steps"].as_array().unwrap().iter().map(|step| &step["step"]).collect();
    assert!(steps.contains(&&json!("disable_account")), "{steps:?}");
    assert_eq!(planned[0]["steps"][0]["outcome"], "planned", "{planned:?}");
    assert_eq!(testbed.effects(), effects, "a plan writes nothing");
    assert_eq!(testbed.depth("workflows.dlq").await, 3);
    testbed.gatehouse(&["dead", "replay", "--all", "--rate", "1000"]).await.ok();
    testbed.drain([worker]).await;
    let replayed = testbed.results.received()[heard..].iter();
    assert_eq!(replayed.filter(|received| received.key == "operator.replayed").count(), 3);
    testbed.close().await;
}

/// Newer word took charge while the leave was a dead letter.
#[tokio::test]
async fn a_run_that_was_superseded_meanwhile_is_superseded_when_it_is_replayed() {
    let tenant = stages::tenant([User::new(ADA, "Ada Lovelace")]);
    let mut testbed = Testbed::with(tenant).workflows(IN_STAGES).build().await;
    testbed.emulator.fault(refused());
    let worker = testbed.worker().await;
    let mut leave = events::offboarding("leave", json!({ "upn": ADA }));
    leave["time"] = (Timestamp::now() - 10.minutes()).to_string().into();
    testbed.publisher.event(&leave).await;
    assert_eq!(testbed.results.end_of("leave").await["state"], "failed");
    testbed.holds("workflows.dlq", 1).await;
    testbed.emulator.clear_faults();
    let back = events::onboarding("back", json!({ "upn": ADA }), events::none());
    testbed.publisher.event(&back).await;
    assert_eq!(testbed.results.end_of("back").await["state"], "succeeded");
    let effects = testbed.effects();
    let run_id = events::run_of(&leave).to_string();
    let plan = testbed.gatehouse(&["dead", "replay", &run_id, "--plan"]).await;
    let by = events::run_of(&back).to_string();
    assert!(plan.stdout.contains("superseded") && plan.stdout.contains(&by), "{plan:?}");
    testbed.gatehouse(&["dead", "replay", &run_id]).await.ok();
    let end = testbed.results.end_of("leave").await;
    assert_eq!((&end["state"], &end["ended_by"]), (&json!("superseded"), &json!(by)), "{end}");
    testbed.drain([worker]).await;
    assert_eq!(testbed.effects(), effects, "the person who came back is not locked out");
    testbed.close().await;
}
