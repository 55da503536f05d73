//! Calendars: owners, permissions, and those that Exchange maintains.

use msgraph_emulator::{Application, Calendar, Mailbox, Options, Sku, Tenant, User};
use serde_json::{Value, json};

use crate::harness::{ADA, Desk, EDSGER, GRACE, refused};

/// Grace shares two calendars, is shown one of Ada's, and has birthdays.
fn tenant() -> Tenant {
    let mailbox = Mailbox::new()
        .calendar(Calendar::primary().shared_with(ADA, "write"))
        .calendar(Calendar::named("Voyages").shared_with(EDSGER, "read").shared_with_everybody("read"))
        .calendar(Calendar::named("Engines").of(ADA))
        .calendar(Calendar::named("Birthdays").fixed());
    Tenant::empty()
        .sku(Sku::new("SPE_E3", 5).plan("EXCHANGE_S_ENTERPRISE"))
        .user(User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3").mailbox(mailbox))
        .user(User::new(ADA, "Ada Lovelace"))
}

async fn desk() -> Desk {
    Desk::with(Options::new(tenant())).await
}

async fn values(desk: &Desk, path: &str) -> Vec<Value> {
    desk.found(path).await["value"].as_array().unwrap().clone()
}

async fn calendar(desk: &Desk, name: &str) -> String {
    let all = values(desk, &format!("users/{GRACE}/calendars")).await;
    let found = all.iter().find(|calendar| calendar["name"] == name).unwrap();
    format!("users/{GRACE}/calendars/{}", found["id"].as_str().unwrap())
}

#[tokio::test]
async fn calendars_show_their_owner_and_rights() {
    let desk = desk().await;
    let all = values(&desk, &format!("users/{GRACE}/calendars")).await;
    let told: Vec<_> = all
        .iter()
        .map(|calendar| {
            let is = |name: &str| calendar[name].as_bool().unwrap();
            let of = calendar["owner"]["address"].as_str().unwrap();
            (is("isDefaultCalendar"), is("isRemovable"), is("canEdit"), is("canShare"), of)
        })
        .collect();
    let expected = [
        (true, false, true, true, GRACE),
        (false, true, true, true, GRACE),
        (false, true, false, false, ADA),
        (false, false, false, false, GRACE),
    ];
    assert_eq!(told, expected);
    let nobody = desk.get(&format!("users/{ADA}/calendars")).await;
    refused(&nobody, 404, "MailboxNotEnabledForRESTAPI", "inactive");
}

#[tokio::test]
async fn a_permission_is_removed_once_and_the_organization_s_stays() {
    let desk = desk().await;
    let path = format!("{}/calendarPermissions", calendar(&desk, "Voyages").await);
    let permissions = values(&desk, &path).await;
    let (everybody, edsger) = (&permissions[0], &permissions[1]);
    assert_eq!((&everybody["isRemovable"], &everybody["role"]), (&json!(false), &json!("read")));
    assert_eq!(edsger["emailAddress"]["address"], EDSGER);
    let one = |permission: &Value| format!("{path}/{}", permission["id"].as_str().unwrap());
    assert_eq!(desk.send("DELETE", &one(edsger), None).await.0, 204);
    refused(&desk.send("DELETE", &one(edsger), None).await, 404, "ErrorItemNotFound", "not found");
    refused(&desk.send("DELETE", &one(everybody), None).await, 400, "ErrorInvalidRequest", "removed");
    assert_eq!(values(&desk, &path).await.len(), 1);
    let others = format!("{}/calendarPermissions", calendar(&desk, "Engines").await);
    assert_eq!(values(&desk, &others).await, Vec::<Value>::new(), "only the owner sees them");
    assert_eq!(desk.emulator.effects().len(), 1);
}

#[tokio::test]
async fn a_calendar_is_shared_once_and_only_the_role_changes() {
    let desk = desk().await;
    let path = format!("{}/calendarPermissions", calendar(&desk, "Voyages").await);
    let share = |address: &str, role: &str| {
        json!({ "emailAddress": { "name": address, "address": address }, "isInsideOrganization": true,
            "isRemovable": true, "role": role })
    };
    let (status, made) = desk.send("POST", &path, Some(share(ADA, "read"))).await;
    assert_eq!((status, &made["role"], &made["emailAddress"]["address"]), (200, &json!("read"), &json!(ADA)));
    let twice = desk.send("POST", &path, Some(share(ADA, "write"))).await;
    refused(&twice, 400, "ErrorInvalidRequest", "already");
    let nobody = desk.send("POST", &path, Some(share("nobody@contoso.example", "read"))).await;
    refused(&nobody, 400, "ErrorInvalidRequest", "resolved");
    refused(&desk.send("POST", &path, Some(share(GRACE, "custom"))).await, 400, "BadRequest", "custom");
    let engines = format!("{}/calendarPermissions", calendar(&desk, "Engines").await);
    let denied = desk.send("POST", &engines, Some(share(ADA, "read"))).await;
    refused(&denied, 403, "ErrorAccessDenied", "owner");
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let (status, changed) = desk.send("PATCH", &one, Some(json!({ "role": "write" }))).await;
    assert_eq!((status, &changed["role"], &changed["id"]), (200, &json!("write"), &made["id"]));
    refused(&desk.send("PATCH", &one, Some(share(ADA, "read"))).await, 400, "Request_BadRequest", "");
    let gone = desk.send("PATCH", &format!("{path}/gone"), Some(json!({ "role": "read" }))).await;
    refused(&gone, 404, "ErrorItemNotFound", "not found");
    let all = values(&desk, &path).await;
    let roles: Vec<_> = all.iter().map(|held| held["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["read", "write", "read"], "the organization's, Ada's, Edsger's");
    assert_eq!(desk.emulator.effects().len(), 2);
}

#[tokio::test]
async fn a_calendar_is_deleted_unless_exchange_keeps_it() {
    let desk = desk().await;
    let (voyages, birthdays) = (calendar(&desk, "Voyages").await, calendar(&desk, "Birthdays").await);
    let primary = calendar(&desk, "Calendar").await;
    assert_eq!(desk.send("DELETE", &voyages, None).await.0, 204);
    refused(&desk.send("DELETE", &voyages, None).await, 404, "ErrorItemNotFound", "not found");
    refused(&desk.send("DELETE", &primary, None).await, 400, "ErrorInvalidRequest", "default");
    refused(&desk.send("DELETE", &birthdays, None).await, 503, "UnknownError", "");
    let grace = desk.user(GRACE);
    assert_eq!(desk.emulator.effects(), [format!("delete calendar Voyages of user {grace}")]);
}

#[tokio::test]
async fn calendars_come_ten_at_a_time() {
    let many = (0..11).fold(Mailbox::new(), |mailbox, n| mailbox.calendar(Calendar::named(&n.to_string())));
    let tenant = Tenant::empty()
        .sku(Sku::new("SPE_E3", 5).plan("EXCHANGE_S_ENTERPRISE"))
        .user(User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3").mailbox(many));
    let desk = Desk::with(Options::new(tenant)).await;
    let page = desk.found(&format!("users/{GRACE}/calendars")).await;
    assert_eq!(page["value"].as_array().unwrap().len(), 10);
    let link = page["@odata.nextLink"].as_str().unwrap();
    let last = desk.found(link.split("/v1.0/").nth(1).unwrap()).await;
    assert_eq!(last["value"].as_array().unwrap().len(), 2);
    assert!(last.get("@odata.nextLink").is_none());
    let unknown = desk.get(&format!("users/{GRACE}/calendars?$search=x")).await;
    refused(&unknown, 400, "BadRequest", "$search");
}

#[tokio::test]
async fn the_basic_permission_shows_calendars_without_their_sharings() {
    let application = Application::default().roles(&["Calendars.ReadBasic"]);
    let desk = Desk::with(Options::new(tenant().application(application))).await;
    let voyages = calendar(&desk, "Voyages").await;
    let path = format!("{voyages}/calendarPermissions");
    refused(&desk.get(&path).await, 403, "ErrorAccessDenied", "Access is denied");
    refused(&desk.send("DELETE", &voyages, None).await, 403, "ErrorAccessDenied", "Access is denied");
}
