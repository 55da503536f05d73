//! The requests of a connection test: grants and roles of the application, organization, report settings.

use msgraph_emulator::{Application, CLIENT_ID, Options};
use serde_json::{Value, json};

use crate::harness::{Desk, refused, tenant};

const GRAPH: &str = "servicePrincipals(appId='00000003-0000-0000-c000-000000000000')";

fn own() -> String {
    format!("servicePrincipals(appId='{CLIENT_ID}')")
}

#[tokio::test]
async fn grants_are_named_through_graph_s_own_app_roles() {
    let roles = ["Application.Read.All", "User.Read.All", "Bookings.Read.All"];
    let desk = Desk::allowed(&roles).await;
    let graph = desk.found(&format!("{GRAPH}?$select=id,appRoles")).await;
    let assignments = desk.found(&format!("{}/appRoleAssignments", own())).await;
    let app_roles = graph["appRoles"].as_array().unwrap();
    let name = |assignment: &Value| {
        assert_eq!(assignment["resourceId"], graph["id"]);
        let role = app_roles.iter().find(|role| role["id"] == assignment["appRoleId"]);
        role.unwrap()["value"].as_str().unwrap().to_owned()
    };
    let mut granted: Vec<_> = assignments["value"].as_array().unwrap().iter().map(name).collect();
    granted.sort();
    assert_eq!(granted, ["Application.Read.All", "Bookings.Read.All", "User.Read.All"]);
    assert!(app_roles.iter().any(|role| role["value"] == "LicenseAssignment.ReadWrite.All"));

    let found = desk.found(&format!("servicePrincipals?$filter=appId eq '{CLIENT_ID}'&$select=id")).await;
    let id = found["value"][0]["id"].as_str().unwrap();
    assert_eq!(desk.found(&format!("servicePrincipals/{id}")).await["appId"], CLIENT_ID);
    let missing = desk.get("servicePrincipals(appId='99999999-9999-4999-8999-999999999999')").await;
    refused(&missing, 404, "Request_ResourceNotFound", "99999999");
    let desk = Desk::allowed(&["User.Read.All"]).await;
    refused(&desk.get(&own()).await, 403, "Authorization_RequestDenied", "Insufficient");
}

#[tokio::test]
async fn the_role_that_administrators_need_is_seen_where_it_is_held() {
    let path = format!("{}/memberOf/microsoft.graph.directoryRole?$select=displayName,roleTemplateId", own());
    let desk = Desk::open().await;
    assert_eq!(desk.found(&path).await["value"], json!([]));
    let desk = Desk::as_application(Application::default().privileged()).await;
    let role = json!({
        "displayName": "Privileged Authentication Administrator",
        "roleTemplateId": "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
    });
    assert_eq!(desk.found(&path).await["value"], json!([role]));
    let mixed = desk.found(&format!("{}/memberOf", own())).await;
    assert_eq!(mixed["value"][0]["@odata.type"], "#microsoft.graph.directoryRole");
}

#[tokio::test]
async fn report_settings_are_read_and_changed() {
    let application = Application::default().roles(&["ReportSettings.ReadWrite.All"]);
    let desk = Desk::with(Options::new(tenant().application(application).concealing_names())).await;
    let path = "admin/reportSettings";
    assert_eq!(desk.found(path).await["displayConcealedNames"], true);
    for _ in 0..2 {
        let body = json!({ "displayConcealedNames": false });
        assert_eq!(desk.send("PATCH", path, Some(body)).await.0, 204);
    }
    assert_eq!(desk.found(path).await["displayConcealedNames"], false);
    assert_eq!(desk.emulator.effects(), ["set displayConcealedNames to false"]);
    let odd = desk.send("PATCH", path, Some(json!({ "colour": "red" }))).await;
    refused(&odd, 400, "Request_BadRequest", "'colour'");
    let odd = desk.send("PATCH", path, Some(json!({ "displayConcealedNames": "no" }))).await;
    refused(&odd, 400, "BadRequest", "true or false");
    let desk = Desk::allowed(&["ReportSettings.Read.All"]).await;
    assert_eq!(desk.get(path).await.0, 200);
    let body = json!({ "displayConcealedNames": false });
    refused(&desk.send("PATCH", path, Some(body)).await, 403, "S2SUnauthorized", "Invalid permission.");
}
