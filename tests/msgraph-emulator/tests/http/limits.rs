//! Published limits, over HTTP: costs, refusals, and what the answers say about both.

use std::time::Duration;

use msgraph_emulator::{Limits, Options};
use reqwest::Response;
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, GRACE, read, refused, tenant};

/// Entra's smallest limits, 350 times smaller: 10 units in 29 ms, 8 writes in 0.4 s.
fn limited() -> Options {
    Options::new(tenant()).limits(Limits::small().scaled(350))
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn answers_report_their_cost_with_and_without_limits() {
    let desk = Desk::open().await;
    for (path, units) in
        [("users", "2"), ("users?$select=id", "1"), ("subscribedSkus", "3"), ("organization", "1")]
    {
        let answer = desk.request("GET", path).send().await.unwrap();
        assert_eq!(header(&answer, "x-ms-resource-unit"), Some(units), "{path}");
        assert_eq!(header(&answer, "x-ms-throttle-limit-percentage"), None);
    }
    let usage = desk.emulator.usage();
    assert_eq!((usage["identity"].requests, usage["identity"].units, usage["identity"].throttled), (4, 7, 0));
}

#[tokio::test]
async fn every_page_of_a_delta_costs_one_unit() {
    let desk = Desk::with(Options::new(tenant()).page_limit(3)).await;
    let mut path = "users/delta?$select=id,displayName".to_owned();
    // Two pages of the first round, and one of the second.
    for link in ["@odata.nextLink", "@odata.deltaLink", "@odata.deltaLink"] {
        let answer = desk.request("GET", &path).send().await.unwrap();
        assert_eq!(header(&answer, "x-ms-resource-unit"), Some("1"), "{path}");
        let (_, page) = read(answer).await;
        let address = page[link].as_str().unwrap();
        path = address.split_once("/v1.0/").unwrap().1.to_owned();
    }
    assert_eq!(desk.emulator.usage()["identity"].units, 3);
}

#[tokio::test]
async fn a_full_limit_refuses_and_says_when_to_come_back() {
    let limits = Limits::small().scaled(3_500);
    let desk = Desk::with(Options::new(tenant()).limits(limits)).await;
    // One write fits, and takes 43 ms to drain.
    let change = json!({ "department": "Research" });
    let patch = || desk.request("PATCH", &format!("users/{ADA}")).json(&change).send();
    let mut answers = Vec::new();
    for _ in 0..40 {
        answers.push(patch().await.unwrap());
    }
    let refusal = answers.into_iter().find(|answer| answer.status() == 429).unwrap();
    let scope = header(&refusal, "x-ms-throttle-scope").unwrap();
    assert!(scope.starts_with("Tenant_Application/"), "{scope}");
    assert!(scope.ends_with(&msgraph_emulator::TENANT_ID.to_string()), "{scope}");
    assert_eq!(header(&refusal, "x-ms-throttle-information"), Some("WriteLimitExceeded"));
    let full: f64 = header(&refusal, "x-ms-throttle-limit-percentage").unwrap().parse().unwrap();
    assert!((1.0..=1.8).contains(&full), "{full}");
    let wait: f64 = header(&refusal, "retry-after").unwrap().parse().unwrap();
    assert!(wait > 0.0 && wait < 0.2, "{wait}");
    refused(&read(refusal).await, 429, "TooManyRequests", "Too many requests");
    assert!(desk.emulator.usage()["identity"].throttled > 0);
    let control = format!("{}/_emulator/usage", desk.emulator.url());
    let (_, usage) = read(desk.http.get(control).send().await.unwrap()).await;
    assert_eq!(usage["identity"]["throttled"], json!(desk.emulator.usage()["identity"].throttled));
    desk.emulator.reset();
    assert_eq!(patch().await.unwrap().status(), 204, "a reset empties every bucket");
}

#[tokio::test]
async fn parts_of_a_batch_are_throttled_one_by_one() {
    let desk = Desk::with(limited()).await;
    let parts: Vec<Value> =
        (1..=20).map(|n| json!({ "id": n.to_string(), "method": "GET", "url": "/subscribedSkus" })).collect();
    let (status, body) = desk.send("POST", "$batch", Some(json!({ "requests": parts }))).await;
    assert_eq!(status, 200);
    let parts = body["responses"].as_array().unwrap();
    let (well, refused): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part["status"] == 200);
    assert!((3..20).contains(&well.len()), "{}", well.len());
    assert!(!refused.is_empty());
    for part in refused {
        assert_eq!(
            (&part["status"], &part["body"]["error"]["code"]),
            (&json!(429), &json!("TooManyRequests"))
        );
        assert!(part["headers"]["Retry-After"].is_string(), "{part}");
    }
}

#[tokio::test]
async fn a_mailbox_is_worked_on_four_at_a_time() {
    let options = Options::new(tenant()).limits(Limits::small()).latency(Duration::from_millis(100));
    let desk = Desk::with(options).await;
    let path = format!("users/{GRACE}/mailboxSettings");
    let read = || desk.get(&path);
    let (a, b, c, d, e, f) = tokio::join!(read(), read(), read(), read(), read(), read());
    let mut statuses = [a.0, b.0, c.0, d.0, e.0, f.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 429, 429]);
    let late = [a, b, c, d, e, f].into_iter().find(|answer| answer.0 == 429).unwrap();
    refused(&late, 429, "ApplicationThrottled", "MailboxConcurrency");

    // Outlook itself takes the parts of one batch in fours.
    let part = |n: u32| json!({ "id": n.to_string(), "method": "GET", "url": format!("/{path}") });
    let parts: Vec<Value> = (1..=10).map(part).collect();
    let (_, body) = desk.send("POST", "$batch", Some(json!({ "requests": parts }))).await;
    let responses = body["responses"].as_array().unwrap();
    assert_eq!(responses.len(), 10);
    assert!(responses.iter().all(|part| part["status"] == 200), "{body}");
}
