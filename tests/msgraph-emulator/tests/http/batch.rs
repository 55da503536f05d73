//! `$batch`: many requests, one round trip.

use msgraph_emulator::Fault;
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, EDSGER, GRACE, read, refused};

async fn batch(desk: &Desk, requests: Value) -> (u16, Value) {
    desk.send("POST", "$batch", Some(json!({ "requests": requests }))).await
}

/// The parts' answers by their ids.
async fn parts(desk: &Desk, requests: Value) -> Value {
    let (status, body) = batch(desk, requests).await;
    assert_eq!(status, 200, "{body}");
    let responses = body["responses"].as_array().unwrap().iter();
    responses.map(|part| (part["id"].as_str().unwrap().to_owned(), part.clone())).collect()
}

fn get(id: &str, url: &str) -> Value {
    json!({ "id": id, "method": "GET", "url": url })
}

fn patch(id: &str, upn: &str, body: Value) -> Value {
    let headers = json!({ "Content-Type": "application/json" });
    json!({ "id": id, "method": "PATCH", "url": format!("/users/{upn}"), "headers": headers, "body": body })
}

#[tokio::test]
async fn every_part_is_answered_as_on_its_own_and_in_no_order() {
    let desk = Desk::open().await;
    let id = desk.user(ADA);
    let requests = json!([
        get("1", "/users/ada@contoso.example?$select=id"),
        get("2", "users/nobody@contoso.example"),
        patch("3", ADA, json!({ "accountEnabled": false })),
        get("4", "/teams"),
        { "id": "5", "method": "GET", "url": "/users/$count", "headers": { "ConsistencyLevel": "eventual" } },
    ]);
    let (status, body) = batch(&desk, requests.clone()).await;
    assert_eq!(status, 200);
    let order: Vec<_> = body["responses"].as_array().unwrap().iter().map(|part| &part["id"]).collect();
    assert_ne!(order, ["1", "2", "3", "4", "5"]);
    let parts = parts(&desk, requests).await;
    assert_eq!((&parts["1"]["status"], &parts["1"]["body"]["id"]), (&json!(200), &json!(id)));
    assert!(parts["1"]["headers"]["Content-Type"].as_str().unwrap().starts_with("application/json"));
    let refusal = |part: &Value| (part["status"].as_u64().unwrap() as u16, part["body"].clone());
    refused(&refusal(&parts["2"]), 404, "Request_ResourceNotFound", "nobody@contoso.example");
    assert_eq!((&parts["3"]["status"], &parts["3"]["body"]), (&json!(204), &Value::Null));
    refused(&refusal(&parts["4"]), 400, "BadRequest", "teams");
    assert_eq!(parts["5"]["body"], 4);
    assert_eq!(desk.emulator.effects(), [format!("disable user {id}")]);
}

#[tokio::test]
async fn the_journal_has_the_parts_and_counts_the_round_trip() {
    let desk = Desk::open().await;
    let disable = patch("b", ADA, json!({ "accountEnabled": false }));
    parts(&desk, json!([get("a", "/users?$top=1"), disable])).await;
    desk.found("groups").await;
    let journal = desk.emulator.journal();
    let seen: Vec<_> = journal
        .iter()
        .map(|entry| (entry.path.as_str(), entry.status, entry.write, entry.batch.is_some()))
        .collect();
    assert_eq!(
        seen,
        [
            ("/v1.0/users", Some(200), false, true),
            ("/v1.0/users/ada@contoso.example", Some(204), true, true),
            ("/v1.0/$batch", Some(200), false, false),
            ("/v1.0/groups", Some(200), false, false),
        ]
    );
    assert_eq!(journal[0].query, "$top=1");
    assert!(journal[..2].iter().all(|part| part.batch.as_ref() == Some(&journal[2].request_id)));
    assert_eq!((journal[1].effects.len(), journal[2].effects.len()), (1, 0));
    assert_eq!(desk.emulator.round_trips(), 2);
}

