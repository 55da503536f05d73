//! Changes of users: delta rounds, their tokens, and expired tokens.

use msgraph_emulator::{Options, Tenant};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, EDSGER, GRACE, refused, tenant};

/// Reads a round to its end: the entries and the next round's link below `/v1.0/`.
async fn round(desk: &Desk, path: &str) -> (Vec<Value>, String) {
    let (mut entries, mut path) = (Vec::new(), path.to_owned());
    loop {
        let page = desk.found(&path).await;
        entries.extend(page["value"].as_array().unwrap().iter().cloned());
        let link = page["@odata.nextLink"].as_str().or(page["@odata.deltaLink"].as_str()).unwrap();
        path = link.split_once("/v1.0/").unwrap().1.to_owned();
        if page.get("@odata.deltaLink").is_some() {
            return (entries, path);
        }
    }
}

#[tokio::test]
async fn a_round_lists_the_users_changed_since_the_last() {
    let desk = Desk::with(Options::new(tenant()).page_limit(3)).await;
    let (all, link) = round(&desk, "users/delta?$select=displayName,accountEnabled").await;
    assert_eq!(all.len(), 4);
    assert!(all.iter().all(|user| user.as_object().unwrap().len() == 3), "{all:?}");
    let (none, link) = round(&desk, &link).await;
    assert_eq!(none, [] as [Value; 0]);

    let ada = desk.user(ADA);
    for enabled in [false, true, false] {
        desk.send("PATCH", &format!("users/{ada}"), Some(json!({ "accountEnabled": enabled }))).await;
    }
    let (changed, link) = round(&desk, &link).await;
    assert_eq!(changed, [json!({ "id": ada, "displayName": "Ada Lovelace", "accountEnabled": false })]);

    desk.send("DELETE", &format!("users/{ada}"), None).await;
    let (gone, link) = round(&desk, &link).await;
    assert_eq!(gone, [json!({ "id": ada, "@removed": { "reason": "changed" } })]);
    assert_eq!(round(&desk, &link).await.0, [] as [Value; 0]);
}

#[tokio::test]
async fn a_crowd_is_listed_page_by_page_and_reading_changes_no_user() {
    let desk = Desk::with(Options::new(Tenant::empty().crowd(7, 250))).await;
    let (all, link) = round(&desk, "users/delta").await;
    assert_eq!(all.len(), 250);
    let id = all[200]["id"].as_str().unwrap();
    desk.found(&format!("users/{id}")).await;
    let (none, link) = round(&desk, &link).await;
    assert_eq!(none, [] as [Value; 0]);
    desk.send("PATCH", &format!("users/{id}"), Some(json!({ "department": "Research" }))).await;
    let (changed, _) = round(&desk, &link).await;
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0]["id"], id);
    let (since_now, _) = round(&desk, "users/delta?$deltatoken=latest").await;
    assert_eq!(since_now, [] as [Value; 0]);
}

#[tokio::test]
async fn a_token_that_is_too_old_is_gone() {
    let desk = Desk::open().await;
    let (_, link) = round(&desk, "users/delta").await;
    let control = format!("{}/_emulator/delta", desk.emulator.url());
    assert_eq!(desk.http.delete(control).send().await.unwrap().status(), 204);
    refused(&desk.get(&link).await, 410, "syncStateNotFound", "must be synchronized again");
    let answer = desk.request("GET", &link).send().await.unwrap();
    assert!(answer.headers()["location"].to_str().unwrap().ends_with("/users/delta?$deltatoken="));

    // A reset takes the changes away that a token counts.
    let (_, link) = round(&desk, "users/delta").await;
    desk.send("PATCH", &format!("users/{}", desk.user(ADA)), Some(json!({ "department": "Research" }))).await;
    let (_, link) = round(&desk, &link).await;
    desk.emulator.reset();
    refused(&desk.get(&link).await, 410, "syncStateNotFound", "expired");
}

