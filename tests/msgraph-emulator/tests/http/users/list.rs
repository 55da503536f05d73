//! The list of users as a reader takes it: every property, managers, and the activity.

use msgraph_emulator::{Application, Limits, Options, Tenant, User};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, EDSGER, GRACE, refused, tenant};

const ALL: &[&str] = &["User.Read.All", "AuditLog.Read.All", "User-LifeCycleInfo.Read.All"];

/// One user with every property, in a tenant with these keys besides.
fn seeded(besides: Value) -> Tenant {
    let mut file = json!({
        "tenantId": msgraph_emulator::TENANT_ID, "displayName": "Contoso", "verifiedDomains": ["contoso.example"],
        "users": [ada(), { "userPrincipalName": GRACE, "displayName": "Grace Hopper", "mail": GRACE,
                           "signInActivity": { "lastSignInDateTime": "0001-01-01T00:00:00Z" } }],
    });
    for (key, value) in besides.as_object().unwrap() {
        file[key] = value.clone();
    }
    Tenant::from_json(&file.to_string()).unwrap()
}

fn ada() -> Value {
    json!({
        "id": "11111111-2222-4333-8444-555555555555", "userPrincipalName": ADA, "displayName": "Ada Lovelace",
        "givenName": "Ada", "surname": "Lovelace", "mail": ADA, "otherMails": ["ada@home.example"],
        "mailNickname": "ada", "proxyAddresses": ["SMTP:ada@contoso.example", "smtp:al@contoso.example"],
        "jobTitle": "Analyst", "department": "Research", "officeLocation": "1/101", "companyName": "Contoso",
        "country": "United Kingdom", "city": "London", "usageLocation": "GB", "mobilePhone": "+44 1815",
        "userType": "Guest", "createdDateTime": "2020-02-03T04:05:06Z", "employeeId": "1815",
        "employeeType": "Employee", "employeeHireDate": "2020-03-01T00:00:00Z",
        "employeeLeaveDateTime": "2027-01-01T00:00:00Z", "onPremisesSyncEnabled": true,
        "onPremisesImmutableId": "YWRh", "onPremisesLastSyncDateTime": "2026-01-01T00:00:00Z",
        "onPremisesSamAccountName": "ada", "externalUserState": "Accepted", "accountEnabled": false,
        "signInActivity": {
            "lastSignInDateTime": "2026-11-01T08:00:00Z", "lastNonInteractiveSignInDateTime": "2026-11-02T08:00:00Z",
            "lastSuccessfulSignInDateTime": "2026-05-01T08:00:00Z",
        },
    })
}

async fn desk(tenant: Tenant, roles: &[&str]) -> Desk {
    Desk::with(Options::new(tenant.application(Application::default().roles(roles)))).await
}

fn of<'a>(page: &'a Value, upn: &str) -> &'a Value {
    let mut users = page["value"].as_array().unwrap().iter();
    users.find(|user| user["userPrincipalName"] == upn).unwrap()
}

