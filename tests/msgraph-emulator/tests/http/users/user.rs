//! Users and their managers.

use msgraph_emulator::{Application, Options, Tenant, User};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, EDSGER, GRACE, refused, tenant, try_start};

const PASSWORD: &str = "Correct-Horse-9";

/// What Entra asks for in a new user, with one property changed or, by null, left out.
fn hire(change: &str, value: Value) -> Value {
    let mut user = json!({
        "accountEnabled": true,
        "displayName": "Ada King",
        "mailNickname": "ada.king",
        "userPrincipalName": "ada.king@contoso.example",
        "passwordProfile": { "password": PASSWORD, "forceChangePasswordNextSignIn": true },
    });
    let fields = user.as_object_mut().unwrap();
    fields.remove(change);
    if !value.is_null() {
        fields.insert(change.to_owned(), value);
    }
    user
}

#[tokio::test]
async fn a_user_is_found_by_id_name_and_encoded_name() {
    let guest = "ada_home.example#EXT#@contoso.example";
    let desk = Desk::with(Options::new(tenant().user(User::new(guest, "Ada")))).await;
    let id = desk.user(ADA);
    for path in [
        format!("users/{id}"),
        format!("users/{}", id.to_uppercase()),
        "users/ADA@contoso.example".to_owned(),
        "users('ada@contoso.example')".to_owned(),
    ] {
        assert_eq!(desk.found(&path).await["id"], id.as_str(), "{path}");
    }
    let encoded = "users/ada_home.example%23EXT%23@contoso.example";
    assert_eq!(desk.found(encoded).await["userPrincipalName"], guest);
    let nobody = desk.get("users/nobody@contoso.example").await;
    refused(&nobody, 404, "Request_ResourceNotFound", "'nobody@contoso.example'");
}

#[tokio::test]
async fn eleven_properties_come_without_select_and_only_known_ones_with_it() {
    let desk = Desk::open().await;
    let user = desk.found("users/ada@contoso.example").await;
    assert_eq!(user.as_object().unwrap().len(), 12, "with the context: {user}");
    assert!(user.get("accountEnabled").is_none());
    let user = desk.found("users/ada@contoso.example?$select=accountEnabled,employeeId").await;
    assert_eq!(user["accountEnabled"], true);
    assert_eq!(user["employeeId"], "1815");
    assert!(user.get("id").is_none());
    let unknown = desk.get("users/ada@contoso.example?$select=id,shoeSize").await;
    refused(&unknown, 400, "BadRequest", "'shoeSize'");
    let unknown = desk.get("users?$selct=id").await;
    refused(&unknown, 400, "BadRequest", "'$selct'");
}

#[tokio::test]
async fn a_list_is_paged_to_its_end_without_loss() {
    let desk = Desk::open().await;
    let mut next = Some(format!("{}/v1.0/users?$top=3&$select=id", desk.emulator.url()));
    let (mut ids, mut pages) = (Vec::new(), 0);
    while let Some(address) = next {
        let request = desk.http.get(address).bearer_auth(&desk.token);
        let page: Value = request.send().await.unwrap().json().await.unwrap();
        let rows = page["value"].as_array().unwrap();
        ids.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
        pages += 1;
    }
    let mut unique = ids.clone();
    unique.sort();
    unique.dedup();
    assert_eq!((pages, ids.len(), unique.len()), (2, 4, 4));
}

#[tokio::test]
async fn a_page_limit_makes_small_tenants_long() {
    let desk = Desk::with(Options::new(tenant()).page_limit(1)).await;
    let page = desk.found("users?$top=999").await;
    assert_eq!(page["value"].as_array().unwrap().len(), 1);
    assert!(page["@odata.nextLink"].is_string());
}

#[tokio::test]
async fn page_sizes_and_page_tokens_are_checked() {
    let desk = Desk::open().await;
    for top in ["0", "1000", "many"] {
        let answer = desk.get(&format!("users?$top={top}")).await;
        refused(&answer, 400, "Request_BadRequest", "Invalid page size");
    }
    let stale = desk.get("users?$skiptoken=stale").await;
    refused(&stale, 400, "Directory_ExpiredPageToken", "has expired");
    let link = desk.found("users?$top=1").await["@odata.nextLink"].as_str().unwrap().to_owned();
    let token = link.split("skiptoken=").nth(1).unwrap();
    let elsewhere = desk.get(&format!("groups?$skiptoken={token}")).await;
    refused(&elsewhere, 400, "Directory_ExpiredPageToken", "has expired");
}

