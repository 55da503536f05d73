//! `gatehouse runs cancel`: looks first, and takes out what a run would still do.

use msgraph_emulator::Fault;
use serde_json::{Value, json};
use system_tests::{Testbed, events};

use crate::{ADA, GRACE, asleep, hire, in_seconds, leave, run, tenant, workflows};

const WHY: [&str; 4] = ["--why", "she stays", "--by", "grace"];

async fn cancel(testbed: &mut Testbed, arguments: &[&str]) -> (Option<i32>, String) {
    let arguments = [&["runs", "cancel"][..], arguments, &WHY].concat();
    let finished = testbed.gatehouse(&arguments).await;
    let is_narrow = |line: &str| line.len() <= 120 || line.starts_with('{');
    assert!(finished.stdout.lines().all(is_narrow), "{}", finished.stdout);
    (finished.code, finished.stdout + &finished.stderr)
}

/// The deeds of the operator, once there are so many.
async fn deeds(testbed: &mut Testbed, count: usize) -> Vec<Value> {
    loop {
        let received = testbed.results.received().iter();
        let deeds = received.filter(|received| received.key == "operator.run_cancelled");
        let deeds: Vec<_> = deeds.map(|received| received.event["data"].clone()).collect();
        if deeds.len() == count {
            return deeds;
        }
        testbed.results.next().await;
    }
}

#[tokio::test]
async fn an_operator_looks_at_a_sleeper_and_takes_it_out() {
    let mut testbed = Testbed::with(tenant()).workflows(&workflows()).build().await;
    let worker = testbed.worker().await;
    let later = events::with(hire("later", GRACE), "workflow", "later");
    let planned = in_seconds(leave("planned", ADA), 10);
    for event in [&later, &planned] {
        testbed.publisher.event(event).await;
    }
    asleep(&mut testbed, 2).await;
    worker.counts("gatehouse_in_flight", 0.0).await;
    // Without a terminal and without --yes nothing is done.
    let (code, shown) = cancel(&mut testbed, &[&run(&later)]).await;
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("onboarding") && shown.contains("asleep until"), "{shown}");
    assert!(shown.contains("it has changed something in enable_account"), "{shown}");
    assert!(shown.contains("nothing was done; give --yes"), "{shown}");
    let (code, shown) = cancel(&mut testbed, &[&run(&later), "--yes"]).await;
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("cancelled; it says so when it would have woken"), "{shown}");
    // The other one by its event.
    let (_, shown) =
        cancel(&mut testbed, &["planned", "--source", events::SOURCE, "--yes", "--output", "json"]).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["cancelled"], &shown["run_id"]), (&json!(true), &json!(run(&planned))), "{shown}");
    for end in crate::ends(&mut testbed, 2).await.values() {
        assert!(end["state"] == "cancelled" && end.get("ended_by").is_none(), "{end}");
    }
    let deeds = deeds(&mut testbed, 2).await;
    let user = testbed.broker.url().split(['/', ':']).nth(3).unwrap().to_owned();
    for (deed, event) in deeds.iter().zip([&later, &planned]) {
        assert_eq!((&deed["run_id"], &deed["by"]), (&json!(run(event)), &json!(user)), "{deed}");
        assert_eq!((&deed["name"], &deed["why"]), (&json!("grace"), &json!("she stays")), "{deed}");
    }
    testbed.drain([worker]).await;
    assert_eq!(testbed.effects().len(), 1, "{:?}", testbed.effects());
    // What has ended, and what nobody knows.
    let (code, shown) = cancel(&mut testbed, &[&run(&later), "--yes"]).await;
    assert!(
        code == Some(1) && shown.contains("nothing to cancel; it has ended: it was cancelled"),
        "{shown}"
    );
    let (code, shown) = cancel(&mut testbed, &[&run(&hire("never", ADA)), "--yes"]).await;
    assert!(code == Some(3) && shown.contains("the ledger knows no run"), "{shown}");
    let (code, shown) = cancel(&mut testbed, &["planned", "--yes"]).await;
    assert!(code == Some(3) && shown.contains("name its --source"), "{shown}");
    testbed.close().await;
}

