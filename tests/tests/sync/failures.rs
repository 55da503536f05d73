//! Graph fails, a permission is missing: syncs that are tried again, and those that an operator has to see.

use msgraph_emulator::Fault;
use serde_json::{Value, json};
use system_tests::Testbed;

use crate::{end_of, tenant, users};

#[tokio::test]
async fn a_failure_that_passes_starts_another_pass_later() {
    let mut testbed = Testbed::with(tenant(130)).build().await;
    let worker = testbed.worker().await;
    let mut pages = testbed.pages(None).await;
    testbed.emulator.fault(Fault::status(503).path("*/users*").times(2));
    testbed.publisher.event(&users("all")).await;
    let end = end_of(&mut testbed, "all").await;
    assert_eq!(end["complete"], true, "{end}");
    assert!(end["attempts"].as_u64().unwrap() > 1, "{end}");
    pages.next().await;
    assert!(worker.metrics().await.sum("gatehouse_retries_total", "") >= 1.0);
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_missing_permission_is_a_dead_letter_that_a_replay_answers() {
    let mut testbed = Testbed::with(tenant(130)).build().await;
    let worker = testbed.worker().await;
    let _pages = testbed.pages(None).await;
    testbed.emulator.fault(Fault::status(403).path("*/users*"));
    testbed.publisher.event(&users("all")).await;
    let end = end_of(&mut testbed, "all").await;
    assert_eq!((&end["state"], &end["failure"]["class"]), (&json!("failed"), &json!("blocked")), "{end}");
    testbed.holds("sync.dlq", 1).await;
    let listed = testbed.gatehouse(&["dead", "list", "--queue", "sync", "--output", "json"]).await.ok();
    let letter: Value = serde_json::from_str(listed.trim()).unwrap();
    let id = letter["id"].as_str().unwrap().to_owned();
    assert_eq!(letter["id"], end["sync_id"], "an operator names it by its sync");
    let shown = testbed.gatehouse(&["dead", "show", &id, "--queue", "sync"]).await.ok();
    assert!(shown.contains("permission_missing"), "{shown}");

    testbed.emulator.clear_faults();
    testbed.gatehouse(&["dead", "replay", "--queue", "sync", &id]).await.ok();
    let end = end_of(&mut testbed, "all").await;
    assert_eq!((&end["complete"], &end["replays"]), (&json!(true), &json!(1)), "{end}");
    testbed.drain([worker]).await;
    testbed.close().await;
}