#[tokio::test]
async fn the_header_of_an_advanced_query_is_sent_again_with_every_page() {
    let desk = Desk::open().await;
    let advanced = |path: String| desk.request("GET", &path).header("ConsistencyLevel", "eventual");
    let first: Value =
        advanced("users?$top=1&$count=true".into()).send().await.unwrap().json().await.unwrap();
    assert_eq!(first["@odata.count"], 4);
    let link = first["@odata.nextLink"].as_str().unwrap();
    let path = link.split("/v1.0/").nth(1).unwrap().to_owned();
    refused(&desk.get(&path).await, 400, "Directory_ExpiredPageToken", "has expired");
    let second: Value = advanced(path).send().await.unwrap().json().await.unwrap();
    assert!(second["value"].is_array() && second.get("@odata.count").is_none());

    let silent = desk.found("users?$count=true").await;
    assert!(silent.get("@odata.count").is_none());
    refused(&desk.get("users/$count").await, 400, "Request_BadRequest", "not currently supported");
    let counted = advanced("users/$count".into()).send().await.unwrap();
    assert_eq!(counted.text().await.unwrap(), "4");
    let members = "users/$count?$filter=accountEnabled eq true and userType eq 'Member'";
    refused(&desk.get(members).await, 400, "Request_BadRequest", "not currently supported");
    let count = async || advanced(members.into()).send().await.unwrap().text().await.unwrap();
    let before: u64 = count().await.parse().unwrap();
    let path = format!("users/{}", desk.user(ADA));
    desk.send("PATCH", &path, Some(json!({ "accountEnabled": false }))).await;
    assert_eq!(count().await, (before - 1).to_string());
    let other = advanced("users/$count?$filter=accountEnabled eq true".into()).send().await.unwrap();
    assert_eq!(other.text().await.unwrap(), count().await, "everybody is a member");
}

#[tokio::test]
async fn filters_find_by_the_properties_that_tell_people_apart() {
    let desk = Desk::open().await;
    let id = desk.user(ADA);
    for filter in [
        "employeeId eq '1815'".to_owned(),
        "mail eq 'ADA@contoso.example'".to_owned(),
        "userPrincipalName eq 'ada@contoso.example'".to_owned(),
        format!("id eq '{id}'"),
    ] {
        let page = desk.found(&format!("users?$select=id&$filter={filter}")).await;
        assert_eq!(page["value"], json!([{ "id": id }]), "{filter}");
    }
    let nobody = desk.found("users?$filter=employeeId eq 'o''brien'").await;
    assert_eq!(nobody["value"], json!([]));
}

#[tokio::test]
async fn a_new_user_is_there_at_once_and_alike_in_every_run() {
    let mut states = Vec::new();
    for _ in 0..2 {
        let desk = Desk::open().await;
        let body = hire("department", json!("Research"));
        let (status, user) = desk.send("POST", "users", Some(body)).await;
        assert_eq!(status, 201, "{user}");
        assert_eq!(user["displayName"], "Ada King");
        let path = format!("users/{}?$select=department", user["id"].as_str().unwrap());
        assert_eq!(desk.found(&path).await["department"], "Research");
        assert_eq!(desk.emulator.effects(), ["create user ada.king@contoso.example"]);
        assert_eq!(desk.emulator.secrets().passwords, [PASSWORD]);
        let state = desk.emulator.state();
        let journal = serde_json::to_string(&desk.emulator.journal()).unwrap();
        assert!(!state.to_string().contains(PASSWORD) && !journal.contains(PASSWORD));
        states.push(state);
    }
    assert_eq!(states[0], states[1]);
}

