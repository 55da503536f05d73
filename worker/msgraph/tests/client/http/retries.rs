//! Which requests the client retries, when, and for how long.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use msgraph::Settings;
use tokio::time::Instant;

use crate::server::{Reply, Server, client, json, refusal};

const NONE: &str = r#"{"value":[]}"#;

fn throttled(retry_after: impl Into<String>) -> Reply {
    refusal(429, "TooManyRequests", "Too many requests").with("Retry-After", retry_after)
}

#[tokio::test]
async fn a_read_met_by_an_outage_is_sent_again() {
    for status in [500, 502, 503, 504, 429] {
        let server = Server::start(move |_, n| if n == 1 { json(status, "") } else { json(200, NONE) }).await;
        server.patient_client().reader().subscribed_skus().await.unwrap();
        assert_eq!(server.graph_requests().len(), 2, "{status}");
    }
}

#[tokio::test]
async fn a_refusal_is_final() {
    for status in [400, 402, 403, 404, 405, 409, 410, 412, 413, 415, 422, 423, 501, 507] {
        let server = Server::start(move |_, _| refusal(status, "SomeCode", "")).await;
        let error = server.patient_client().reader().subscribed_skus().await.unwrap_err();
        assert_eq!((server.graph_requests().len(), error.status()), (1, Some(status)));
        assert_eq!(error.is_transient(), matches!(status, 412 | 423), "{status}");
    }
}

#[tokio::test]
async fn a_throttled_post_is_sent_again_after_the_seconds_asked_for() {
    let server = Server::start(|_, n| if n == 1 { throttled("0.4") } else { json(204, "") }).await;
    let started = Instant::now();
    server.patient_client().writer().revoke_sessions("1").await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());
    assert_eq!(server.graph_requests().len(), 2);
}

#[tokio::test]
async fn a_throttled_post_is_sent_again_at_the_date_asked_for() {
    let then = Timestamp::from_second(Timestamp::now().as_second() + 2).unwrap();
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&then).unwrap();
    let server =
        Server::start(move |_, n| if n == 1 { throttled(date.clone()) } else { json(204, "") }).await;
    server.patient_client().writer().revoke_sessions("1").await.unwrap();
    assert!(Timestamp::now() >= then, "it was sent before {then}");
    assert_eq!(server.graph_requests().len(), 2);
}

#[tokio::test]
async fn a_post_graph_says_it_did_not_process_is_sent_again() {
    let refusals: [fn() -> Reply; 3] = [
        || refusal(503, "ApplicationThrottled", ""),
        || refusal(409, "Directory_ConcurrencyViolation", "Please wait briefly and retry."),
        || json(429, "<html>"),
    ];
    for reply in refusals {
        let server = Server::start(move |_, n| if n == 1 { reply() } else { json(204, "") }).await;
        server.patient_client().writer().add_member("g", "u").await.unwrap();
        assert_eq!(server.graph_requests().len(), 2);
    }
}

#[tokio::test]
async fn a_wait_beyond_the_budget_goes_back_at_once() {
    let server = Server::start(|_, _| throttled("120")).await;
    let started = Instant::now();
    let error = server.patient_client().reader().subscribed_skus().await.unwrap_err();
    assert!(error.is_throttled() && error.is_transient(), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
    assert_eq!(server.graph_requests().len(), 1);
    assert!(started.elapsed() < Duration::from_secs(20), "it waited");
}

#[tokio::test]
async fn a_budget_of_nothing_means_once() {
    let server = Server::start(|_, _| throttled("0")).await;
    let error = server.client().reader().subscribed_skus().await.unwrap_err();
    assert_eq!((error.retry_after(), server.graph_requests().len()), (Some(Duration::ZERO), 1));
}

#[tokio::test]
async fn the_budget_ends_and_a_wait_of_nothing_is_no_busy_loop() {
    let server = Server::start(|_, _| throttled("0")).await;
    let budget = Duration::from_secs(1);
    let client = client(Settings { retry_budget: budget, ..server.settings() });
    let started = Instant::now();
    let error = client.reader().subscribed_skus().await.unwrap_err();
    assert!(error.is_throttled());
    assert!(started.elapsed() >= Duration::from_millis(125), "it did not wait: {:?}", started.elapsed());
    // Waits of 125 to 375 ms, 250 to 750 ms, ... within one second.
    let sent = server.graph_requests().len();
    assert!((2..=4).contains(&sent), "{sent}");
}