#[tokio::test]
async fn what_is_taken_out_already_is_shown_so_while_it_sleeps() {
    let mut testbed = Testbed::with(tenant()).workflows(&workflows()).build().await;
    let mut worker = testbed.worker().await;
    let planned = in_seconds(leave("planned", ADA), 3_600);
    testbed.publisher.event(&planned).await;
    asleep(&mut testbed, 1).await;
    worker.counts("gatehouse_in_flight", 0.0).await;
    let shown = testbed.gatehouse(&["ledger", "show", ADA]).await.ok();
    assert!(shown.contains("asleep until") && !shown.contains("then ends"), "{shown}");
    let (code, shown) = cancel(&mut testbed, &[&run(&planned), "--yes"]).await;
    assert_eq!(code, Some(0), "{shown}");
    let (code, shown) = cancel(&mut testbed, &[&run(&planned), "--yes"]).await;
    let known = "nothing to cancel; it is cancelled already";
    assert!(code == Some(1) && shown.contains(known), "{code:?} {shown}");
    let shown = testbed.gatehouse(&["ledger", "show", ADA]).await.ok();
    assert!(shown.contains(", then ends as cancelled\n"), "{shown}");
    assert!(shown.lines().all(|line| line.len() <= 80), "{shown}");
    testbed.forget_sleeping_run().await;
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}

#[tokio::test]
async fn a_run_that_the_brake_holds_is_dropped() {
    let testbed = Testbed::with(tenant()).workflows(&workflows()).set("TENANTS__CONTOSO__BRAKE__LIMIT", 0);
    let mut testbed = testbed.build().await;
    let worker = testbed.worker().await;
    testbed.publisher.event(&leave("leave", ADA)).await;
    testbed.publisher.event(&leave("grace", GRACE)).await;
    asleep(&mut testbed, 2).await;
    let shown = testbed.gatehouse(&["brake", "show"]).await.ok();
    assert!(shown.contains("gatehouse runs cancel RUN"), "{shown}");
    let (code, shown) = cancel(&mut testbed, &[&run(&leave("leave", ADA)), "--yes"]).await;
    assert!(code == Some(0) && shown.contains("it has changed nothing"), "{shown}");
    let end = testbed.results.end_of("leave").await;
    assert!(end["state"] == "cancelled" && end["steps"] == json!([]), "{end}");
    // The other one by an event.
    let by = crate::cancel_of("no", GRACE, &leave("grace", GRACE));
    testbed.publisher.event(&by).await;
    let ends = crate::ends(&mut testbed, 3).await;
    let shut = &ends["no"]["shut"][0];
    assert_eq!(shut["run_id"], run(&leave("grace", GRACE)), "{shut}");
    crate::is_cancelled(&ends["grace"], &by);
    testbed.drain([worker]).await;
    assert_eq!(testbed.effects(), Vec::<String>::new());
    testbed.close().await;
}

#[tokio::test]
async fn a_run_under_way_is_stopped() {
    let mut testbed = Testbed::with(tenant()).workflows(&workflows()).build().await;
    testbed.emulator.fault(Fault::delayed(4_000).path("/groups"));
    let worker = testbed.worker().await;
    testbed.publisher.event(&hire("hire", ADA)).await;
    while testbed.results.next().await.event["data"]["step"] != "enable_account" {}
    let (code, shown) = cancel(&mut testbed, &["hire", "--source", events::SOURCE, "--yes"]).await;
    assert_eq!(code, Some(0), "{shown}");
    let end = testbed.results.end_of("hire").await;
    assert_eq!(end["state"], "cancelled", "{end}");
    testbed.drain([worker]).await;
    assert_eq!(testbed.effects().len(), 1, "{:?}", testbed.effects());
    testbed.close().await;
}
