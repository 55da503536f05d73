//! Latency: how long a round trip takes.

use std::time::{Duration, Instant};

use msgraph_emulator::Options;
use serde_json::json;

use crate::harness::{Desk, tenant};

const LATENCY: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_batch_takes_one_round_trip_and_requests_do_not_wait_for_each_other() {
    let desk = Desk::with(Options::new(tenant()).latency(LATENCY)).await;
    let started = Instant::now();
    desk.found("users").await;
    assert!(started.elapsed() >= LATENCY, "{:?}", started.elapsed());

    let parts: Vec<_> =
        (1..=20).map(|n| json!({ "id": n.to_string(), "method": "GET", "url": "/users" })).collect();
    let batch = json!({ "requests": parts });
    let started = Instant::now();
    let single = || desk.get("groups");
    let (answer, ..) =
        tokio::join!(desk.send("POST", "$batch", Some(batch)), single(), single(), single(), single());
    assert_eq!(answer.0, 200);
    let took = started.elapsed();
    assert!(took >= LATENCY && took < 5 * LATENCY, "24 reads, five of them round trips: {took:?}");
}