#[tokio::test]
async fn permissions_are_asked_of_every_part() {
    let desk = Desk::allowed(&["User.Read.All"]).await;
    let disable = patch("2", ADA, json!({ "accountEnabled": false }));
    let parts = parts(&desk, json!([get("1", "/users"), disable, get("3", "/groups")])).await;
    let statuses: Vec<_> = ["1", "2", "3"].iter().map(|id| parts[id]["status"].clone()).collect();
    assert_eq!(statuses, [200, 403, 403]);
    assert_eq!(parts["2"]["body"]["error"]["code"], "Authorization_RequestDenied");
    assert!(desk.emulator.effects().is_empty());

    let address = format!("{}/v1.0/$batch", desk.emulator.url());
    let body = json!({ "requests": [get("1", "/users")] });
    let unsigned = read(desk.http.post(address).json(&body).send().await.unwrap()).await;
    refused(&unsigned, 401, "InvalidAuthenticationToken", "empty");
}

#[tokio::test]
async fn a_dependant_of_a_failed_part_is_not_carried_out() {
    let desk = Desk::open().await;
    let after = |mut part: Value, id: &str| {
        part["dependsOn"] = json!([id]);
        part
    };
    let disable = |id: &str, upn: &str| patch(id, upn, json!({ "accountEnabled": false }));
    let serial = json!([
        disable("1", ADA),
        after(get("2", "/users/nobody@contoso.example"), "1"),
        after(disable("3", GRACE), "2"),
        after(get("4", "/users"), "3"),
    ]);
    let parts = parts(&desk, serial).await;
    let statuses: Vec<_> = ["1", "2", "3", "4"].iter().map(|id| parts[id]["status"].clone()).collect();
    assert_eq!(statuses, [204, 404, 424, 424]);
    assert_eq!(desk.emulator.effects(), [format!("disable user {}", desk.user(ADA))]);
    let journal = desk.emulator.journal();
    assert_eq!(journal.iter().filter(|entry| entry.status == Some(424)).count(), 2);
}

#[tokio::test]
async fn a_batch_that_is_none_is_refused_whole() {
    let desk = Desk::open().await;
    let many: Vec<Value> = (1..=21).map(|n| get(&n.to_string(), "/users")).collect();
    let dependent = json!({ "id": "1", "method": "GET", "url": "/users", "dependsOn": ["9"] });
    let cases = [
        (json!(many), "from 1 to 20 requests, not 21"),
        (json!([]), "not 0"),
        (json!([get("a", "/users"), get("A", "/groups")]), "'A' is empty or not unique"),
        (json!([{ "method": "GET", "url": "/users" }]), "missing field `id`"),
        (json!([get("1", "https://graph.microsoft.com/v1.0/users")]), "not relative"),
        (json!([dependent]), "depends on '9'"),
    ];
    for (requests, fragment) in cases {
        refused(&batch(&desk, requests).await, 400, "BadRequest", fragment);
    }
    refused(&desk.send("POST", "$batch", None).await, 400, "BadRequest", "Unable to read JSON");
    refused(&desk.get("$batch").await, 405, "Request_BadRequest", "not allowed");
    let stray = json!({ "id": "1", "method": "GET", "url": "//users", "depends_on": [], "colour": "red" });
    assert_eq!(parts(&desk, json!([stray])).await["1"]["status"], 200);
    let versioned = parts(&desk, json!([get("1", "/v1.0/users")])).await["1"].clone();
    assert_eq!(versioned["status"], 400);
    let message = versioned["body"]["error"]["message"].as_str().unwrap();
    assert!(message.contains("Resource not found for the segment 'v1.0'"), "{message}");
    let headers = json!({ "Content-Type": "application/json" });
    let nested = json!({ "id": "1", "method": "POST", "url": "/$batch", "headers": headers, "body": {} });
    let parts = parts(&desk, json!([nested])).await;
    assert_eq!(parts["1"]["status"], 400);
}

