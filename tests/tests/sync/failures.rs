//! Graph fails, a permission is missing: syncs that are tried again, and those that an operator has to see.

use msgraph_emulator::{Application, Fault};
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

#[tokio::test]
async fn a_pass_whose_credential_is_refused_waits_for_a_new_one_and_begins_again() {
    // One attempt: to wait for a credential is none.
    let testbed = Testbed::with(tenant(3_000)).emulator(|options| options.page_limit(50));
    let mut testbed = testbed.set("RETRY__MAX_ATTEMPTS", 1).build().await;
    let worker = testbed.worker().await;
    // The consumer takes one page at a time, so the worker is in the middle of the pass until the last.
    let mut pages = testbed.pages(Some(1)).await;
    testbed.publisher.event(&users("all")).await;
    let (_, first) = pages.next().await;
    testbed.emulator.with_tenant(|tenant| tenant.put_application(Application::default().secret_expired()));
    testbed.emulator.revoke_access_tokens();
    let reading = async {
        loop {
            pages.next().await;
        }
    };
    tokio::select! {
        () = worker.counts_with("gatehouse_tenant_paused", "contoso", 1.0) => {}
        () = reading => unreachable!(),
    }
    testbed.emulator.with_tenant(|tenant| tenant.put_application(Application::default()));
    let reading = async {
        loop {
            pages.next().await;
        }
    };
    let end = tokio::select! {
        end = end_of(&mut testbed, "all") => end,
        () = reading => unreachable!(),
    };
    assert_eq!(
        (&end["complete"], &end["rows"], &end["attempts"]),
        (&json!(true), &json!(3_000), &json!(1)),
        "{end}"
    );
    assert!(end["generation"].as_i64() > first["data"]["generation"].as_i64(), "the pass began again");
    testbed.drain([worker]).await;
    testbed.close().await;
}
