//! Syncs that somebody takes out: before they come, while they read, and while they wait.

use serde_json::{Value, json};
use system_tests::{Testbed, events};

use crate::{end_of, tenant, users};

/// The cancel of this event's sync.
pub(crate) fn cancel(id: &str, event: &Value) -> Value {
    events::event(id, "gatehouse.run.cancel.requested.v1", json!({ "sync": events::named(event) }))
}

/// The end of a sync that was taken out.
pub(crate) fn is_cancelled(end: &Value) {
    assert_eq!((&end["state"], &end["complete"]), (&json!("cancelled"), &json!(false)), "{end}");
    assert!(end.get("kinds").is_none() && end.get("failure").is_none(), "{end}");
}

#[tokio::test]
async fn a_sync_whose_consumer_is_full_ends_when_its_event_is_cancelled() {
    let mut testbed = Testbed::with(tenant(630)).build().await;
    let worker = testbed.worker().await;
    let pages = testbed.pages(Some(1)).await;
    let all = users("all");
    testbed.publisher.event(&all).await;
    crate::flow::refused(&worker).await;
    testbed.publisher.event(&cancel("no", &all)).await;
    let end = end_of(&mut testbed, "all").await;
    is_cancelled(&end);
    assert!(end["rows"].as_u64().unwrap() < 630, "{end}");
    let received = testbed.results.received().iter();
    let ends: Vec<_> = received.filter(|received| received.event["causationid"] == "no").collect();
    assert!(ends.iter().all(|end| end.event["data"]["state"] == "succeeded"), "{ends:?}");
    drop(pages);
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_sync_that_was_cancelled_before_it_came_reads_nothing() {
    let mut testbed = Testbed::with(tenant(5)).build().await;
    let access = testbed.worker_of("access").await;
    let (by_event, by_command) = (users("by event"), users("by command"));
    testbed.publisher.event(&cancel("no", &by_event)).await;
    let end = testbed.results.end_of("no").await;
    assert!(end["state"] == "succeeded" && end.get("shut").is_none(), "{end}");
    let id = events::run_of(&by_command).to_string();
    let why = ["--why", "asked for twice", "--yes"];
    let looked = testbed.gatehouse(&[&["runs", "cancel", &id][..], &why].concat()).await;
    assert_eq!(looked.code, Some(3), "{looked:?}");
    let shown = testbed.gatehouse(&[&["runs", "cancel", &id, "--sync"][..], &why].concat()).await.ok();
    assert!(shown.contains("it ends as cancelled, now or when it comes"), "{shown}");
    let named = ["runs", "cancel", "named", "--source", events::SOURCE, "--sync"];
    testbed.gatehouse(&[&named[..], &why].concat()).await.ok();
    let sync = testbed.worker_of("sync").await;
    for event in [by_event, by_command, users("named")] {
        testbed.publisher.event(&event).await;
        let end = end_of(&mut testbed, event["id"].as_str().unwrap()).await;
        is_cancelled(&end);
        assert_eq!((&end["pages"], &end["rows"]), (&json!(0), &json!(0)), "{end}");
    }
    // Another one of the same tenant is none of their business.
    let other = crate::sync("other", json!({ "what": "users", "detail": "none" }));
    testbed.publisher.event(&other).await;
    assert_ne!(end_of(&mut testbed, "other").await["state"], "cancelled");
    testbed.drain([access, sync]).await;
    testbed.close().await;
}
