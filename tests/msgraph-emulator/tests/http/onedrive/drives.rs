//! OneDrives: one exists once the user has opened it, and an invitation counts once.

use msgraph_emulator::{Drive, Options, Tenant, User};
use serde_json::json;

use crate::harness::{ADA, Desk, EDSGER, GRACE, refused};

fn tenant() -> Tenant {
    Tenant::empty()
        .user(User::new(GRACE, "Grace Hopper").drive(Drive::new()))
        .user(User::new(EDSGER, "Edsger Dijkstra").drive(Drive::new().locked()))
        .user(User::new(ADA, "Ada Lovelace"))
}

#[tokio::test]
async fn a_drive_that_was_never_opened_does_not_exist() {
    let desk = Desk::with(Options::new(tenant())).await;
    assert_eq!(desk.found(&format!("users/{GRACE}/drive?$select=driveType")).await["driveType"], "business");
    let none = desk.get(&format!("users/{ADA}/drive")).await;
    refused(&none, 404, "ResourceNotFound", "mysite not found");
}

#[tokio::test]
async fn an_invitation_counts_once_and_the_last_role_holds() {
    let desk = Desk::with(Options::new(tenant())).await;
    let invite = |role: &str| {
        json!({
            "recipients": [{ "objectId": desk.user(ADA) }], "roles": [role], "requireSignIn": true,
            "sendInvitation": false,
        })
    };
    let path = format!("users/{GRACE}/drive/root/invite");
    for role in ["read", "read", "write"] {
        assert_eq!(desk.send("POST", &path, Some(invite(role))).await.0, 200, "{role}");
    }
    assert_eq!(desk.emulator.effects().len(), 2);
    let permissions = desk.found(&format!("users/{GRACE}/drive/root/permissions")).await["value"].clone();
    let roles: Vec<_> = permissions.as_array().unwrap().iter().map(|one| one["roles"][0].clone()).collect();
    assert_eq!(roles, ["owner", "write"]);
    assert_eq!(permissions[1]["grantedToV2"]["user"]["displayName"], "Ada Lovelace");

    let locked = desk.send("POST", &format!("users/{EDSGER}/drive/root/invite"), Some(invite("read"))).await;
    refused(&locked, 423, "resourceLocked", "locked");
    let nobody = json!({ "recipients": [{ "objectId": "nobody" }], "roles": ["read"] });
    refused(&desk.send("POST", &path, Some(nobody)).await, 400, "invalidRequest", "could not be resolved");
}
