//! The controls under `/_emulator/`, over HTTP as other programs use them.

use msgraph_emulator::CLIENT_SECRET;
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, read};

async fn control(desk: &Desk, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let address = format!("{}/_emulator/{path}", desk.emulator.url());
    let mut request = desk.http.request(method, address);
    if let Some(body) = body {
        request = request.json(&body);
    }
    read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn the_journal_is_read_from_a_number_and_cleared() {
    let desk = Desk::open().await;
    desk.found("users").await;
    desk.found("groups?$top=5").await;
    let (_, all) = control(&desk, "GET", "journal", None).await;
    let entries = all.as_array().unwrap();
    assert_eq!(entries.len(), 2, "the controls are not in it");
    assert_eq!((&entries[1]["path"], &entries[1]["query"]), (&json!("/v1.0/groups"), &json!("$top=5")));
    let first = entries[0]["n"].as_u64().unwrap();
    let (_, rest) = control(&desk, "GET", &format!("journal?after={first}"), None).await;
    assert_eq!(rest, json!([entries[1]]));
    assert_eq!(control(&desk, "DELETE", "journal", None).await.0, 204);
    assert_eq!(control(&desk, "GET", "journal", None).await.1, json!([]));
    desk.found("users").await;
    let (_, later) = control(&desk, "GET", "journal", None).await;
    assert_eq!(later[0]["n"], first + 2, "numbers go on");
    assert_eq!(control(&desk, "GET", "journal?after=x", None).await.0, 400);
}

#[tokio::test]
async fn a_reset_brings_the_start_back() {
    let desk = Desk::open().await;
    let start = control(&desk, "GET", "state", None).await.1;
    let change = json!({ "accountEnabled": false });
    assert_eq!(desk.send("PATCH", &format!("users/{ADA}"), Some(change)).await.0, 204);
    assert_eq!(control(&desk, "POST", "faults", Some(json!({ "drop": true }))).await.0, 200);
    assert_ne!(control(&desk, "GET", "state", None).await.1, start);
    assert_eq!(control(&desk, "POST", "reset", None).await.0, 204);
    assert_eq!(control(&desk, "GET", "state", None).await.1, start);
    assert_eq!(control(&desk, "GET", "journal", None).await.1, json!([]));
    assert_eq!(control(&desk, "GET", "faults", None).await.1, json!([]));
    assert_eq!(desk.get("users").await.0, 200, "tokens stay good");
}

#[tokio::test]
async fn rules_are_set_alone_or_together_or_not_at_all() {
    let desk = Desk::open().await;
    let (status, body) = control(
        &desk,
        "POST",
        "faults",
        Some(json!([
            { "path": "/users", "status": 429, "retry_after": "2", "times": 1 },
            { "method": "POST", "act_then_drop": true, "delay_ms": 1 },
        ])),
    )
    .await;
    assert_eq!((status, body), (200, json!({ "ids": [1, 2] })));
    assert_eq!(desk.get("users").await.0, 429);
    let (_, rules) = control(&desk, "GET", "faults", None).await;
    assert_eq!(
        (&rules[0]["fired"], &rules[0]["matched"], &rules[1]["id"]),
        (&json!(1), &json!(1), &json!(2))
    );
    let wrong = [json!({ "status": 429, "colour": "red" }), json!([{ "drop": true }, {}])];
    for body in wrong {
        let (status, body) = control(&desk, "POST", "faults", Some(body)).await;
        assert_eq!(status, 400);
        assert!(body["error"].as_str().unwrap().starts_with("rule "), "{body}");
    }
    assert_eq!(control(&desk, "GET", "faults", None).await.1.as_array().unwrap().len(), 2);
    assert_eq!(control(&desk, "DELETE", "faults", None).await.0, 204);
    assert_eq!(desk.get("users").await.0, 200);
}

#[tokio::test]
async fn secrets_are_shown_here_and_nowhere_else() {
    let desk = Desk::open().await;
    let (_, secrets) = control(&desk, "GET", "secrets", None).await;
    assert_eq!(secrets["client_secrets"], json!([CLIENT_SECRET]));
    assert_eq!(secrets["tokens"], json!([desk.token]));
    assert_eq!(secrets["passwords"], json!([]));
    assert_eq!(secrets["passes"], json!([]));
    let state = desk.emulator.state().to_string();
    assert!(!state.contains(CLIENT_SECRET) && !state.contains(&desk.token));
}

#[tokio::test]
async fn health_is_answered_and_unknown_controls_are_named() {
    let desk = Desk::open().await;
    assert_eq!(control(&desk, "GET", "health", None).await, (200, json!({ "status": "ok" })));
    let (status, body) = control(&desk, "POST", "journal", None).await;
    assert_eq!(status, 404);
    assert!(body["error"].as_str().unwrap().contains("GET|DELETE journal"));
}

#[tokio::test]
async fn an_emulator_stops_when_it_is_dropped() {
    let desk = Desk::open().await;
    let address = format!("{}/_emulator/health", desk.emulator.url());
    drop(desk.emulator);
    assert!(desk.http.get(address).send().await.is_err());
}
