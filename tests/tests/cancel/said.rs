//! A worker dies when it has said the end of a run and the ledger does not know of it, and somebody shuts the run then.

use serde_json::{Value, json};
use system_tests::proxy::Proxy;
use system_tests::{Testbed, Worker, events};

use crate::{ADA, cancel_of, earlier, hire, leave, run, tenant, workflows};

/// What a worker tells the ledger when a run is over.
const IS_DONE: &str = r#""state":"done""#;

/// A testbed whose worker has died when it had said the end of this run; the end.
async fn dies_when_it_has_said_the_end_of(event: &Value) -> (Testbed, Value) {
    let mut testbed = Testbed::with(tenant()).workflows(&workflows()).build().await;
    let url = testbed.broker.url().to_owned();
    let wire = Proxy::start(&url, true).await;
    wire.hold_back(IS_DONE);
    testbed.set("BROKER__URL", wire.url());
    let mut worker = testbed.worker().await;
    testbed.set("BROKER__URL", url);
    testbed.publisher.event(event).await;
    let end = testbed.results.end_of(event["id"].as_str().unwrap()).await;
    assert_eq!(end["state"], "succeeded", "{end}");
    wire.holds().await;
    worker.kill().await;
    (testbed, end)
}

/// It is said again as it was, and the ledger knows it then.
async fn ends_as_it_said(testbed: &mut Testbed, worker: &Worker, event: &Value, end: &Value) {
    worker.logged("the run has said its end before, and ends so").await;
    worker.counts("gatehouse_in_flight", 0.0).await;
    let again = events::made_now(cancel_of("no, really", ADA, event));
    testbed.publisher.event(&again).await;
    let late = testbed.results.end_of("no, really").await;
    assert_eq!(late["had_ended"], json!([{ "run_id": run(event), "state": "done" }]), "{late}");
    assert_eq!(late.get("shut"), None, "{late}");
    let received = testbed.results.received().iter().filter(|it| it.is_end() && it.run_id() == run(event));
    let said: Vec<&Value> = received.map(|received| &received.event["data"]).collect();
    assert_eq!(said, [end, end]);
}

#[tokio::test]
async fn a_cancel_after_the_end_that_a_killed_worker_said_does_not_change_it() {
    let event = hire("hire", ADA);
    let (mut testbed, end) = dies_when_it_has_said_the_end_of(&event).await;
    // It claims before the run's message is looked at again.
    let access = testbed.worker_of("access").await;
    testbed.publisher.event(&cancel_of("no", ADA, &event)).await;
    let cancelled = testbed.results.end_of("no").await;
    assert_eq!(cancelled["shut"][0]["state"], "running", "nobody can tell yet: {cancelled}");
    let worker = testbed.worker_of("workflows").await;
    ends_as_it_said(&mut testbed, &worker, &event, &end).await;
    testbed.drain([access, worker]).await;
    assert_eq!(testbed.effects().len(), 3, "{:?}", testbed.effects());
    testbed.close().await;
}

#[tokio::test]
async fn newer_word_after_the_end_that_a_killed_worker_said_does_not_change_it() {
    let event = earlier(hire("hire", ADA));
    let (mut testbed, end) = dies_when_it_has_said_the_end_of(&event).await;
    let worker = testbed.worker().await;
    testbed.publisher.event(&leave("leave", ADA)).await;
    let left = testbed.results.end_of("leave").await;
    assert_eq!((&left["state"], left.get("shut")), (&json!("succeeded"), None), "{left}");
    ends_as_it_said(&mut testbed, &worker, &event, &end).await;
    testbed.drain([worker]).await;
    testbed.close().await;
}
