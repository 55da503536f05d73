//! Memberships: additions and removals, and Graph's refusals.

use msgraph_emulator::{Application, Group, Options};
use serde_json::json;

use crate::harness::{ADA, Desk, GRACE, refused, tenant};

const NOWHERE: &str = "99999999-9999-4999-8999-999999999999";

#[tokio::test]
async fn a_member_is_added_once_and_removed_once() {
    let desk = Desk::open().await;
    let (ada, group) = (desk.user(ADA), desk.group("Engineers"));
    assert_eq!(desk.add("Engineers", &ada).await.0, 204);
    let again = desk.add("Engineers", &ada).await;
    refused(&again, 400, "Request_BadRequest", "added object references already exist");
    assert_eq!(desk.remove("Engineers", &ada).await.0, 204);
    let again = desk.remove("Engineers", &ada).await;
    refused(&again, 404, "Request_ResourceNotFound", &ada);
    assert_eq!(
        desk.emulator.effects(),
        [format!("add user {ada} to group {group}"), format!("remove user {ada} from group {group}"),]
    );
}

#[tokio::test]
async fn a_missing_object_is_named() {
    let desk = Desk::open().await;
    let answer = desk.add("Engineers", NOWHERE).await;
    refused(&answer, 404, "Request_ResourceNotFound", NOWHERE);
    let id = format!("https://graph.microsoft.com/v1.0/users/{}", desk.user(ADA));
    let path = format!("groups/{NOWHERE}/members/$ref");
    let answer = desk.send("POST", &path, Some(json!({ "@odata.id": id }))).await;
    refused(&answer, 404, "Request_ResourceNotFound", NOWHERE);
    let path = format!("groups/{}/members/$ref", desk.group("Engineers"));
    let answer = desk.send("POST", &path, Some(json!({ "id": NOWHERE }))).await;
    refused(&answer, 400, "BadRequest", "'id'");
}

#[tokio::test]
async fn groups_managed_elsewhere_refuse_both_ways() {
    let desk = Desk::open().await;
    let (ada, grace) = (desk.user(ADA), desk.user(GRACE));
    let kinds = [
        ("Everybody", 403, "Authorization_RequestDenied", "Insufficient privileges"),
        ("Building 7", 400, "Request_BadRequest", "originated within an external service"),
        ("Newsletter", 400, "Request_BadRequest", "Cannot Update a mail-enabled"),
        ("Shift Leads", 400, "Request_BadRequest", "Cannot Update a mail-enabled"),
        ("Operators", 403, "Authorization_RequestDenied", "Insufficient privileges"),
    ];
    for (group, status, code, fragment) in kinds {
        refused(&desk.add(group, &ada).await, status, code, fragment);
        refused(&desk.remove(group, &grace).await, status, code, fragment);
    }
    assert!(desk.emulator.effects().is_empty());
    assert_eq!(desk.add("Project", &ada).await.0, 204, "Microsoft 365 groups are Graph's");
}

#[tokio::test]
async fn role_assignable_groups_need_one_more_permission() {
    let role = "RoleManagement.ReadWrite.Directory";
    let desk = Desk::as_application(Application::default().role(role)).await;
    let ada = desk.user(ADA);
    assert_eq!(desk.add("Operators", &ada).await.0, 204);
    assert_eq!(desk.remove("Operators", &ada).await.0, 204);
}

