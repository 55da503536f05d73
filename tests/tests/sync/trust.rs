//! Messages in the wrong queue, and messages that claim to be a worker's.

use lapin::BasicProperties;
use msgraph_emulator::Tenant;
use serde_json::{Value, json};
use system_tests::{Testbed, events};

use crate::{end_of, sync, tenant, users};

const CONTINUATION: &str = "application/vnd.gatehouse.sync-continuation+json";
const TOKEN: &str = "application/vnd.gatehouse.sync-token+json";
const KEY: &str = "3f1c9a7be2d84056a1f0c7d2e9b83a64";

async fn classes(testbed: &mut Testbed, queue: &str, count: u32) -> Vec<String> {
    testbed.holds(&format!("{queue}.dlq"), count).await;
    let listed = testbed.gatehouse(&["dead", "list", "--queue", queue, "--output", "json"]).await.ok();
    let class =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["class"].as_str().unwrap().to_owned();
    listed.lines().map(class).collect()
}

async fn discard(testbed: &mut Testbed, queue: &str) {
    testbed.gatehouse(&["dead", "discard", "--yes", "--queue", queue, "--all"]).await.ok();
}

#[tokio::test]
async fn each_queue_refuses_the_events_of_the_others() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    testbed.also_takes("sync", "offboarding.requested").await;
    testbed.also_takes("workflows", "sync.requested").await;
    testbed.also_takes("access", "offboarding.requested").await;
    let worker = testbed.worker().await;
    testbed.publisher.event(&sync("totals", json!({ "what": "users", "detail": "none" }))).await;
    let leaver = events::offboarding("leaver", json!({ "upn": "edsger@contoso.example" }));
    testbed.publisher.event(&events::with(leaver, "mode", "plan")).await;
    for queue in ["workflows", "access", "sync"] {
        assert_eq!(classes(&mut testbed, queue, 1).await, ["wrong_queue"]);
        discard(&mut testbed, queue).await;
    }
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn an_event_that_asks_for_nonsense_is_rejected_with_every_violation() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let worker = testbed.worker().await;
    testbed.publisher.event(&sync("nonsense", json!({ "what": "people", "page_size": 7 }))).await;
    let end = end_of(&mut testbed, "nonsense").await;
    assert_eq!(
        (&end["state"], &end["failure"]["code"]),
        (&json!("rejected"), &json!("invalid_event")),
        "{end}"
    );
    let pointers: Vec<_> =
        end["violations"].as_array().unwrap().iter().map(|violation| violation["pointer"].clone()).collect();
    assert_eq!(pointers, ["/data/page_size", "/data/what"]);
    testbed.holds("sync.dlq", 1).await;
    discard(&mut testbed, "sync").await;
    testbed.drain([worker]).await;
    testbed.close().await;
}

/// A sync of this event that claims to be the worker's own.
fn forged(event: &Value) -> Vec<u8> {
    let progress = json!({ "sync_id": events::run_of(event), "first_seen": "2026-01-01T00:00:00Z",
        "attempt": 1, "replays": 0 });
    json!({ "event": event, "progress": progress }).to_string().into_bytes()
}

#[tokio::test]
async fn only_a_worker_can_continue_a_sync_or_fire_a_schedule() {
    let mut testbed = Testbed::with(tenant(5)).build().await;
    let key = testbed.file("key", KEY);
    testbed.set("WORKER__KEY_FILE", key.display());
    let worker = testbed.worker().await;
    let of_type = |content_type: &str| BasicProperties::default().with_content_type(content_type.into());
    let token = json!({ "event": users("token"), "schedule": { "every_seconds": 300 } }).to_string();
    let work = format!("{}.sync", testbed.prefix());
    for (content_type, body) in [(CONTINUATION, forged(&users("forged"))), (TOKEN, token.into_bytes())] {
        // As a publisher, and into the exchange of workers without a signature.
        testbed.publisher.publish("events", "sync.requested", of_type(content_type), &body).await;
        testbed.publisher.publish("work", &work, of_type(content_type), &body).await;
    }
    let classes = classes(&mut testbed, "sync", 4).await;
    assert!(classes.iter().all(|class| class == "undecodable"), "{classes:?}");
    assert!(testbed.results.received().iter().all(|result| !result.key.starts_with("sync.")));
    discard(&mut testbed, "sync").await;
    testbed.drain([worker]).await;
    testbed.close().await;
}
