//! Faults: every way a request can be spoiled.

use msgraph_emulator::Fault;
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, refused};

async fn statuses(desk: &Desk, path: &str, times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(desk.request("GET", path).send().await.unwrap().status().as_u16());
    }
    statuses
}

#[tokio::test]
async fn rules_count_the_requests_they_match() {
    let desk = Desk::open().await;
    desk.emulator.fault(Fault::status(503).path("/users").nth(2));
    assert_eq!(statuses(&desk, "groups", 2).await, [200, 200]);
    assert_eq!(statuses(&desk, "users", 3).await, [200, 503, 200]);
    desk.emulator.clear_faults();
    desk.emulator.fault(Fault::status(500).from(2).times(2));
    assert_eq!(statuses(&desk, "users", 4).await, [200, 500, 500, 200]);
    desk.emulator.clear_faults();
    desk.emulator.fault(Fault::status(500).method("POST"));
    desk.emulator.fault(Fault::status(502).writes());
    desk.spoil(json!({ "status": 504, "write": false, "path": "*/groups" }));
    assert_eq!(statuses(&desk, "users", 1).await, [200]);
    assert_eq!(statuses(&desk, "groups", 1).await, [504]);
    assert_eq!(desk.send("POST", "users", Some(json!({}))).await.0, 500);
    assert_eq!(desk.send("PATCH", "users/x", Some(json!({}))).await.0, 502);
}

#[tokio::test]
async fn the_first_due_rule_wins() {
    let desk = Desk::open().await;
    let first = desk.emulator.fault(Fault::status(503).times(1));
    let second = desk.emulator.fault(Fault::status(429));
    assert_eq!(statuses(&desk, "users", 2).await, [503, 429]);
    let faults: Vec<_> = desk.emulator.journal().iter().map(|entry| entry.fault).collect();
    assert_eq!(faults, [Some(first), Some(second)]);
}

#[tokio::test]
async fn chances_are_the_same_after_a_reset() {
    let desk = Desk::open().await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        desk.emulator.reset();
        desk.spoil(json!({ "status": 503, "probability": 0.5 }));
        runs.push(statuses(&desk, "users?$select=id", 24).await);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&200) && runs[0].contains(&503));
}

#[tokio::test]
async fn answers_are_spoiled_as_asked() {
    let desk = Desk::open().await;
    desk.emulator.fault(Fault::status(429).retry_after("1.5").times(1));
    let answer = desk.request("GET", "users").send().await.unwrap();
    assert_eq!(answer.headers()["retry-after"], "1.5");
    refused(&crate::harness::read(answer).await, 429, "TooManyRequests", "Too many");

    desk.emulator.fault(Fault::status(503).empty_body().times(1));
    assert_eq!(desk.get("users").await, (503, Value::Null));

    desk.emulator.fault(Fault::status(503).html_body().times(1));
    let answer = desk.request("GET", "users").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/html");

    let fault = Fault::status(503).code("Directory_ReplicaUnavailable").message("Replica is away");
    desk.emulator.fault(fault.times(1));
    refused(&desk.get("users").await, 503, "Directory_ReplicaUnavailable", "Replica is away");

    desk.emulator.fault(Fault::garbage().times(1));
    let answer = desk.request("GET", "users").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.json::<Value>().await.is_err());
    assert_eq!(statuses(&desk, "users", 1).await, [200]);
}

#[tokio::test]
async fn bodies_are_spoiled_after_the_request_was_carried_out() {
    let desk = Desk::open().await;
    let body = desk.request("GET", "users").send().await.unwrap().text().await.unwrap();
    desk.spoil(json!({ "truncate": true, "times": 1 }));
    let half = desk.request("GET", "users").send().await.unwrap();
    assert_eq!(
        (half.status().as_u16(), half.text().await.unwrap()),
        (200, body[..body.len() / 2].to_owned())
    );

    desk.spoil(json!({ "content_type": "text/html", "times": 1 }));
    let answer = desk.request("GET", "users").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/html");
    assert_eq!(answer.text().await.unwrap(), body);

    desk.spoil(json!({ "drip": body.len() * 5, "times": 1 }));
    let started = std::time::Instant::now();
    let mut answer = desk.request("GET", "users").send().await.unwrap();
    let mut pieces = Vec::new();
    while let Some(piece) = answer.chunk().await.unwrap() {
        pieces.push(piece);
    }
    assert!(pieces.len() > 1 && started.elapsed().as_millis() > 100, "{} pieces", pieces.len());
    assert_eq!(pieces.concat(), body.as_bytes());
}

