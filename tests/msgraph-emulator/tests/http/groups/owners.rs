//! Owners of a group: added, removed, and never the last one.

use msgraph_emulator::{Application, Group, Options, User};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, GRACE, refused, tenant};

async fn desk() -> Desk {
    Desk::as_application(Application::default().role("Group.ReadWrite.All")).await
}

async fn own(desk: &Desk, group: &str, user: &str) -> (u16, Value) {
    let path = format!("groups/{}/owners/$ref", desk.group(group));
    let id = format!("https://graph.microsoft.com/v1.0/users/{user}");
    desk.send("POST", &path, Some(json!({ "@odata.id": id }))).await
}

async fn disown(desk: &Desk, group: &str, user: &str) -> (u16, Value) {
    desk.send("DELETE", &format!("groups/{}/owners/{user}/$ref", desk.group(group)), None).await
}

#[tokio::test]
async fn the_last_owner_stays_until_there_is_another() {
    let desk = desk().await;
    let (ada, grace, group) = (desk.user(ADA), desk.user(GRACE), desk.group("Engineers"));
    let last = disown(&desk, "Engineers", &grace).await;
    refused(&last, 400, "Request_BadRequest", "must have at least one owner");
    assert_eq!(own(&desk, "Engineers", &ada).await.0, 204);
    let again = own(&desk, "Engineers", &ada).await;
    refused(&again, 400, "Request_BadRequest", "modified properties: 'owners'");
    assert_eq!(disown(&desk, "Engineers", &grace).await.0, 204);
    refused(&disown(&desk, "Engineers", &grace).await, 404, "Request_ResourceNotFound", &grace);
    let expected = [
        format!("make user {ada} an owner of group {group}"),
        format!("user {grace} no longer owns group {group}"),
    ];
    assert_eq!(desk.emulator.effects(), expected);
    let owned = desk.found("users/grace@contoso.example/ownedObjects?$select=id").await;
    assert_eq!(owned["value"], json!([]));
    let owned = desk.found("users/ada@contoso.example/ownedObjects?$select=id,displayName").await;
    let group = json!({ "@odata.type": "#microsoft.graph.group", "id": group, "displayName": "Engineers" });
    assert_eq!(owned["value"], json!([group]));
}

#[tokio::test]
async fn applications_are_owned_and_named_to_whom_may_read_them() {
    let all = || Application::default().role("User.Read.All");
    let blind = || all().without_role("Directory.Read.All");
    for (application, name) in [(all(), json!("Payroll sync")), (blind(), Value::Null)] {
        let owner = User::new("owner@contoso.example", "Edsger Dijkstra").owning_application("Payroll sync");
        let desk = Desk::with(Options::new(tenant().user(owner).application(application))).await;
        let owned = desk.found("users/owner@contoso.example/ownedObjects?$select=id,displayName").await;
        let entry = &owned["value"][0];
        assert_eq!(entry["@odata.type"], "#microsoft.graph.application");
        assert_eq!((&entry["displayName"], entry["id"].is_string()), (&name, true), "{owned}");
        let groups =
            desk.found("users/owner@contoso.example/ownedObjects/microsoft.graph.group?$select=id").await;
        assert_eq!(groups["value"], json!([]));
    }
}

#[tokio::test]
async fn a_group_has_a_hundred_owners_at_most() {
    let names: Vec<_> = (0..100).map(|number| format!("owner{number}@contoso.example")).collect();
    let crowded = names.iter().fold(tenant(), |tenant, name| tenant.user(User::new(name, "Edsger Dijkstra")));
    let group = names.iter().fold(Group::security("Crowded"), |group, name| group.owner(name));
    let application = Application::default().role("Group.ReadWrite.All");
    let desk = Desk::with(Options::new(crowded.group(group).application(application))).await;
    let answer = own(&desk, "Crowded", &desk.user(ADA)).await;
    refused(&answer, 403, "Directory_QuotaExceeded", "'101' would exceed the maximum quota count '100'");
}

#[tokio::test]
async fn a_rule_decides_about_members_and_not_about_owners() {
    let desk = desk().await;
    let ada = desk.user(ADA);
    assert_eq!(own(&desk, "Everybody", &ada).await.0, 204);
    let kinds = [
        ("Building 7", 400, "Request_BadRequest"),
        ("Newsletter", 400, "Request_BadRequest"),
        ("Operators", 403, "Authorization_RequestDenied"),
    ];
    for (group, status, code) in kinds {
        refused(&own(&desk, group, &ada).await, status, code, "");
    }
    let desk = Desk::open().await;
    refused(&own(&desk, "Engineers", &ada).await, 403, "Authorization_RequestDenied", "Insufficient");
}
