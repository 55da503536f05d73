//! Groups that are made and changed, and members that come with a body.

use msgraph_emulator::Application;
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, EDSGER, GRACE, refused};

/// The tenant of the tests for an application that may change groups.
async fn desk() -> Desk {
    Desk::as_application(Application::default().role("Group.ReadWrite.All")).await
}

fn address(id: &str) -> String {
    format!("https://graph.microsoft.com/v1.0/directoryObjects/{id}")
}

fn analysts() -> Value {
    json!({
        "@odata.type": "#microsoft.graph.group", "displayName": "Analysts", "mailEnabled": false,
        "mailNickname": "analysts", "securityEnabled": true,
    })
}

#[tokio::test]
async fn a_new_group_begins_with_members_and_owners() {
    let desk = desk().await;
    let mut body = analysts();
    body["members@odata.bind"] = json!([address(&desk.user(ADA)), address(&desk.group("Project"))]);
    body["owners@odata.bind"] = json!([address(&desk.user(GRACE))]);
    let (status, made) = desk.send("POST", "groups", Some(body)).await;
    assert_eq!((status, &made["displayName"]), (201, &json!("Analysts")));
    let group = format!("groups/{}", made["id"].as_str().unwrap());
    assert_eq!(desk.found(&format!("{group}/members")).await["value"].as_array().unwrap().len(), 2);
    assert_eq!(desk.found(&format!("{group}/owners")).await["value"][0]["id"], desk.user(GRACE));
    assert_eq!(desk.emulator.effects().len(), 3);

    let change = json!({ "displayName": "Readers", "description": null });
    assert_eq!(desk.send("PATCH", &group, Some(change)).await.0, 204);
    let found = desk.found("groups?$filter=displayName eq 'Readers'").await;
    assert_eq!(found["value"][0]["id"], made["id"]);
    assert_eq!(desk.found("groups?$filter=displayName eq 'Analysts'").await["value"], json!([]));
}

#[tokio::test]
async fn members_are_bound_all_or_none() {
    let desk = desk().await;
    let group = format!("groups/{}", desk.group("Engineers"));
    let bind = |users: &[String]| {
        let addresses: Vec<String> = users.iter().map(|user| address(user)).collect();
        Some(json!({ "members@odata.bind": addresses }))
    };
    let nobody = "99999999-9999-4999-8999-999999999999".to_owned();
    let unknown = desk.send("PATCH", &group, bind(&[desk.user(ADA), nobody])).await;
    refused(&unknown, 404, "Request_ResourceNotFound", "99999999");
    let again = desk.send("PATCH", &group, bind(&[desk.user(ADA), desk.user(GRACE)])).await;
    refused(
        &again,
        400,
        "Request_BadRequest",
        "already exist for the following modified properties: 'members'",
    );
    let many = desk.send("PATCH", &group, bind(&vec![desk.user(ADA); 21])).await;
    refused(&many, 400, "Request_BadRequest", "20");
    assert!(desk.emulator.effects().is_empty());
    assert_eq!(desk.send("PATCH", &group, bind(&[desk.user(ADA), desk.user(EDSGER)])).await.0, 204);
    assert_eq!(desk.emulator.effects().len(), 2);
    let dynamic = format!("groups/{}", desk.group("Everybody"));
    let answer = desk.send("PATCH", &dynamic, bind(&[desk.user(ADA)])).await;
    refused(&answer, 403, "Authorization_RequestDenied", "Insufficient");
}

#[tokio::test]
async fn what_cannot_be_made_or_changed_is_refused() {
    let desk = desk().await;
    let with = |name: &str, value: Value| {
        let mut body = analysts();
        body[name] = value;
        Some(body)
    };
    for (body, words) in [
        (
            with("displayName", Value::Null),
            "A value is required for property 'displayName' of resource 'Group'",
        ),
        (with("mailEnabled", json!(true)), "does not currently support writes of mail-enabled groups"),
        (with("groupTypes", json!(["DynamicMembership"])), "groupTypes"),
        (with("createdDateTime", json!("2026-01-01")), "read-only"),
        (with("members@odata.bind", json!(["nowhere"])), "members@odata.bind"),
    ] {
        refused(&desk.send("POST", "groups", body).await, 400, "Request_BadRequest", words);
    }
    let odd = desk.send("POST", "groups", with("@odata.type", json!("#fabrikam.group"))).await;
    refused(&odd, 400, "BadRequest", "could not be resolved by the model");
    let synced = format!("groups/{}", desk.group("Building 7"));
    let answer = desk.send("PATCH", &synced, Some(json!({ "displayName": "x" }))).await;
    refused(&answer, 400, "Request_BadRequest", "external service");
    let narrow = Desk::allowed(&["GroupMember.ReadWrite.All"]).await;
    let denied = narrow.send("POST", "groups", Some(analysts())).await;
    refused(&denied, 403, "Authorization_RequestDenied", "Insufficient");
}