#[tokio::test]
async fn a_new_user_s_mistakes_are_refused_as_entra_does() {
    let desk = Desk::open().await;
    let bad = "Request_BadRequest";
    let cases = [
        ("displayName", Value::Null, bad, "A value is required for property 'displayName'"),
        ("accountEnabled", Value::Null, bad, "'accountEnabled'"),
        ("passwordProfile", Value::Null, bad, "'passwordProfile'"),
        ("passwordProfile", json!({ "password": "weak" }), bad, "password complexity"),
        ("passwordProfile", json!({ "pin": "1" }), bad, "'pin'"),
        ("userPrincipalName", json!("ada@elsewhere.example"), bad, "domain portion"),
        ("userPrincipalName", json!("adá@contoso.example"), bad, "'userPrincipalName'"),
        ("userPrincipalName", json!("ADA@contoso.example"), bad, "property userPrincipalName already"),
        ("usageLocation", json!("XX"), bad, "'usageLocation'"),
        ("mail", json!(ADA), bad, "property proxyAddresses already"),
        ("shoeSize", json!(7), bad, "'shoeSize'"),
        ("assignedLicenses", json!([]), bad, "read-only"),
        ("accountEnabled", json!("yes"), "BadRequest", "Edm.Boolean"),
    ];
    for (property, value, code, fragment) in cases {
        let answer = desk.send("POST", "users", Some(hire(property, value))).await;
        refused(&answer, 400, code, fragment);
    }
    let text = desk.request("POST", "users").body("{").send().await.unwrap();
    refused(&crate::harness::read(text).await, 400, "BadRequest", "Unable to read JSON");
    assert_eq!(desk.emulator.effects(), Vec::<String>::new());
}

#[tokio::test]
async fn a_deleted_user_holds_on_to_the_name() {
    let desk = Desk::open().await;
    let id = desk.user(ADA);
    assert_eq!(desk.send("DELETE", "users/ada@contoso.example", None).await.0, 204);
    assert_eq!(desk.emulator.effects(), [format!("delete user {id}")]);
    refused(&desk.get(&format!("users/{id}")).await, 404, "Request_ResourceNotFound", &id);
    let again = desk.send("POST", "users", Some(hire("userPrincipalName", json!(ADA)))).await;
    refused(&again, 400, "Request_BadRequest", "already exists");
    assert_eq!(again.1["error"]["details"][0]["code"], "ObjectConflict");
    let gone = desk.found("directory/deletedItems/microsoft.graph.user").await;
    assert_eq!(gone["value"][0]["id"], id.as_str());
    let prefixed = format!("{}{ADA}", id.replace('-', ""));
    assert_eq!(gone["value"][0]["userPrincipalName"], prefixed.as_str());
    let one = format!("directory/deletedItems/microsoft.graph.user/{id}");
    assert_eq!(desk.found(&one).await["displayName"], "Ada Lovelace");
    let second = desk.send("DELETE", &format!("users/{id}"), None).await;
    refused(&second, 404, "Request_ResourceNotFound", &id);
}

#[tokio::test]
async fn a_change_is_an_effect_only_when_it_changes_something() {
    let desk = Desk::open().await;
    let id = desk.user(ADA);
    let path = format!("users/{id}");
    for _ in 0..2 {
        let body = json!({ "accountEnabled": false, "department": "Research" });
        assert_eq!(desk.send("PATCH", &path, Some(body)).await, (204, Value::Null));
    }
    assert_eq!(
        desk.emulator.effects(),
        [format!("disable user {id}"), format!("set department of user {id}")]
    );
    assert!(desk.emulator.journal().iter().all(|entry| entry.write));
    let (status, _) = desk.send("PATCH", &path, Some(json!({ "accountEnabled": true }))).await;
    assert_eq!(status, 204);
    assert_eq!(desk.emulator.effects().last().unwrap(), &format!("enable user {id}"));
}

#[tokio::test]
async fn a_change_refused_in_part_changes_nothing() {
    let desk = Desk::open().await;
    let path = format!("users/{ADA}");
    let before = desk.emulator.state();
    let body = json!({ "accountEnabled": false, "usageLocation": "XX" });
    refused(&desk.send("PATCH", &path, Some(body)).await, 400, "Request_BadRequest", "'usageLocation'");
    let empty = desk.send("PATCH", &path, Some(json!({}))).await;
    refused(&empty, 400, "BadRequest", "Empty Payload");
    assert_eq!(desk.emulator.state(), before);
}