#[tokio::test]
async fn a_connection_is_reset_in_the_middle_of_a_body() {
    let desk = Desk::open().await;
    let id = desk.user(ADA);
    desk.spoil(json!({ "cut": 20, "times": 1 }));
    let path = format!("users/{ADA}/revokeSignInSessions");
    let mut answer = desk.request("POST", &path).header("Content-Length", 0).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.content_length().unwrap() > 20);
    let mut got = 0;
    let error = loop {
        match answer.chunk().await {
            Ok(piece) => got += piece.unwrap().len(),
            Err(error) => break error,
        }
    };
    assert!(got <= 20, "{got} bytes");
    let mut causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let is_reset = causes.any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionReset)
    });
    assert!(is_reset, "{error:?}");
    assert_eq!(desk.emulator.effects(), [format!("revoke sessions of user {id}")]);
    assert_eq!(desk.emulator.journal()[0].status, Some(200));
}

#[tokio::test]
async fn a_spoiled_part_spoils_its_batch_only_on_the_wire() {
    let desk = Desk::open().await;
    let part = |id: &str, url: &str| json!({ "id": id, "method": "GET", "url": url });
    let batch = json!({ "requests": [part("1", "/users"), part("2", "/groups")] });
    let send = || desk.request("POST", "$batch").json(&batch).send();
    desk.spoil(json!({ "truncate": true, "path": "/groups", "times": 1 }));
    let body: Value = send().await.unwrap().json().await.unwrap();
    let groups = &body["responses"].as_array().unwrap()[0];
    assert_eq!((&groups["id"], groups["body"].is_string()), (&json!("2"), true), "base64 of what is no JSON");
    desk.spoil(json!({ "cut": 5, "path": "/groups", "times": 1 }));
    assert!(send().await.unwrap().bytes().await.is_err());
    desk.spoil(json!({ "truncate": true, "path": "$batch", "times": 1 }));
    assert!(send().await.unwrap().json::<Value>().await.is_err());
}

#[tokio::test]
async fn a_dropped_request_is_not_acted_on_and_an_acted_one_is() {
    let desk = Desk::open().await;
    let id = desk.user(ADA);
    let disable = || desk.request("PATCH", &format!("users/{ADA}")).json(&json!({ "accountEnabled": false }));
    desk.emulator.fault(Fault::dropped().writes().times(1));
    assert!(disable().send().await.is_err());
    assert!(desk.emulator.effects().is_empty());
    desk.emulator.fault(Fault::acted_then_dropped().writes().times(1));
    assert!(disable().send().await.is_err());
    assert_eq!(desk.emulator.effects(), [format!("disable user {id}")]);
    assert_eq!(disable().send().await.unwrap().status(), 204);
    let journal = desk.emulator.journal();
    let seen: Vec<_> = journal.iter().map(|entry| (entry.status, entry.effects.len())).collect();
    assert_eq!(seen, [(None, 0), (None, 1), (Some(204), 0)]);
}

#[tokio::test]
async fn a_delay_holds_one_request_and_no_other() {
    let desk = Desk::open().await;
    desk.emulator.fault(Fault::delayed(60_000).path("/groups"));
    tokio::select! {
        _ = desk.request("GET", "groups").send() => unreachable!("it is held for a minute"),
        answer = desk.request("GET", "users").send() => assert_eq!(answer.unwrap().status(), 200),
    }
    assert_eq!(desk.emulator.journal().len(), 1);

    desk.emulator.clear_faults();
    desk.emulator.fault(Fault::delayed(1).path("/groups"));
    assert_eq!(statuses(&desk, "groups", 1).await, [200], "late, and as ever");
}

#[tokio::test]
async fn token_requests_are_spoiled_only_by_name() {
    let desk = Desk::open().await;
    let address = format!("{}/{}/oauth2/v2.0/token", desk.emulator.url(), msgraph_emulator::TENANT_ID);
    let ask = || desk.http.post(&address).form(&[("grant_type", "client_credentials")]).send();
    desk.emulator.fault(Fault::status(503));
    assert_eq!(ask().await.unwrap().status(), 400);
    desk.emulator.fault(Fault::status(502).path("/oauth2/"));
    assert_eq!(ask().await.unwrap().status(), 502);
}