#[tokio::test]
async fn unknown_options_and_tokens_of_a_delta_are_refused() {
    let desk = Desk::open().await;
    let user = desk.user(EDSGER);
    for option in ["$top=5".to_owned(), "$orderby=mail".to_owned(), format!("$filter=id eq '{user}'")] {
        refused(&desk.get(&format!("users/delta?{option}")).await, 400, "BadRequest", "is not supported");
    }
    refused(&desk.get("users/delta?$deltatoken=x").await, 400, "BadRequest", "Badly formed token");
    refused(&desk.get("users/delta?$select=shoeSize").await, 400, "BadRequest", "shoeSize");
    for name in ["signInActivity", "birthday", "skills", "aboutMe"] {
        let answer = desk.get(&format!("users/delta?$select=id,{name}")).await;
        refused(&answer, 400, "BadRequest", &format!("not supported for the following properties: {name}"));
    }
    let (all, _) = round(&desk, "users/delta?$select=id&$expand=manager").await;
    assert!(all.iter().all(|user| user.as_object().unwrap().len() == 1), "ignored: {all:?}");
    let basic = Desk::allowed(&["User.ReadBasic.All"]).await;
    refused(&basic.get("users/delta").await, 403, "Authorization_RequestDenied", "");
}

async fn control(desk: &Desk, body: Value) {
    let control = format!("{}/_emulator/delta", desk.emulator.url());
    assert_eq!(desk.http.patch(control).json(&body).send().await.unwrap().status(), 204);
}

#[tokio::test]
async fn a_manager_comes_and_goes_and_is_absent_if_unchanged() {
    let desk = Desk::open().await;
    let (ada, grace, admin) = (desk.user(ADA), desk.user(GRACE), desk.user("admin@contoso.example"));
    let (all, link) = round(&desk, "users/delta?$select=department,manager").await;
    let of = |entries: &[Value], id: &str| entries.iter().find(|user| user["id"] == *id).cloned();
    let link_to = |id: &str| json!({ "@odata.type": "#microsoft.graph.user", "id": id });
    let gone = |id: &str| json!({ "@odata.type": "#microsoft.graph.user", "id": id, "@removed": { "reason": "deleted" } });
    assert_eq!(of(&all, &ada).unwrap(), json!({ "id": ada, "manager@delta": [link_to(&grace)] }));
    assert_eq!(of(&all, &grace).unwrap(), json!({ "id": grace }));

    let user = format!("users/{ada}");
    desk.send("PATCH", &user, Some(json!({ "department": "Research" }))).await;
    let (changed, link) = round(&desk, &link).await;
    assert_eq!(changed, [json!({ "id": ada, "department": "Research" })]);

    let manager = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/users/{admin}") });
    assert_eq!(desk.send("PUT", &format!("{user}/manager/$ref"), Some(manager)).await.0, 204);
    let (changed, link) = round(&desk, &link).await;
    let expected =
        json!({ "id": ada, "department": "Research", "manager@delta": [link_to(&admin), gone(&grace)] });
    assert_eq!(changed, [expected]);

    assert_eq!(desk.send("DELETE", &format!("{user}/manager/$ref"), None).await.0, 204);
    let (changed, link) = round(&desk, &link).await;
    assert_eq!(changed, [json!({ "id": ada, "department": "Research", "manager@delta": [gone(&admin)] })]);
    let (none, _) = round(&desk, &link).await;
    assert_eq!(none, [] as [Value; 0]);
}

#[tokio::test]
async fn only_a_change_of_what_was_selected_counts() {
    let desk = Desk::open().await;
    let (ada, e3) = (desk.user(ADA), desk.sku("SPE_E3"));
    let (_, names) = round(&desk, "users/delta?$select=displayName").await;
    let (_, licenses) = round(&desk, "users/delta?$select=assignedLicenses,licenseAssignmentStates").await;
    let (_, states) = round(&desk, "users/delta?$select=licenseAssignmentStates").await;
    let assign = json!({ "addLicenses": [{ "skuId": e3 }], "removeLicenses": [] });
    assert_eq!(desk.send("POST", &format!("users/{ada}/assignLicense"), Some(assign)).await.0, 200);
    assert_eq!(round(&desk, &names).await.0, [] as [Value; 0]);
    assert_eq!(round(&desk, &states).await.0, [] as [Value; 0], "states alone");
    let (changed, _) = round(&desk, &licenses).await;
    assert_eq!((changed.len(), &changed[0]["id"]), (1, &json!(ada)));
    assert_eq!(changed[0]["licenseAssignmentStates"][0]["skuId"], e3);
}

