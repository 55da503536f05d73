//! An observer that records its reports.

use std::sync::{Arc, Mutex};

use msgraph::{Observer, RequestReport, RetryReport, ThrottleReport, TokenReport};

use crate::server::{Server, json, observed_client, refusal};

#[derive(Clone, Default)]
pub struct Received(Arc<Mutex<Vec<String>>>);

impl Received {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Received {
    fn request(&self, report: &RequestReport<'_>) {
        let RequestReport { service, method, outcome, attempt, request_id, .. } = report;
        assert!(!request_id.is_empty());
        self.note(format!("request {service} {method} {outcome} attempt {attempt}"));
    }

    fn retry(&self, report: &RetryReport) {
        self.note(format!("retry {} after {} as attempt {}", report.service, report.reason, report.attempt));
    }

    fn throttled(&self, report: &ThrottleReport) {
        self.note(format!("throttled {} {:?}", report.service, report.retry_after));
    }

    fn token(&self, report: &TokenReport) {
        self.note(format!("token {}", report.outcome));
    }
}

#[tokio::test]
async fn every_attempt_is_reported() {
    let server = Server::start(|_, n| match n {
        1 => refusal(429, "TooManyRequests", "Slow down").with("Retry-After", "0.05"),
        _ => json(200, r#"{"value":[]}"#),
    })
    .await;
    let received = Received::default();
    let mut settings = server.settings();
    settings.retry_budget = std::time::Duration::from_secs(20);
    let client = observed_client(settings, received.clone());

    client.reader().subscribed_skus().await.unwrap();

    assert_eq!(
        received.lines(),
        [
            "token 200",
            "request directory GET 429 attempt 1",
            "throttled directory Some(50ms)",
            "retry directory after 429 as attempt 2",
            "request directory GET 200 attempt 2",
        ]
    );
}