#[tokio::test]
async fn a_write_without_body_or_type_refuses_the_whole_batch() {
    let desk = Desk::open().await;
    let headers = json!({ "content-type": "application/json" });
    let ada = format!("/users/{ADA}");
    let revoke = format!("{ada}/revokeSignInSessions");
    let refused_parts = [
        json!({ "id": "2", "method": "POST", "url": revoke }),
        json!({ "id": "2", "method": "POST", "url": revoke, "headers": headers }),
        json!({ "id": "2", "method": "POST", "url": revoke, "body": {} }),
        json!({ "id": "2", "method": "patch", "url": ada, "body": { "accountEnabled": false } }),
    ];
    for part in refused_parts {
        let requests = json!([patch("1", GRACE, json!({ "accountEnabled": false })), part]);
        let words = "Write request id : 2 does not contain Content-Type header or body.";
        refused(&batch(&desk, requests).await, 400, "BadRequest", words);
    }
    assert_eq!(desk.emulator.effects(), [""; 0], "no part was carried out");
    let whole = json!({ "id": "2", "method": "POST", "url": revoke, "headers": headers, "body": {} });
    let manager = format!("/users/{ADA}/manager/$ref");
    let parts = parts(&desk, json!([whole, { "id": "3", "method": "DELETE", "url": manager }])).await;
    assert_eq!((&parts["2"]["status"], &parts["3"]["status"]), (&json!(200), &json!(204)));
}

#[tokio::test]
async fn a_post_that_hides_its_length_is_refused() {
    let desk = Desk::open().await;
    let path = format!("users/{ADA}/revokeSignInSessions");
    let answer = desk.request("POST", &path).send().await.unwrap();
    assert_eq!(answer.status(), 411);
    assert!(answer.text().await.unwrap().contains("must be chunked or have a content length"));
    assert_eq!(desk.emulator.effects(), [""; 0]);
    assert_eq!(desk.send("POST", &path, None).await.0, 200);
}

#[tokio::test]
async fn faults_hit_parts_by_their_own_paths() {
    let desk = Desk::open().await;
    desk.emulator.fault(Fault::status(429).retry_after("7").path("/groups").times(1));
    let requests = json!([get("1", "/users"), get("2", "/groups"), get("3", "/groups")]);
    let answers = parts(&desk, requests.clone()).await;
    let statuses: Vec<_> = ["1", "2", "3"].iter().map(|id| answers[id]["status"].clone()).collect();
    assert_eq!(statuses, [200, 429, 200]);
    assert_eq!(answers["2"]["headers"]["Retry-After"], "7");
    assert_eq!(answers["2"]["body"]["error"]["code"], "TooManyRequests");

    desk.emulator.fault(Fault::status(503).path("$batch").times(1));
    assert_eq!(batch(&desk, requests.clone()).await.0, 503);
    desk.emulator.fault(Fault::status(503).times(1));
    assert_eq!(batch(&desk, requests).await.0, 200, "a rule for all spoils a part, not the batch");
}

#[tokio::test]
async fn a_part_that_is_dropped_takes_the_batch_with_it() {
    let desk = Desk::open().await;
    let disable = |id: &str, upn: &str| patch(id, upn, json!({ "accountEnabled": false }));
    let body = json!({ "requests": [disable("1", ADA), disable("2", GRACE), get("3", "/users")] });
    let send = || desk.request("POST", "$batch").json(&body).send();
    desk.emulator.fault(Fault::dropped().path(ADA).times(1));
    assert!(send().await.is_err());
    assert_eq!(desk.emulator.effects(), [format!("disable user {}", desk.user(GRACE))]);
    assert!(desk.emulator.journal().iter().all(|entry| entry.status.is_none()));
    desk.emulator.clear_journal();
    desk.emulator.fault(Fault::acted_then_dropped().path("$batch").times(1));
    assert!(send().await.is_err());
    assert_eq!(desk.emulator.effects(), [format!("disable user {}", desk.user(ADA))]);
    assert_eq!(desk.emulator.journal().len(), 4);
    let edsger = parts(&desk, json!([get("1", &format!("/users/{EDSGER}"))])).await;
    assert_eq!(edsger["1"]["status"], 200);
}
