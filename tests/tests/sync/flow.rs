//! Consumers that are slow, full or missing; and leavers who must not wait for them.

use serde_json::json;
use system_tests::{Testbed, events};

use crate::{end_of, tenant, users};

#[tokio::test]
async fn a_leaver_is_not_held_up_by_a_sync_whose_consumer_is_full() {
    let mut testbed = Testbed::with(tenant(630)).build().await;
    let worker = testbed.worker().await;
    let mut pages = testbed.pages(Some(1)).await;
    testbed.publisher.event(&users("all")).await;
    crate::flow::refused(&worker).await;
    testbed
        .publisher
        .event(&events::offboarding("leaver", json!({ "upn": "person.3@contoso.example" })))
        .await;
    let end = testbed.results.end_of("leaver").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    let ended = testbed.results.received().iter().any(|result| result.key.starts_with("sync."));
    assert!(!ended, "the sync still waits for its consumer");

    // It goes on as soon as there is room.
    let mut rows = 0;
    while rows < 630 {
        rows += pages.next().await.1["data"]["rows"].as_array().unwrap().len();
    }
    let end = end_of(&mut testbed, "all").await;
    assert_eq!((&end["complete"], &end["rows"]), (&json!(true), &json!(630)), "{end}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

/// Waits until a page has been refused.
pub async fn refused(worker: &system_tests::Worker) {
    let is_refused = async || worker.metrics().await.sum("gatehouse_sync_pages_refused_total", "") > 0.0;
    system_tests::metrics::until(is_refused).await;
}

#[tokio::test]
async fn a_consumer_that_stays_full_ends_the_sync_and_nobody_may_delete() {
    let testbed = Testbed::with(tenant(630)).set("SYNC__READER_PATIENCE_SECONDS", 1);
    let mut testbed = testbed.build().await;
    let worker = testbed.worker().await;
    let _full = testbed.pages(Some(1)).await;
    testbed.publisher.event(&users("all")).await;
    let end = end_of(&mut testbed, "all").await;
    assert_eq!((&end["state"], &end["complete"]), (&json!("failed"), &json!(false)), "{end}");
    assert_eq!(end["failure"]["code"], "consumer_too_slow", "{end}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_sync_that_nobody_listens_to_is_rejected() {
    let mut testbed = Testbed::with(tenant(130)).build().await;
    let worker = testbed.worker().await;
    testbed.publisher.event(&users("all")).await;
    let end = end_of(&mut testbed, "all").await;
    assert_eq!((&end["state"], &end["complete"]), (&json!("rejected"), &json!(false)), "{end}");
    assert_eq!(end["failure"]["code"], "nobody_listens", "{end}");
    assert_eq!(testbed.depth("unrouted").await, 0);

    // The same event is answered once somebody does.
    let mut pages = testbed.pages(None).await;
    testbed.publisher.event(&users("all")).await;
    let end = end_of(&mut testbed, "all").await;
    assert_eq!(end["complete"], true, "{end}");
    pages.next().await;
    testbed.drain([worker]).await;
    testbed.close().await;
}