#[tokio::test]
async fn synced_users_are_mastered_elsewhere() {
    let desk = Desk::open().await;
    let path = format!("users/{EDSGER}");
    let fragment = "on-premises mastered";
    let patch = desk.send("PATCH", &path, Some(json!({ "department": "Research" }))).await;
    refused(&patch, 400, "Request_BadRequest", fragment);
    let delete = desk.send("DELETE", &path, None).await;
    refused(&delete, 400, "Request_BadRequest", fragment);
    let location = desk.send("PATCH", &path, Some(json!({ "usageLocation": "NL" }))).await;
    assert_eq!(location.0, 204, "the location is the cloud's");
}

#[tokio::test]
async fn administrators_are_for_privileged_applications() {
    let path = "users/admin@contoso.example";
    let desk = Desk::open().await;
    let disable = Some(json!({ "accountEnabled": false }));
    let denied = desk.send("PATCH", path, disable.clone()).await;
    refused(&denied, 403, "Authorization_RequestDenied", "Insufficient privileges");
    let denied = desk.send("DELETE", path, None).await;
    refused(&denied, 403, "Authorization_RequestDenied", "Insufficient privileges");
    let plain = desk.send("PATCH", path, Some(json!({ "department": "IT" }))).await;
    assert_eq!(plain.0, 204, "a property that is not sensitive");

    let desk = Desk::as_application(Application::default().privileged()).await;
    assert_eq!(desk.send("PATCH", path, disable).await.0, 204);
}

#[tokio::test]
async fn members_of_role_assignable_groups_are_administrators_too() {
    let desk = Desk::open().await;
    desk.emulator.with_tenant(|tenant| {
        let (group, ada) = (tenant.group_id("Operators"), tenant.user_id(ADA));
        assert!(tenant.join(group.unwrap(), ada.unwrap()));
    });
    let path = format!("users/{ADA}");
    let denied = desk.send("PATCH", &path, Some(json!({ "accountEnabled": false }))).await;
    refused(&denied, 403, "Authorization_RequestDenied", "Insufficient privileges");
}

#[tokio::test]
async fn narrow_permissions_reach_one_property_each() {
    let path = format!("users/{ADA}");
    let disable = json!({ "accountEnabled": false });
    let desk = Desk::allowed(&["User.EnableDisableAccount.All", "User.Read.All"]).await;
    assert_eq!(desk.send("PATCH", &path, Some(disable.clone())).await.0, 204);
    let other = desk.send("PATCH", &path, Some(json!({ "department": "R" }))).await;
    refused(&other, 403, "Authorization_RequestDenied", "");
    let desk = Desk::allowed(&["User.EnableDisableAccount.All"]).await;
    refused(&desk.send("PATCH", &path, Some(disable)).await, 403, "Authorization_RequestDenied", "");

    let desk = Desk::allowed(&["User.ReadBasic.All"]).await;
    assert!(desk.found(&path).await.get("jobTitle").is_none());
    let more = desk.get(&format!("{path}?$select=accountEnabled")).await;
    refused(&more, 403, "Authorization_RequestDenied", "");
}

#[tokio::test]
async fn a_password_is_taken_and_never_shown() {
    let desk = Desk::open().await;
    let path = format!("users/{ADA}");
    let reset = json!({
        "passwordProfile": { "password": PASSWORD, "forceChangePasswordNextSignIn": true },
    });
    assert_eq!(desk.send("PATCH", &path, Some(reset)).await.0, 204);
    let id = desk.user(ADA);
    assert_eq!(
        desk.emulator.effects(),
        [format!("set whether user {id} must change the password"), format!("set password of user {id}"),]
    );
    let user = desk.found(&format!("{path}?$select=passwordProfile,lastPasswordChangeDateTime")).await;
    assert_eq!(user["passwordProfile"], Value::Null);
    assert!(user["lastPasswordChangeDateTime"].as_str().unwrap() > "2026");
    assert_eq!(desk.emulator.secrets().passwords, [PASSWORD]);
}

