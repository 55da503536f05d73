//! Mailboxes: which users have one, automatic replies, and inbox rules.

use msgraph_emulator::{Application, Mailbox, Options, Sku, Tenant, User};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, EDSGER, GRACE, refused};

const NOT_ENABLED: (&str, &str) = ("MailboxNotEnabledForRESTAPI", "inactive, soft-deleted, or is hosted");

/// Grace has a mailbox, Edsger's is on its way, and Ada's licence comes without one.
fn tenant() -> Tenant {
    let rule = json!({ "delete": true });
    let mailbox =
        Mailbox::new().replying("At sea").rule("Junk", rule).read_only_rule("Policy").folder("Ships");
    Tenant::empty()
        .sku(Sku::new("SPE_E3", 5).plan("EXCHANGE_S_ENTERPRISE"))
        .sku(Sku::new("EMS", 5).plan("EXCHANGE_S_FOUNDATION"))
        .user(User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3").mailbox(mailbox))
        .user(
            User::new(EDSGER, "Edsger Dijkstra")
                .located("NL")
                .licensed("SPE_E3")
                .mailbox(Mailbox::new().pending()),
        )
        .user(User::new(ADA, "Ada Lovelace").located("GB").licensed("EMS"))
}

async fn desk() -> Desk {
    Desk::with(Options::new(tenant())).await
}

async fn rules(desk: &Desk) -> Vec<Value> {
    let page = desk.found(&format!("users/{GRACE}/mailFolders/inbox/messageRules")).await;
    page["value"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_mailbox_needs_its_plan_and_its_time() {
    let desk = desk().await;
    let (code, fragment) = NOT_ENABLED;
    for user in [ADA, EDSGER] {
        let settings = desk.get(&format!("users/{user}/mailboxSettings/automaticRepliesSetting")).await;
        refused(&settings, 404, code, fragment);
        refused(
            &desk.get(&format!("users/{user}/mailFolders/inbox/messageRules")).await,
            404,
            code,
            fragment,
        );
    }
    desk.emulator.with_tenant(|tenant| tenant.finish_mailbox(EDSGER)).unwrap();
    let replies = desk.found(&format!("users/{EDSGER}/mailboxSettings/automaticRepliesSetting")).await;
    assert_eq!(replies["status"], "disabled");
    let stranger = desk.get("users/nobody@contoso.example/mailFolders/inbox/messageRules").await;
    refused(&stranger, 404, "ErrorInvalidUser", "is invalid");
}

#[tokio::test]
async fn fields_not_sent_keep_their_value_and_texts_come_back_as_documents() {
    let desk = desk().await;
    let settings = format!("users/{GRACE}/mailboxSettings");
    let moment = |at: &str| json!({ "dateTime": at, "timeZone": "UTC" });
    let setting = json!({
        "status": "scheduled",
        "internalReplyMessage": "Away",
        "scheduledStartDateTime": moment("2026-03-02T08:00:00"),
    });
    let body = json!({ "automaticRepliesSetting": setting });
    for _ in 0..2 {
        let (status, answer) = desk.send("PATCH", &settings, Some(body.clone())).await;
        assert_eq!((status, &answer["automaticRepliesSetting"]["status"]), (200, &json!("scheduled")));
    }
    let replies = desk.found(&format!("{settings}/automaticRepliesSetting")).await;
    assert_eq!(replies["internalReplyMessage"], "<html>\n<body>\nAway\n</body>\n</html>\n");
    assert_eq!(replies["externalReplyMessage"], "<html>\n<body>\nAt sea\n</body>\n</html>\n");
    assert_eq!(replies["scheduledStartDateTime"], moment("2026-03-02T08:00:00.0000000"));
    let grace = desk.user(GRACE);
    assert_eq!(desk.emulator.effects(), [format!("set automatic replies of user {grace}: scheduled")]);
}

#[tokio::test]
async fn settings_that_are_none_are_refused() {
    let desk = desk().await;
    let rows = [
        (json!({ "status": "maybe" }), "BadRequest", "maybe"),
        (json!({ "externalAudience": 1 }), "BadRequest", "externalAudience"),
        (json!({ "shoeSize": 1 }), "Request_BadRequest", "shoeSize"),
        (
            json!({ "scheduledEndDateTime": { "dateTime": "soon", "timeZone": "UTC" } }),
            "ErrorInvalidRequest",
            "scheduledEndDateTime",
        ),
    ];
    for (setting, code, fragment) in rows {
        let body = json!({ "automaticRepliesSetting": setting });
        let answer = desk.send("PATCH", &format!("users/{GRACE}/mailboxSettings"), Some(body)).await;
        refused(&answer, 400, code, fragment);
    }
    assert!(desk.emulator.effects().is_empty());
}

#[tokio::test]
async fn a_rule_made_twice_is_there_twice() {
    let desk = desk().await;
    let path = format!("users/{GRACE}/mailFolders/inbox/messageRules");
    let actions = json!({ "redirectTo": [{ "emailAddress": { "address": ADA } }] });
    let rule = json!({ "displayName": "Hand over", "sequence": 2, "isEnabled": true, "actions": actions });
    for _ in 0..2 {
        let (status, made) = desk.send("POST", &path, Some(rule.clone())).await;
        assert_eq!(
            (status, &made["displayName"], &made["hasError"]),
            (201, &json!("Hand over"), &json!(false))
        );
    }
    let made: Vec<_> =
        rules(&desk).await.into_iter().filter(|rule| rule["displayName"] == "Hand over").collect();
    assert_eq!(made.len(), 2);
    assert_ne!(made[0]["id"], made[1]["id"]);
    let nameless = desk.send("POST", &path, Some(json!({ "actions": actions }))).await;
    refused(&nameless, 400, "ErrorInvalidRequest", "name");
    let unknown = json!({ "displayName": "x", "actions": { "burn": true } });
    refused(&desk.send("POST", &path, Some(unknown)).await, 400, "Request_BadRequest", "burn");
    let unknown = json!({ "displayName": "x", "conditions": { "phaseOfMoon": 1 }, "actions": actions });
    refused(&desk.send("POST", &path, Some(unknown)).await, 400, "Request_BadRequest", "phaseOfMoon");
}

#[tokio::test]
async fn a_rule_files_into_a_folder_that_is_there() {
    let desk = desk().await;
    let path = |id: &str| format!("users/{GRACE}/mailFolders/{id}?$select=id,displayName");
    let ships = Mailbox::folder_id("Ships");
    assert_eq!(desk.found(&path(&ships)).await["displayName"], "Ships");
    assert_eq!(desk.found(&path("inbox")).await["displayName"], "Inbox");
    refused(&desk.get(&path("AAMkgone=")).await, 404, "ErrorItemNotFound", "not found in the store");
    for (folder, expected) in [(ships.as_str(), 201), ("AAMkgone=", 400)] {
        let rule = json!({ "displayName": "File", "sequence": 1, "actions": { "moveToFolder": folder } });
        let path = format!("users/{GRACE}/mailFolders/inbox/messageRules");
        assert_eq!(desk.send("POST", &path, Some(rule)).await.0, expected, "{folder}");
    }
}

#[tokio::test]
async fn a_rule_is_deleted_once_unless_it_is_read_only() {
    let desk = desk().await;
    let path = |rule: &Value| {
        format!("users/{GRACE}/mailFolders/inbox/messageRules/{}", rule["id"].as_str().unwrap())
    };
    let all = rules(&desk).await;
    let named = |name: &str| all.iter().find(|rule| rule["displayName"] == name).unwrap();
    let (junk, policy) = (named("Junk"), named("Policy"));
    assert_eq!(desk.send("DELETE", &path(junk), None).await.0, 204);
    refused(
        &desk.send("DELETE", &path(junk), None).await,
        404,
        "ErrorItemNotFound",
        "not found in the store",
    );
    refused(&desk.send("DELETE", &path(policy), None).await, 403, "ErrorAccessDenied", "read-only");
    assert_eq!(rules(&desk).await.len(), 1);
    let grace = desk.user(GRACE);
    assert_eq!(desk.emulator.effects(), [format!("delete inbox rule Junk of user {grace}")]);
}

#[tokio::test]
async fn settings_and_rules_cannot_be_changed_with_read_permissions() {
    let application = Application::default().roles(&["MailboxSettings.Read"]);
    let desk = Desk::with(Options::new(tenant().application(application))).await;
    let rule = rules(&desk).await[0]["id"].as_str().unwrap().to_owned();
    let rules = format!("users/{GRACE}/mailFolders/inbox/messageRules");
    let rule = format!("{rules}/{rule}");
    let writes = [("PATCH", format!("users/{GRACE}/mailboxSettings")), ("POST", rules), ("DELETE", rule)];
    for (method, path) in writes {
        let answer = desk.send(method, &path, Some(json!({}))).await;
        refused(&answer, 403, "ErrorAccessDenied", "Access is denied");
    }
}

#[tokio::test]
async fn a_tenant_file_can_hold_mailboxes() {
    let file = json!({
        "tenantId": "c047050e-4a11-4d5e-9f00-6a7e4005e001",
        "displayName": "Contoso",
        "verifiedDomains": ["contoso.example"],
        "skus": [{ "skuPartNumber": "E3", "enabled": 1,
            "servicePlans": [{ "servicePlanName": "EXCHANGE_S_STANDARD" }] }],
        "users": [{
            "userPrincipalName": GRACE, "displayName": "Grace Hopper", "usageLocation": "US",
            "licenses": ["E3"],
            "mailbox": { "inboxRules": [{ "displayName": "Junk", "actions": { "delete": true } }] },
        }],
    });
    let tenant = Tenant::from_json(&file.to_string()).unwrap().application(Application::default());
    let desk = Desk::with(Options::new(tenant)).await;
    let rules = rules(&desk).await;
    assert_eq!((rules.len(), &rules[0]["displayName"]), (1, &json!("Junk")));
    assert!(!rules[0]["id"].as_str().unwrap().is_empty());
    let mistyped = file.to_string().replace("inboxRules", "rules");
    let error = Tenant::from_json(&mistyped).unwrap_err().to_string();
    assert!(error.contains("users[0].mailbox") && error.contains("rules"), "{error}");
}
