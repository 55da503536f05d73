//! Syncs that come by themselves: one token, whoever starts, dies or changes his mind.

use serde_json::Value;
use system_tests::Testbed;

use crate::tenant;

const QUEUE: &str = "schedule.contoso.users.3600s";

/// Waits until a schedule has a token.
async fn armed(testbed: &Testbed, queue: &str) {
    system_tests::metrics::until(async || testbed.depth_if_any(queue).await == Some(1)).await;
}

/// Waits until a scheduled sync ends, and returns its end.
async fn scheduled_end(testbed: &mut Testbed) -> Value {
    loop {
        let received = testbed.results.next().await;
        let cause = received.event["causationid"].as_str().unwrap_or_default();
        if received.event["type"] == "gatehouse.sync.finished.v1" && cause.starts_with("contoso/users/") {
            return received.event["data"].clone();
        }
    }
}

#[tokio::test]
async fn two_workers_that_start_at_once_fire_one_sync_and_leave_one_token() {
    let mut testbed = Testbed::with(tenant(130)).set("TENANTS__CONTOSO__SYNC__USERS", "1h").build().await;
    let mut pages = testbed.pages(None).await;
    let workers = [testbed.start_worker(), testbed.start_worker(), testbed.start_worker()];
    for worker in &workers {
        worker.serves(&["sync"]).await;
    }
    armed(&testbed, QUEUE).await;
    for _ in 0..2 {
        testbed.fire(QUEUE, "sync").await;
        let end = scheduled_end(&mut testbed).await;
        assert_eq!(end["complete"], true, "{end}");
        for _ in 0..end["pages"].as_u64().unwrap() {
            pages.next().await;
        }
        armed(&testbed, QUEUE).await;
    }
    testbed.drain(workers).await;
    let ends = testbed.results.received().iter().filter(|result| result.key.starts_with("sync."));
    assert_eq!(ends.count(), 2, "one sync for each firing");
    testbed.delete_queue(QUEUE).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_worker_that_dies_with_a_token_in_hand_takes_neither_the_sync_nor_the_schedule_with_it() {
    let mut testbed = Testbed::with(tenant(630)).set("TENANTS__CONTOSO__SYNC__USERS", "1h").build().await;
    let mut pages = testbed.pages(Some(1)).await;
    let mut worker = testbed.worker().await;
    armed(&testbed, QUEUE).await;
    testbed.fire(QUEUE, "sync").await;
    // It is in the middle of the pass, and has replaced the token before.
    crate::flow::refused(&worker).await;
    armed(&testbed, QUEUE).await;
    worker.kill().await;
    // Nobody has replaced this one.
    testbed.fire(QUEUE, "sync").await;
    assert_eq!(testbed.depth(QUEUE).await, 0);
    let worker = testbed.worker().await;
    // Neither is cancelled before both ends are there: a result that is being received would be lost.
    let both = async { [scheduled_end(&mut testbed).await, scheduled_end(&mut testbed).await] };
    let reading = async {
        loop {
            pages.next().await;
        }
    };
    let ends = tokio::select! {
        ends = both => ends,
        () = reading => unreachable!(),
    };
    assert!(ends.iter().all(|end| end["complete"] == true), "{ends:#?}");
    assert_ne!(ends[0]["sync_id"], ends[1]["sync_id"]);
    armed(&testbed, QUEUE).await;
    while pages.waiting().await > 0 {
        pages.next().await;
    }
    testbed.drain([worker]).await;
    testbed.delete_queue(QUEUE).await;
    testbed.close().await;
}

#[tokio::test]
async fn another_interval_takes_effect_and_tokens_of_the_former_one_fire_nothing() {
    let mut testbed = Testbed::with(tenant(5)).set("TENANTS__CONTOSO__SYNC__USERS", "1h").build().await;
    let worker = testbed.worker().await;
    armed(&testbed, QUEUE).await;
    testbed.drain([worker]).await;
    testbed.set("TENANTS__CONTOSO__SYNC__USERS", "2h");
    let worker = testbed.worker().await;
    let after = "schedule.contoso.users.7200s";
    armed(&testbed, after).await;
    testbed.fire(QUEUE, "sync").await;
    worker.logged("no longer in the settings").await;
    testbed.quiet().await;
    assert_eq!((testbed.depth(QUEUE).await, testbed.depth(after).await), (0, 1));
    testbed.drain([worker]).await;
    for queue in [QUEUE, after] {
        testbed.delete_queue(queue).await;
    }
    testbed.close().await;
}