#[tokio::test]
async fn a_minimal_answer_has_what_changed_and_null_for_what_was_cleared() {
    let desk = Desk::open().await;
    let ada = desk.user(ADA);
    let (_, link) = round(&desk, "users/delta?$select=displayName,mail,employeeId,jobTitle").await;
    let change = json!({ "employeeId": null, "displayName": "Ada King" });
    desk.send("PATCH", &format!("users/{ada}"), Some(change)).await;
    let answer = desk.request("GET", &link).header("Prefer", "return=minimal").send().await.unwrap();
    assert_eq!(answer.headers()["preference-applied"], "return=minimal");
    let page: Value = answer.json().await.unwrap();
    assert_eq!(page["value"], json!([{ "id": ada, "employeeId": null, "displayName": "Ada King" }]));
    let (whole, _) = round(&desk, &link).await;
    let expected = json!({ "id": ada, "employeeId": null, "displayName": "Ada King", "mail": ADA });
    assert_eq!(whole, [expected], "and nothing of what never was set");
}

#[tokio::test]
async fn a_purged_user_is_deleted_and_no_longer_changed() {
    let desk = Desk::open().await;
    let ada = desk.user(ADA);
    let (_, link) = round(&desk, "users/delta?$select=id").await;
    desk.send("DELETE", &format!("users/{ada}"), None).await;
    let (gone, link) = round(&desk, &link).await;
    assert_eq!(gone, [json!({ "id": ada, "@removed": { "reason": "changed" } })]);
    assert_eq!(desk.send("DELETE", &format!("directory/deletedItems/{ada}"), None).await.0, 204);
    let (gone, _) = round(&desk, &link).await;
    assert_eq!(gone, [json!({ "id": ada, "@removed": { "reason": "deleted" } })]);
    refused(&desk.get(&format!("directory/deletedItems/{ada}")).await, 404, "Request_ResourceNotFound", &ada);
}

#[tokio::test]
async fn a_user_may_come_twice_and_the_last_time_as_it_was() {
    let desk = Desk::open().await;
    let ada = desk.user(ADA);
    let (all, link) = round(&desk, "users/delta?$select=department").await;
    control(&desk, json!({ "replays": true })).await;
    for department in ["Research", "Sales"] {
        desk.send("PATCH", &format!("users/{ada}"), Some(json!({ "department": department }))).await;
    }
    let (twice, _) = round(&desk, &link).await;
    let entry = |department: &str| json!({ "id": ada, "department": department });
    assert_eq!(twice, [entry("Sales"), entry("Research")]);
    let (again, _) = round(&desk, "users/delta?$select=department").await;
    assert_eq!(again.len(), all.len() + 1);
}

#[tokio::test]
async fn a_token_expires_after_seven_days_and_is_good_for_one_tenant() {
    let desk = Desk::open().await;
    let (_, link) = round(&desk, "users/delta?$select=id").await;
    control(&desk, json!({ "age_days": 6 })).await;
    let (_, young) = round(&desk, &link).await;
    control(&desk, json!({ "age_days": 1 })).await;
    refused(&desk.get(&link).await, 400, "syncStateNotFound", "expired");
    round(&desk, &young).await;
    let (all, _) = round(&desk, "users/delta?$deltatoken=").await;
    assert_eq!(all.len(), 4, "an empty token begins anew");

    let elsewhere = Tenant::from_json(
        r#"{"tenantId": "99999999-2222-4333-8444-555555555555", "displayName": "Fabrikam", "verifiedDomains": ["fabrikam.example"]}"#,
    );
    let elsewhere = elsewhere.unwrap().application(msgraph_emulator::Application::default());
    let elsewhere = crate::harness::start(Options::new(elsewhere));
    let address = format!("{}/99999999-2222-4333-8444-555555555555/oauth2/v2.0/token", elsewhere.url());
    let token = crate::harness::sign_in_at(&desk.http, &address).await;
    let answer = desk.http.get(format!("{}/v1.0/{young}", elsewhere.url())).bearer_auth(token).send().await;
    refused(&crate::harness::read(answer.unwrap()).await, 400, "BadRequest", "Badly formed token");
}
