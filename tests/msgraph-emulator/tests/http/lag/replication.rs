//! Replication lag, and licence calls that overlap.

use std::time::Duration;

use msgraph_emulator::{Lag, Options};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, GRACE, refused, tenant};

fn hire() -> Value {
    json!({
        "accountEnabled": true, "displayName": "Ada King", "mailNickname": "ada.king",
        "userPrincipalName": "ada.king@contoso.example", "usageLocation": "GB",
        "passwordProfile": { "password": "correct-Horse-battery" },
    })
}

#[tokio::test]
async fn a_new_user_is_unknown_for_a_while_to_reads_and_writes() {
    let desk = Desk::with(Options::new(tenant()).new_users_after(Lag::Reads(4))).await;
    let (status, user) = desk.send("POST", "users", Some(hire())).await;
    assert_eq!(status, 201);
    let id = user["id"].as_str().unwrap();
    let path = format!("users/{id}");
    refused(&desk.get(&path).await, 404, "Request_ResourceNotFound", id);
    let filter = "users?$filter=userPrincipalName eq 'ada.king@contoso.example'";
    assert_eq!(desk.found(filter).await["value"], json!([]));
    let change = Some(json!({ "department": "Research" }));
    refused(&desk.send("PATCH", &path, change.clone()).await, 404, "Request_ResourceNotFound", id);
    refused(&desk.add("Engineers", id).await, 404, "Request_ResourceNotFound", id);
    assert_eq!(desk.found(&path).await["id"], id);
    assert_eq!(desk.send("PATCH", &path, change).await.0, 204);
    assert_eq!(desk.emulator.secrets().passwords.len(), 1);
}

#[tokio::test]
async fn others_are_read_and_written_meanwhile() {
    let lag = Lag::Time(Duration::from_secs(3_600));
    let desk = Desk::with(Options::new(tenant()).new_users_after(lag)).await;
    assert_eq!(desk.send("POST", "users", Some(hire())).await.0, 201);
    let path = format!("users/{ADA}?$select=department");
    let change = Some(json!({ "department": "Research" }));
    assert_eq!(desk.send("PATCH", &format!("users/{ADA}"), change).await.0, 204);
    assert_eq!(desk.found(&path).await["department"], "Research", "only what is new lags");
    let again = desk.send("POST", "users", Some(hire())).await;
    refused(&again, 400, "Request_BadRequest", "already exists");
    assert_eq!(desk.get("users/ada.king@contoso.example").await.0, 404);
}

#[tokio::test]
async fn reads_show_the_state_before_a_write() {
    let desk = Desk::with(Options::new(tenant()).stale_reads(Lag::Reads(2))).await;
    let path = format!("users/{ADA}?$select=accountEnabled");
    let disable =
        || desk.send("PATCH", &path[..path.find('?').unwrap()], Some(json!({ "accountEnabled": false })));
    assert_eq!(disable().await.0, 204);
    for expected in [true, true, false, false] {
        assert_eq!(desk.found(&path).await["accountEnabled"], expected);
    }
    assert_eq!(disable().await.0, 204);
    assert_eq!(desk.found(&path).await["accountEnabled"], false, "what changed nothing is not awaited");
    assert_eq!(desk.emulator.effects().len(), 1);
}

#[tokio::test]
async fn licence_calls_that_overlap_are_refused_but_the_first() {
    let options = Options::new(tenant()).exclusive_licensing().latency(Duration::from_millis(100));
    let desk = Desk::with(options).await;
    let add = json!({ "addLicenses": [{ "skuId": desk.sku("EMS") }], "removeLicenses": [] });
    let none = json!({ "addLicenses": [], "removeLicenses": [] });
    let assign = |user: &str, body: &Value| {
        let path = format!("users/{user}/assignLicense");
        let body = body.clone();
        async {
            let path = path;
            desk.send("POST", &path, Some(body)).await
        }
    };
    let (ada, grace) = tokio::join!(assign(ADA, &add), assign(GRACE, &none));
    let statuses = [ada.0, grace.0];
    assert!(statuses == [200, 409] || statuses == [409, 200], "{statuses:?}");
    let late = if ada.0 == 409 { &ada } else { &grace };
    refused(late, 409, "Directory_ConcurrencyViolation", "concurrent requests");
    assert_eq!(assign(GRACE, &none).await.0, 200);

    let part = |id: &str| {
        let headers = json!({ "Content-Type": "application/json" });
        json!({ "id": id, "method": "POST", "url": format!("/users/{GRACE}/assignLicense"), "headers": headers, "body": none })
    };
    let batch = json!({ "requests": [part("1"), part("2")] });
    let (_, body) = desk.send("POST", "$batch", Some(batch)).await;
    let statuses: Vec<_> = body["responses"].as_array().unwrap().iter().map(|part| &part["status"]).collect();
    assert_eq!(statuses, [409, 200], "the parts of a batch overlap too");
}