#[tokio::test]
async fn revoking_sessions_moves_the_moment_they_count_from() {
    let desk = Desk::open().await;
    let moment = "users/ada@contoso.example?$select=signInSessionsValidFromDateTime";
    let before = desk.found(moment).await["signInSessionsValidFromDateTime"].clone();
    let path = format!("users/{ADA}/revokeSignInSessions");
    let (status, body) = desk.send("POST", &path, None).await;
    assert_eq!((status, &body["value"]), (200, &json!(true)));
    let after = desk.found(moment).await["signInSessionsValidFromDateTime"].clone();
    assert!(after.as_str() > before.as_str());
    let id = desk.user(ADA);
    assert_eq!(desk.emulator.effects(), [format!("revoke sessions of user {id}")]);
    let extra = desk.send("POST", &path, Some(json!({ "now": true }))).await;
    refused(&extra, 400, "BadRequest", "'now'");
}

#[tokio::test]
async fn a_manager_is_read_set_and_removed() {
    let desk = Desk::open().await;
    let (ada, grace) = (desk.user(ADA), desk.user(GRACE));
    let path = format!("users/{ada}/manager");
    let reference = format!("{path}/$ref");
    let manager = desk.found(&format!("{path}?$select=id")).await;
    assert_eq!(manager["id"], grace.as_str());
    assert_eq!(manager["@odata.type"], "#microsoft.graph.user");
    let address = desk.found(&reference).await["@odata.id"].as_str().unwrap().to_owned();
    assert!(address.ends_with(&format!("/v1.0/users/{grace}")));

    let set = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/users/{grace}") });
    assert_eq!(desk.send("PUT", &reference, Some(set.clone())).await.0, 204);
    assert!(desk.emulator.effects().is_empty(), "it was so already");
    assert_eq!(desk.send("DELETE", &reference, None).await.0, 204);
    refused(&desk.get(&path).await, 404, "Request_ResourceNotFound", "'manager'");
    let again = desk.send("DELETE", &reference, None).await;
    refused(&again, 404, "Request_ResourceNotFound", "'manager'");
    assert_eq!(desk.send("PUT", &reference, Some(set.clone())).await.0, 204);
    assert_eq!(
        desk.emulator.effects(),
        [format!("remove manager of user {ada}"), format!("set manager of user {ada} to {grace}"),]
    );
    let bare = desk.send("PUT", &path, Some(set.clone())).await;
    refused(&bare, 405, "Request_BadRequest", "not allowed");
    let synced = desk.send("PUT", &format!("users/{EDSGER}/manager/$ref"), Some(set)).await;
    refused(&synced, 400, "Request_BadRequest", "on-premises mastered");
}

#[tokio::test]
async fn a_reference_must_lead_somewhere() {
    let desk = Desk::open().await;
    let reference = format!("users/{ADA}/manager/$ref");
    let missing = "99999999-9999-4999-8999-999999999999";
    let put = |id: String| desk.send("PUT", &reference, Some(json!({ "@odata.id": id })));
    let answer = put(format!("https://graph.microsoft.com/v1.0/users/{missing}")).await;
    refused(&answer, 404, "Request_ResourceNotFound", missing);
    let answer = put(format!("https://elsewhere.example/v1.0/users/{missing}")).await;
    refused(&answer, 400, "Request_BadRequest", "@odata.id");
    let own = put(format!("{}/v1.0/directoryObjects/{}", desk.emulator.url(), desk.user(GRACE)));
    assert_eq!(own.await.0, 204);
}

#[tokio::test]
async fn a_deleted_manager_manages_no_one() {
    let desk = Desk::open().await;
    assert_eq!(desk.send("DELETE", &format!("users/{GRACE}"), None).await.0, 204);
    let answer = desk.get(&format!("users/{ADA}/manager")).await;
    refused(&answer, 404, "Request_ResourceNotFound", "'manager'");
}

#[tokio::test]
async fn a_builder_s_mistake_keeps_the_emulator_from_starting() {
    let tenant = Tenant::empty().user(User::new(ADA, "Ada").manager(GRACE));
    let error = try_start(Options::new(tenant)).unwrap_err();
    assert!(error.to_string().contains("the manager grace@contoso.example"), "{error}");
}
