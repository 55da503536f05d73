//! Directory roles, assignments to applications, consents.

use msgraph_emulator::{Application, Group, Options, Tenant, User};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, GRACE, refused};

const ROLES: &[&str] = &[
    "User.Read.All",
    "RoleManagement.ReadWrite.Directory",
    "AppRoleAssignment.ReadWrite.All",
    "DelegatedPermissionGrant.ReadWrite.All",
];

async fn desk() -> Desk {
    let grace =
        User::new(GRACE, "Grace Hopper").holding_role("Reader").assigned_to("Travel").consenting_to("Notes");
    let tenant = Tenant::empty()
        .application(Application::default().roles(ROLES))
        .user(grace)
        .group(Group::security("Engineers").assigned_to("Builds").member(GRACE));
    Desk::with(Options::new(tenant)).await
}

fn rows(listing: &Value) -> Vec<Value> {
    listing["value"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_right_is_listed_and_removed_once() {
    let desk = desk().await;
    let id = desk.user(GRACE);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let filtered = format!("roleManagement/directory/roleAssignments?$filter=principalId eq '{id}'");
    let role = rows(&desk.found(&filtered).await).remove(0);
    assert_eq!(role["principalId"], id.as_str());
    let apps = rows(&desk.found(&format!("users/{id}/appRoleAssignments")).await);
    assert_eq!(apps.iter().map(|app| text(&app["principalType"])).collect::<Vec<_>>(), ["User", "Group"]);
    let consent = rows(&desk.found(&format!("users/{id}/oauth2PermissionGrants")).await).remove(0);
    assert_eq!((&consent["consentType"], &consent["principalId"]), (&"Principal".into(), &id.clone().into()));

    let app = |app: &Value| {
        format!("servicePrincipals/{}/appRoleAssignedTo/{}", text(&app["resourceId"]), text(&app["id"]))
    };
    let paths = [
        format!("roleManagement/directory/roleAssignments/{}", text(&role["id"])),
        app(&apps[0]),
        app(&apps[1]),
        format!("oauth2PermissionGrants/{}", text(&consent["id"])),
    ];
    for path in &paths {
        assert_eq!(desk.send("DELETE", path, None).await.0, 204, "{path}");
        refused(&desk.send("DELETE", path, None).await, 404, "Request_ResourceNotFound", "");
    }
    let group = desk.group("Engineers");
    assert_eq!(
        desk.emulator.effects(),
        [
            format!("take role Reader from user {id}"),
            format!("take application Travel from user {id}"),
            format!("take application Builds from group {group}"),
            format!("withdraw consent of user {id} to application Notes"),
        ]
    );
    assert_eq!(rows(&desk.found(&filtered).await), [] as [Value; 0]);
}

#[tokio::test]
async fn roles_are_listed_of_one_principal_or_one_role_at_a_time() {
    let answer = desk().await.get("roleManagement/directory/roleAssignments").await;
    refused(&answer, 400, "Request_UnsupportedQuery", "");
}

/// Grace holds a role through a group and may activate another; a group within the group holds none.
#[tokio::test]
async fn a_role_is_seen_from_the_person_and_from_the_role_also_through_groups() {
    let grace = User::new(GRACE, "Grace Hopper").eligible_for("Privileged Role Administrator");
    let operators = Group::role_assignable("Operators").holding_role("Global Administrator");
    let permissions = ["User.Read.All", "RoleManagement.Read.Directory"];
    let tenant = Tenant::empty().application(Application::default().roles(&permissions)).user(grace);
    let desk = Desk::with(Options::new(tenant.group(operators.member(GRACE)))).await;
    let id = desk.user(GRACE);
    let above =
        desk.found(&format!("users/{GRACE}/transitiveMemberOf?$select=id,roleTemplateId&$top=999")).await;
    let templates: Vec<_> =
        rows(&above).iter().filter_map(|it| it["roleTemplateId"].as_str().map(str::to_owned)).collect();
    assert_eq!(templates, ["62e90394-69f5-4237-9190-012177145e10"]);
    let principals = async |relation: &str, role: &str| {
        let path = format!("roleManagement/directory/{relation}?$filter=roleDefinitionId eq '{role}'");
        rows(&desk.found(&path).await).iter().map(|row| row["principalId"].clone()).collect::<Vec<_>>()
    };
    let (global, privileged) =
        ("62e90394-69f5-4237-9190-012177145e10", "e8611ab8-c189-46e8-94e1-60213ab1f814");
    assert_eq!(principals("roleAssignments", global).await, [desk.group("Operators")]);
    assert_eq!(principals("roleEligibilitySchedules", privileged).await, [id]);
    assert!(principals("roleEligibilitySchedules", global).await.is_empty());
}

#[tokio::test]
async fn each_right_asks_for_its_permission() {
    let desk = Desk::allowed(&["User.ReadWrite.All"]).await;
    let id = desk.user(GRACE);
    let operations = [
        ("GET", "roleManagement/directory/roleAssignments".to_owned()),
        ("DELETE", "roleManagement/directory/roleAssignments/1".to_owned()),
        ("GET", "roleManagement/directory/roleEligibilitySchedules".to_owned()),
        ("GET", format!("users/{id}/appRoleAssignments")),
        ("POST", format!("servicePrincipals/{id}/appRoleAssignedTo")),
        ("DELETE", format!("servicePrincipals/{id}/appRoleAssignedTo/1")),
        ("GET", format!("users/{id}/oauth2PermissionGrants")),
        ("DELETE", "oauth2PermissionGrants/1".to_owned()),
    ];
    for (method, path) in operations {
        let answer = desk.send(method, &path, None).await;
        refused(&answer, 403, "Authorization_RequestDenied", "Insufficient privileges");
    }
}

#[tokio::test]
async fn a_person_is_assigned_once_and_only_in_a_role_that_the_application_has_for_people() {
    let grace = User::new(GRACE, "Grace Hopper").assigned_to("Travel/Approver").assigned_to("Payroll");
    let permissions = ["User.Read.All", "AppRoleAssignment.ReadWrite.All", "Application.Read.All"];
    let tenant = |permissions: &[&str]| {
        let application = Application::default().roles(permissions);
        let ada = User::new(ADA, "Ada Lovelace");
        Options::new(Tenant::empty().application(application).user(grace.clone()).user(ada))
    };
    let desk = Desk::with(tenant(&permissions)).await;
    let ada = desk.user(ADA);
    let assign = async |desk: &Desk, application: &str, role: &str| {
        let (resource, role) = Tenant::application_ids(application, role);
        let body = json!({ "principalId": ada, "resourceId": resource, "appRoleId": role });
        desk.send("POST", &format!("servicePrincipals/{resource}/appRoleAssignedTo"), Some(body)).await
    };
    let (status, made) = assign(&desk, "Travel", "Approver").await;
    assert_eq!(
        (status, &made["principalId"], &made["resourceDisplayName"]),
        (201, &json!(ada), &json!("Travel"))
    );
    assert_eq!(assign(&desk, "Payroll", "").await.0, 201);
    let twice = assign(&desk, "Payroll", "").await;
    refused(&twice, 400, "Request_BadRequest", "already exists on the object");
    for (application, role) in [("Travel", ""), ("Travel", "Owner"), ("Payroll", "Approver")] {
        let answer = assign(&desk, application, role).await;
        refused(&answer, 400, "Request_BadRequest", "was not found on application");
    }
    refused(&assign(&desk, "Nowhere", "").await, 404, "Request_ResourceNotFound", "");
    let (travel, approver) = Tenant::application_ids("Travel", "Approver");
    let shown = desk.found(&format!("servicePrincipals/{travel}?$select=id,appRoles")).await;
    assert_eq!(shown["appRoles"][0]["id"], json!(approver));
    assert_eq!(shown["appRoles"][0]["allowedMemberTypes"], json!(["User"]));
    let own = rows(&desk.found(&format!("users/{ada}/appRoleAssignments")).await);
    assert_eq!(own.len(), 2);
    // To assign, an application has to see applications as well.
    let desk = Desk::with(tenant(&permissions[..2])).await;
    refused(
        &assign(&desk, "Payroll", "").await,
        403,
        "Authorization_RequestDenied",
        "Insufficient privileges",
    );
}
