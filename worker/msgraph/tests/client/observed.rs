//! An observer that records its reports.

use std::sync::{Arc, Mutex};

use msgraph::{
    BatchRefusedReport, CallObserver, Destination, Observer, RequestReport, RetryReport, RoundTripReport,
    Settings, ThrottleReport, TokenReport, UserKey,
};

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

    fn round_trip(&self, report: &RoundTripReport) {
        self.note(format!("round trip {} of {}", report.service, report.calls));
    }

    fn batch_refused(&self, report: &BatchRefusedReport<'_>) {
        let BatchRefusedReport { service, calls, error } = report;
        assert!(!error.to_string().contains("Write request"), "Graph's message can name people: {error}");
        self.note(format!("batch of {calls} refused {service} {:?} {}", error.status(), error.code()));
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

/// Gives each call an observer with a number of its own.
struct Numbered(Received);

struct Numbers(usize, Received);

impl Observer for Numbered {
    fn call(&self) -> Option<Arc<dyn CallObserver>> {
        self.0.note("a call".to_owned());
        let number = self.0.lines().iter().filter(|line| *line == "a call").count();
        Some(Arc::new(Numbers(number, self.0.clone())))
    }
}

impl CallObserver for Numbers {
    fn attempt(&self, report: &RequestReport<'_>, to: &Destination<'_>) {
        let (RequestReport { method, outcome, .. }, Destination { host, route, .. }) = (report, to);
        self.1.note(format!("{} {method} {host}{route} {outcome}", self.0));
    }
}

#[tokio::test]
async fn each_call_of_a_batch_is_reported_to_who_made_it_and_names_nobody() {
    let server = Server::start(|_, _| {
        let missing = r#"{"error":{"code":"Request_ResourceNotFound","message":"none"}}"#;
        let answers = format!(
            r#"{{"responses":[{{"id":"0","status":200,"body":{{"value":[]}}}},{{"id":"1","status":404,"body":{missing}}}]}}"#
        );
        json(200, &answers)
    })
    .await;
    let received = Received::default();
    let settings = Settings { batching: true, ..server.settings() };
    let client = observed_client(settings, Numbered(received.clone()));
    let reader = client.reader();
    let ada = UserKey::Upn("ada@contoso.example".to_owned());
    let (skus, ada) = tokio::join!(reader.subscribed_skus(), reader.user(&ada, &["id"]));
    assert!(skus.is_ok() && ada.is_ok_and(|ada| ada.is_none()));
    let mut lines = received.lines();
    lines.sort();
    assert_eq!(
        lines,
        ["1 GET 127.0.0.1/subscribedSkus 200", "2 GET 127.0.0.1/users/{id} 404", "a call", "a call"]
    );
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
            "round trip directory of 1",
            "request directory GET 429 attempt 1",
            "throttled directory Some(50ms)",
            "retry directory after 429 as attempt 2",
            "round trip directory of 1",
            "request directory GET 200 attempt 2",
        ]
    );
}

/// Reads from a server that answers each batch like this; what was reported, and how many reads failed.
async fn reads_when_batches_are(status: u16, code: &'static str) -> (Vec<String>, usize) {
    let server = Server::start(move |seen, _| match seen.path.ends_with("/$batch") {
        true => refusal(status, code, "Write request id : 1 does not contain Content-Type header or body."),
        false => json(200, r#"{"value":[]}"#),
    })
    .await;
    let received = Received::default();
    let client = observed_client(Settings { batching: true, ..server.settings() }, received.clone());
    let reader = client.reader();
    let reads = tokio::join!(reader.subscribed_skus(), reader.subscribed_skus());
    let mut lines = received.lines();
    lines.sort();
    (lines, [reads.0.is_err(), reads.1.is_err()].into_iter().filter(|failed| *failed).count())
}

#[tokio::test]
async fn a_batch_refused_whole_is_reported_and_each_round_trip_counted() {
    let (lines, failed) = reads_when_batches_are(400, "BadRequest").await;
    let alone =
        ["request directory GET 200 attempt 1"; 2].into_iter().chain(["round trip directory of 1"; 2]);
    let expected: Vec<_> =
        ["batch of 2 refused directory Some(400) BadRequest"].into_iter().chain(alone).collect();
    assert_eq!(lines, [expected, vec!["round trip directory of 2", "token 200"]].concat());
    assert_eq!(failed, 0, "a batch refused as such did nothing, so its calls go alone");

    let (lines, failed) = reads_when_batches_are(503, "ServiceUnavailable").await;
    assert!(
        lines.contains(&"batch of 2 refused directory Some(503) ServiceUnavailable".to_owned()),
        "{lines:?}"
    );
    assert_eq!(lines.iter().filter(|line| *line == "request directory GET 503 attempt 1").count(), 2);
    assert_eq!(failed, 2, "each of its calls has failed");
}