#[tokio::test]
async fn members_and_owners_are_listed_with_their_types() {
    let desk =
        Desk::with(Options::new(tenant().group(Group::security("Everyone").member(ADA).member("Engineers"))))
            .await;
    let path = format!("groups/{}/members", desk.group("Everyone"));
    let mut found: Vec<_> = desk.found(&format!("{path}?$select=id")).await["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| (object["@odata.type"].to_string(), object["id"].to_string()))
        .collect();
    found.sort();
    let quoted = |text: String| format!("\"{text}\"");
    assert_eq!(
        found,
        [
            (quoted("#microsoft.graph.group".into()), quoted(desk.group("Engineers"))),
            (quoted("#microsoft.graph.user".into()), quoted(desk.user(ADA))),
        ]
    );
    let users = desk.found(&format!("{path}/microsoft.graph.user?$select=id")).await;
    assert_eq!(users["value"], json!([{ "id": desk.user(ADA) }]));
    let owners = desk.found(&format!("groups/{}/owners", desk.group("Engineers"))).await;
    assert_eq!(owners["value"][0]["id"], desk.user(GRACE).as_str());
    assert_eq!(owners["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn members_are_paged() {
    let desk =
        Desk::with(Options::new(tenant().group(Group::security("Pair").member(ADA).member(GRACE)))).await;
    let path = format!("groups/{}/members?$top=1", desk.group("Pair"));
    let page = desk.found(&path).await;
    let link = page["@odata.nextLink"].as_str().unwrap();
    let last = desk.found(link.split("/v1.0/").nth(1).unwrap()).await;
    assert!(last.get("@odata.nextLink").is_none());
    assert_ne!(page["value"][0]["id"], last["value"][0]["id"]);
}

#[tokio::test]
async fn member_of_mixes_groups_and_roles_and_the_cast_sorts_them() {
    let desk = Desk::open().await;
    let all = desk.found("users/grace@contoso.example/memberOf?$select=id,displayName").await;
    let groups = all["value"].as_array().unwrap();
    assert_eq!(groups.len(), 5);
    assert!(groups.iter().all(|group| group["@odata.type"] == "#microsoft.graph.group"));
    let admin = desk.found("users/admin@contoso.example/memberOf").await;
    assert_eq!(admin["value"][0]["@odata.type"], "#microsoft.graph.directoryRole");
    assert_eq!(admin["value"][0]["displayName"], "User Administrator");
    let cast = "users/admin@contoso.example/memberOf/microsoft.graph.group";
    assert_eq!(desk.found(cast).await["value"], json!([]));

    let cast = "users/grace@contoso.example/memberOf/microsoft.graph.group";
    assert_eq!(desk.found(cast).await["value"].as_array().unwrap().len(), 5);
    let filtered = format!("{cast}?$filter=displayName eq 'Engineers'");
    refused(&desk.get(&filtered).await, 400, "Request_UnsupportedQuery", "");
    let advanced = desk.request("GET", &format!("{filtered}&$count=true"));
    let advanced = advanced.header("ConsistencyLevel", "eventual").send().await.unwrap();
    let (_, page) = crate::harness::read(advanced).await;
    assert_eq!(page["@odata.count"], 1);
}

#[tokio::test]
async fn roles_the_application_may_not_read_show_only_their_id() {
    let desk = Desk::allowed(&["GroupMember.Read.All"]).await;
    let admin = desk.found("users/admin@contoso.example/memberOf").await;
    assert!(admin["value"][0]["id"].is_string());
    assert_eq!(admin["value"][0]["displayName"], json!(null));
}

#[tokio::test]
async fn a_removal_without_ref_deletes_the_user() {
    let desk = Desk::open().await;
    let (grace, ada) = (desk.user(GRACE), desk.user(ADA));
    let members = format!("groups/{}/members", desk.group("Engineers"));
    let stranger = desk.send("DELETE", &format!("{members}/{ada}"), None).await;
    refused(&stranger, 404, "Request_ResourceNotFound", &ada);
    assert_eq!(desk.send("DELETE", &format!("{members}/{grace}"), None).await.0, 204);
    assert_eq!(desk.get(&format!("users/{grace}")).await.0, 404);
    assert_eq!(desk.emulator.effects(), [format!("delete user {grace}")]);

    let desk = Desk::allowed(&["GroupMember.ReadWrite.All"]).await;
    let denied = desk.send("DELETE", &format!("{members}/{grace}"), None).await;
    refused(&denied, 403, "Authorization_RequestDenied", "Insufficient privileges");
}

#[tokio::test]
async fn every_operation_asks_for_its_permission() {
    let desk = Desk::allowed(&["Mail.Send"]).await;
    let group = desk.group("Engineers");
    let operations = [
        ("GET", "users".to_owned()),
        ("POST", "users".to_owned()),
        ("GET", format!("users/{ADA}")),
        ("PATCH", format!("users/{ADA}")),
        ("DELETE", format!("users/{ADA}")),
        ("GET", format!("users/{ADA}/manager")),
        ("PUT", format!("users/{ADA}/manager/$ref")),
        ("DELETE", format!("users/{ADA}/manager/$ref")),
        ("POST", format!("users/{ADA}/revokeSignInSessions")),
        ("GET", format!("users/{ADA}/memberOf")),
        ("GET", format!("users/{ADA}/licenseDetails")),
        ("POST", format!("users/{ADA}/assignLicense")),
        ("GET", "groups".to_owned()),
        ("GET", format!("groups/{group}")),
        ("GET", format!("groups/{group}/members")),
        ("GET", format!("groups/{group}/owners")),
        ("POST", format!("groups/{group}/members/$ref")),
        ("DELETE", format!("groups/{group}/members/{NOWHERE}/$ref")),
        ("DELETE", format!("groups/{group}/members/{NOWHERE}")),
        ("GET", "subscribedSkus".to_owned()),
        ("GET", "organization".to_owned()),
        ("GET", "directory/deletedItems/microsoft.graph.user".to_owned()),
        ("GET", format!("directory/deletedItems/microsoft.graph.user/{NOWHERE}")),
    ];
    for (method, path) in operations {
        let answer = desk.send(method, &path, None).await;
        refused(&answer, 403, "Authorization_RequestDenied", "Insufficient privileges");
    }
}
