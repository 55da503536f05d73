//! Changes of users: delta rounds, their tokens, and expired tokens.

use msgraph_emulator::{Options, Tenant};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, EDSGER, refused, tenant};

/// Reads a round to its end: the entries and the next round's link below `/v1.0/`.
async fn round(desk: &Desk, path: &str) -> (Vec<Value>, String) {
    let (mut entries, mut path) = (Vec::new(), path.to_owned());
    loop {
        let page = desk.found(&path).await;
        entries.extend(page["value"].as_array().unwrap().iter().cloned());
        let link = page["@odata.nextLink"].as_str().or(page["@odata.deltaLink"].as_str()).unwrap();
        path = link.split_once("/v1.0/").unwrap().1.to_owned();
        if page.get("@odata.deltaLink").is_some() {
            return (entries, path);
        }
    }
}

#[tokio::test]
async fn a_round_lists_the_users_changed_since_the_last() {
    let desk = Desk::with(Options::new(tenant()).page_limit(3)).await;
    let (all, link) = round(&desk, "users/delta?$select=displayName,accountEnabled").await;
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|user| user.as_object().unwrap().len() == 3), "{all:?}");
    let (none, link) = round(&desk, &link).await;
    assert_eq!(none, [] as [Value; 0]);

    let ada = desk.user(ADA);
    for enabled in [false, true, false] {
        desk.send("PATCH", &format!("users/{ada}"), Some(json!({ "accountEnabled": enabled }))).await;
    }
    let (changed, link) = round(&desk, &link).await;
    assert_eq!(changed, [json!({ "id": ada, "displayName": "Ada Lovelace", "accountEnabled": false })]);

    desk.send("DELETE", &format!("users/{ada}"), None).await;
    let (gone, link) = round(&desk, &link).await;
    assert_eq!(gone, [json!({ "id": ada, "@removed": { "reason": "changed" } })]);
    assert_eq!(round(&desk, &link).await.0, [] as [Value; 0]);
}

#[tokio::test]
async fn a_crowd_is_listed_page_by_page_and_reading_changes_no_user() {
    let desk = Desk::with(Options::new(Tenant::empty().crowd(7, 250))).await;
    let (all, link) = round(&desk, "users/delta").await;
    assert_eq!(all.len(), 250);
    let id = all[200]["id"].as_str().unwrap();
    desk.found(&format!("users/{id}")).await;
    let (none, link) = round(&desk, &link).await;
    assert_eq!(none, [] as [Value; 0]);
    desk.send("PATCH", &format!("users/{id}"), Some(json!({ "department": "Research" }))).await;
    let (changed, _) = round(&desk, &link).await;
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0]["id"], id);
    let (since_now, _) = round(&desk, "users/delta?$deltatoken=latest").await;
    assert_eq!(since_now, [] as [Value; 0]);
}

#[tokio::test]
async fn a_token_that_is_too_old_is_gone() {
    let desk = Desk::open().await;
    let (_, link) = round(&desk, "users/delta").await;
    let control = format!("{}/_emulator/delta", desk.emulator.url());
    assert_eq!(desk.http.delete(control).send().await.unwrap().status(), 204);
    refused(&desk.get(&link).await, 410, "syncStateNotFound", "must be synchronized again");
    let answer = desk.request("GET", &link).send().await.unwrap();
    assert!(answer.headers()["location"].to_str().unwrap().ends_with("/users/delta?$deltatoken="));

    // A reset takes the changes away that a token counts.
    let (_, link) = round(&desk, "users/delta").await;
    desk.send("PATCH", &format!("users/{}", desk.user(ADA)), Some(json!({ "department": "Research" }))).await;
    let (_, link) = round(&desk, &link).await;
    desk.emulator.reset();
    refused(&desk.get(&link).await, 410, "syncStateNotFound", "expired");
}

#[tokio::test]
async fn unknown_options_and_tokens_of_a_delta_are_refused() {
    let desk = Desk::open().await;
    let user = desk.user(EDSGER);
    for option in ["$top=5".to_owned(), "$expand=manager".to_owned(), format!("$filter=id eq '{user}'")] {
        refused(&desk.get(&format!("users/delta?{option}")).await, 400, "BadRequest", "is not supported");
    }
    refused(&desk.get("users/delta?$deltatoken=x").await, 400, "BadRequest", "Badly formed token");
    refused(&desk.get("users/delta?$select=shoeSize").await, 400, "BadRequest", "shoeSize");
    let basic = Desk::allowed(&["User.ReadBasic.All"]).await;
    refused(&basic.get("users/delta").await, 403, "Authorization_RequestDenied", "");
}
