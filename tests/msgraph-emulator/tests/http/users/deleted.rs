//! Deleted users, and restoring them.

use msgraph_emulator::{Application, Options, User};
use serde_json::json;

use crate::harness::{ADA, Desk, GRACE, refused, tenant};

const NOWHERE: &str = "99999999-9999-4999-8999-999999999999";

#[tokio::test]
async fn a_restored_user_has_name_licences_and_memberships_back() {
    let desk = Desk::open().await;
    let id = desk.user(GRACE);
    let before = desk.emulator.state()["users"][&id].clone();
    let seats = desk.emulator.state()["skus"].clone();
    assert_eq!(desk.send("DELETE", &format!("users/{id}"), None).await.0, 204);
    assert_ne!(desk.emulator.state()["skus"], seats);
    let item = format!("directory/deletedItems/{id}");
    assert_eq!(desk.found(&format!("{item}?$select=id")).await["@odata.type"], "#microsoft.graph.user");

    let (status, restored) = desk.send("POST", &format!("{item}/restore"), None).await;
    assert_eq!((status, &restored["userPrincipalName"]), (200, &json!(GRACE)));
    assert_eq!(desk.emulator.state()["users"][&id], before);
    assert_eq!(desk.emulator.state()["skus"], seats);
    let effects = [format!("delete user {id}"), format!("restore user {id}")];
    assert_eq!(desk.emulator.effects(), effects);
    let again = desk.send("POST", &format!("{item}/restore"), None).await;
    refused(&again, 404, "Request_ResourceNotFound", &id);
    refused(&desk.get(&item).await, 404, "Request_ResourceNotFound", &id);
}

#[tokio::test]
async fn a_restore_asks_for_its_permission_and_for_a_role_where_an_administrator_comes_back() {
    let desk = Desk::allowed(&["Mail.Send"]).await;
    for (method, path) in [("GET", ""), ("POST", "/restore")] {
        let answer = desk.send(method, &format!("directory/deletedItems/{NOWHERE}{path}"), None).await;
        refused(&answer, 403, "Authorization_RequestDenied", "");
    }
    let admin = User::new("root@contoso.example", "Grace Hopper").holding_role("User Administrator");
    for (privileged, expected) in [(false, 403), (true, 200)] {
        let application = Application::default().roles(&["User.DeleteRestore.All"]);
        let application = if privileged { application.privileged() } else { application };
        let tenant = tenant().application(application).user(admin.clone());
        let desk = Desk::with(Options::new(tenant)).await;
        let id = desk.user("root@contoso.example");
        assert!(desk.emulator.with_tenant(|tenant| tenant.soft_delete(id.parse().unwrap())));
        let path = format!("directory/deletedItems/{id}/restore");
        assert_eq!(desk.send("POST", &path, None).await.0, expected);
    }
}

#[tokio::test]
async fn a_user_comes_back_under_a_new_name_and_without_an_address_that_is_taken() {
    let desk = Desk::open().await;
    let id = desk.user(ADA);
    let mail = desk.found(&format!("users/{id}?$select=mail")).await["mail"].clone();
    assert_eq!(desk.send("DELETE", &format!("users/{id}"), None).await.0, 204);
    let path = format!("directory/deletedItems/{id}/restore");
    let answer = desk.send("POST", &path, Some(json!({ "newName": ADA }))).await;
    refused(&answer, 400, "Request_BadRequest", "'newName'");
    let answer = desk.send("POST", &path, Some(json!({ "newUserPrincipalName": GRACE }))).await;
    refused(&answer, 400, "Request_BadRequest", "userPrincipalName");
    assert_eq!(desk.send("PATCH", &format!("users/{GRACE}"), Some(json!({ "mail": mail }))).await.0, 204);
    let renamed = json!({ "newUserPrincipalName": "ada.king@contoso.example" });
    refused(
        &desk.send("POST", &path, Some(renamed.clone())).await,
        400,
        "Request_BadRequest",
        "proxyAddresses",
    );
    let mut terms = renamed;
    terms["autoReconcileProxyConflict"] = json!(true);
    let (status, restored) = desk.send("POST", &path, Some(terms)).await;
    assert_eq!((status, &restored["userPrincipalName"]), (200, &json!("ada.king@contoso.example")));
    assert_eq!(restored["mail"], json!(null), "{restored}");
}
