//! A tenant of a million users, computed page by page.

use std::collections::BTreeSet;

use msgraph_emulator::{Options, TENANT_ID};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, read, refused, sign_in_at, tenant};
use crate::program::start;

const MILLION: u64 = 1_000_000;
const LAST: &str = "person-1000000@contoso.example";

async fn desk() -> Desk {
    Desk::with(Options::new(tenant().crowd(7, MILLION))).await
}

fn held(desk: &Desk) -> usize {
    desk.emulator.state()["users"].as_object().unwrap().len()
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let desk = desk().await;
    let mut seen = BTreeSet::new();
    let mut path = "users?$select=id,userPrincipalName&$top=999".to_owned();
    for _ in 0..10 {
        let page = desk.found(&path).await;
        let users = page["value"].as_array().unwrap();
        assert_eq!(users.len(), 999);
        seen.extend(users.iter().map(|user| user["userPrincipalName"].as_str().unwrap().to_owned()));
        path = page["@odata.nextLink"].as_str().unwrap().split("/v1.0/").nth(1).unwrap().to_owned();
    }
    assert_eq!(seen.len(), 9_990);
    let crowd: Vec<_> = seen.iter().filter(|upn| upn.starts_with("person-")).collect();
    assert_eq!(*crowd[0], "person-0000001@contoso.example");
    let last = format!("person-{:07}@contoso.example", crowd.len());
    assert_eq!(crowd.last().unwrap().as_str(), last, "none left out");
    let count = desk.request("GET", "users/$count").header("ConsistencyLevel", "eventual");
    assert_eq!(count.send().await.unwrap().text().await.unwrap(), (MILLION + 4).to_string());
    assert_eq!(held(&desk), 4);
}

#[tokio::test]
async fn a_user_of_the_crowd_is_held_from_the_first_change_on() {
    let desk = desk().await;
    let user = desk.found(&format!("users/{LAST}")).await;
    let id = user["id"].as_str().unwrap();
    let by_id = desk.found(&format!("users/{id}")).await;
    assert_eq!(by_id["userPrincipalName"], LAST);
    for filter in ["employeeId eq 'P1000000'", &format!("mail eq '{LAST}'"), &format!("id eq '{id}'")] {
        let page = desk.found(&format!("users?$select=id&$filter={filter}")).await;
        assert_eq!(page["value"], json!([{ "id": id }]), "{filter}");
    }
    refused(
        &desk.get("users/person-1000001@contoso.example").await,
        404,
        "Request_ResourceNotFound",
        "1000001",
    );
    let nothing = desk.send("PATCH", &format!("users/{id}"), Some(json!({ "accountEnabled": true }))).await;
    assert_eq!((nothing.0, held(&desk)), (204, 4), "a write that changes nothing");

    let disable = Some(json!({ "accountEnabled": false }));
    assert_eq!(desk.send("PATCH", &format!("users/{LAST}"), disable).await.0, 204);
    assert_eq!(held(&desk), 5);
    let path = format!("users/{id}?$select=accountEnabled");
    assert_eq!(desk.found(&path).await["accountEnabled"], false);
    assert_eq!(desk.add("Engineers", id).await.0, 204);
    assert_eq!(desk.found(&format!("users/{id}/memberOf")).await["value"].as_array().unwrap().len(), 1);

    let second = desk.found("users/person-0000002@contoso.example").await["id"].clone();
    let manager = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/users/{}", second.as_str().unwrap()) });
    assert_eq!(desk.send("PUT", &format!("users/{ADA}/manager/$ref"), Some(manager)).await.0, 204);
    assert_eq!(desk.found(&format!("users/{ADA}/manager")).await["id"], second);

    assert_eq!(desk.send("DELETE", &format!("users/{id}"), None).await.0, 204);
    refused(&desk.get(&format!("users/{id}")).await, 404, "Request_ResourceNotFound", id);
    assert_eq!(held(&desk), 5);
    desk.emulator.reset();
    assert_eq!((desk.get(&path).await.1["accountEnabled"].clone(), held(&desk)), (json!(true), 4));
}

#[tokio::test]
async fn a_name_of_the_crowd_is_taken() {
    let desk = desk().await;
    let hire = json!({
        "accountEnabled": true, "displayName": "Ada King", "mailNickname": "ada.king", "userPrincipalName": LAST,
        "passwordProfile": { "password": "correct-Horse-battery" },
    });
    let answer = desk.send("POST", "users", Some(hire)).await;
    refused(&answer, 400, "Request_BadRequest", "property userPrincipalName already exists");
    assert_eq!(held(&desk), 4);
}

/// What a process occupies, in mebibytes.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::test]
async fn a_million_users_need_no_memory() {
    let (program, url) = start(&["--crowd", "1000000"]);
    let http = crate::harness::client();
    let token = sign_in_at(&http, &format!("{url}/{TENANT_ID}/oauth2/v2.0/token")).await;
    let mut address = format!("{url}/v1.0/users?$select=id&$top=999");
    for _ in 0..40 {
        let answer = http.get(&address).bearer_auth(&token).send().await.unwrap();
        let (status, page) = read(answer).await;
        assert_eq!(status, 200);
        let link: &Value = &page["@odata.nextLink"];
        address = link.as_str().unwrap().to_owned();
    }
    // Held ones would be more than four gigabytes: a hundred thousand are 460 MiB.
    let resident = resident(program.0.id());
    assert!(resident < 64, "{resident} MiB");
}