#[tokio::test]
async fn every_property_of_a_seed_is_listed() {
    let desk = desk(seeded(json!({})), ALL).await;
    let ada = ada();
    let names: Vec<_> = ada.as_object().unwrap().keys().cloned().collect();
    let path = format!("users?$select={},assignedLicenses,licenseAssignmentStates", names.join(","));
    let page = desk.found(&path).await;
    let mut expected = ada.clone();
    expected["assignedLicenses"] = json!([]);
    expected["licenseAssignmentStates"] = json!([]);
    assert_eq!(*of(&page, ADA), expected);
    let grace = of(&page, GRACE);
    assert_eq!(grace["proxyAddresses"], json!([format!("SMTP:{GRACE}")]));
    assert_eq!((&grace["city"], &grace["externalUserState"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn the_last_day_of_work_is_left_out_without_its_permission() {
    let desk = desk(seeded(json!({})), &["User.Read.All"]).await;
    let page = desk.found("users?$select=userPrincipalName,employeeLeaveDateTime").await;
    assert_eq!(*of(&page, ADA), json!({ "userPrincipalName": ADA }));
    let writer = Desk::allowed(&["User.ReadWrite.All"]).await;
    let change = json!({ "employeeLeaveDateTime": "2027-01-01T00:00:00Z" });
    refused(
        &writer.send("PATCH", &format!("users/{ADA}"), Some(change.clone())).await,
        403,
        "Authorization_RequestDenied",
        "",
    );
    let writer = Desk::allowed(&["User.Read.All", "User-LifeCycleInfo.ReadWrite.All"]).await;
    assert_eq!(writer.send("PATCH", &format!("users/{ADA}"), Some(change)).await.0, 204);
}

#[tokio::test]
async fn the_manager_comes_beside_who_has_one() {
    let desk = Desk::open().await;
    let grace = desk.user(GRACE);
    let link = json!({ "@odata.type": "#microsoft.graph.user", "id": grace });
    for expand in ["manager($select=id)", "manager($levels=1;$select=id)"] {
        let page = desk.found(&format!("users?$select=userPrincipalName&$expand={expand}")).await;
        assert_eq!(*of(&page, ADA), json!({ "userPrincipalName": ADA, "manager": link }), "{expand}");
        assert_eq!(*of(&page, EDSGER), json!({ "userPrincipalName": EDSGER }));
    }
    let page = desk.found("users?$expand=manager&$top=2").await;
    assert!(page["@odata.nextLink"].as_str().unwrap().contains("$expand=manager"));
    let page = desk.found("users?$expand=manager").await;
    assert_eq!(of(&page, ADA)["manager"]["displayName"], "Grace Hopper");
    let ada = desk.found(&format!("users/{ADA}?$select=id&$expand=manager($select=id,mail)")).await;
    assert_eq!(
        ada["manager"],
        json!({ "@odata.type": "#microsoft.graph.user", "id": grace, "mail": Value::Null })
    );

    let refusals = [
        ("manager($levels=max;$select=id)", "Request_UnsupportedQuery", "only supported on a single user"),
        ("manager,memberOf", "BadRequest", "at least 2 items, but the maximum allowed is 1"),
        ("boss", "BadRequest", "'boss'"),
        ("manager($select=shoeSize)", "BadRequest", "shoeSize"),
        ("manager($select=id", "BadRequest", "Syntax error"),
    ];
    for (expand, code, fragment) in refusals {
        refused(&desk.get(&format!("users?$expand={expand}")).await, 400, code, fragment);
    }
}

#[tokio::test]
async fn sign_ins_need_a_permission_and_a_premium_tenant() {
    let path = "users?$select=userPrincipalName,signInActivity";
    let page = desk(seeded(json!({})), ALL).await.found(path).await;
    assert_eq!(of(&page, ADA)["signInActivity"], ada()["signInActivity"]);
    assert_eq!(of(&page, GRACE)["signInActivity"]["lastSignInDateTime"], "0001-01-01T00:00:00Z");
    let never = Desk::with(Options::new(tenant().application(Application::default().roles(ALL)))).await;
    assert!(of(&never.found(path).await, ADA).get("signInActivity").is_none(), "never signed in");

    let without = desk(seeded(json!({})), &["User.Read.All"]).await;
    refused(&without.get(path).await, 403, "Authentication_MSGraphPermissionMissing", "AuditLog.Read.All");
    let poor = desk(seeded(json!({ "withoutPremium": true })), ALL).await;
    let code = "Authentication_RequestFromNonPremiumTenantOrB2CTenant";
    refused(&poor.get(path).await, 403, code, "premium license");
    poor.found("users?$select=id").await;
}

#[tokio::test]
async fn sign_ins_of_one_user_are_found_by_id_only() {
    let desk = desk(seeded(json!({})), ALL).await;
    let select = "$select=signInActivity";
    let ada = desk.found(&format!("users/{}?{select}", desk.user(ADA))).await;
    assert!(ada["signInActivity"]["lastSignInDateTime"].is_string());
    refused(&desk.get(&format!("users/{ADA}?{select}")).await, 400, "400", "only supports UserId");
}

#[tokio::test]
async fn a_page_with_sign_ins_is_cut_or_refused() {
    let crowd = |tenant: Tenant| tenant.crowd(7, 1_200).lifelike();
    let cut = desk(crowd(seeded(json!({}))), ALL).await;
    let page = cut.found("users?$select=id,signInActivity&$top=999").await;
    assert_eq!(page["value"].as_array().unwrap().len(), 500);
    let strict = desk(crowd(seeded(json!({ "signInPage": 120 }))), ALL).await;
    let answer = strict.get("users?$select=id,signInActivity&$top=121").await;
    refused(&answer, 400, "BadRequest", "Cannot query data for more than 120 users at a time.");
    let page = strict.found("users?$select=id,signInActivity&$top=120").await;
    assert_eq!(page["value"].as_array().unwrap().len(), 120);
    assert_eq!(strict.found("users?$select=id&$top=999").await["value"].as_array().unwrap().len(), 999);
}

#[tokio::test]
async fn requests_for_sign_ins_have_a_limit_of_their_own() {
    let tenant = seeded(json!({})).application(Application::default().roles(ALL));
    let desk = Desk::with(Options::new(tenant).limits(Limits::large())).await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(desk.get("users?$select=id,signInActivity").await.0);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10, "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429));
    desk.found("users?$select=id").await;
    assert_eq!(desk.emulator.usage()["audit_logs"].requests, 10);
}

#[tokio::test]
async fn a_fault_spoils_one_page_of_many() {
    let desk = Desk::with(Options::new(Tenant::empty().user(User::new(ADA, "Ada")).crowd(7, 20))).await;
    desk.spoil(json!({ "path": "*/v1.0/users", "nth": 3, "status": 403 }));
    let mut path = "users?$select=id&$top=5".to_owned();
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let (status, page) = desk.get(&path).await;
        statuses.push(status);
        if let Some(link) = page["@odata.nextLink"].as_str() {
            path = link.split_once("/v1.0/").unwrap().1.to_owned();
        }
    }
    assert_eq!(statuses, [200, 200, 403, 200]);
}

#[tokio::test]
async fn the_next_link_stands_before_the_users_however_long_it_is() {
    let desk = Desk::open().await;
    let long = vec!["userPrincipalName"; 400].join(",");
    for select in ["id", &long] {
        let answer = desk.request("GET", &format!("users?$select={select}&$top=1")).send().await.unwrap();
        let text = answer.text().await.unwrap();
        let page: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(page["value"].as_array().unwrap().len(), 1);
        assert!(text.find("@odata.nextLink").unwrap() < text.find("\"value\":[").unwrap());
    }
}
