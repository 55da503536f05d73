//! Rounds of changes.

use std::collections::BTreeMap;

use directory_sync::{ChangesSummary, Cursor, Error, UsersDelta};
use msgraph_emulator::{Options, Tenant, User};
use serde_json::{Value, json};

use crate::tenant::{Place, ROLES, find, reason, row};

async fn round(place: &Place, cursor: &Cursor) -> Result<(Vec<Value>, ChangesSummary), Error> {
    let mut round = UsersDelta::begin(place.client.reader(), cursor)?;
    let mut rows = Vec::new();
    while let Some(changes) = round.next().await? {
        rows.extend(changes.iter().map(row));
    }
    Ok((rows, round.finish().unwrap()))
}

async fn changes(place: &Place, cursor: &Cursor) -> (Vec<Value>, ChangesSummary) {
    round(place, cursor).await.unwrap()
}

async fn refused(place: &Place, cursor: &Cursor) -> String {
    let error = round(place, cursor).await.err().unwrap();
    reason(&error).to_owned()
}

fn people() -> Tenant {
    ["ada", "grace", "edsger"].into_iter().fold(Tenant::empty(), |tenant, name| {
        tenant.user(User::new(&format!("{name}@contoso.example"), name).with("department", "Engines"))
    })
}

fn set(place: &Place, user: &str, property: &str, value: impl Into<Value>) {
    place.emulator.with_tenant(|tenant| tenant.set(user, property, value)).unwrap();
}

#[tokio::test]
async fn a_round_says_who_changed_and_who_was_removed() {
    let place = Place::of(people());
    let cursor = place.everyone().await.1.cursor.unwrap();
    assert_eq!(changes(&place, &cursor).await.0.len(), 0);
    set(&place, "ada@contoso.example", "accountEnabled", false);
    set(&place, "grace@contoso.example", "department", Value::Null);
    let edsger = place.id("edsger@contoso.example");
    place.emulator.with_tenant(|tenant| tenant.soft_delete(edsger.parse().unwrap()));
    let (rows, found) = changes(&place, &cursor).await;
    let ada = find(&rows, "user_principal_name", "ada@contoso.example");
    assert_eq!((&ada["kind"], &ada["account_enabled"]), (&json!("user"), &json!(false)));
    assert_eq!(ada.get("manager_id"), None, "a manager who stays is not mentioned");
    assert_eq!(ada.get("job_title"), None, "what never had a value is not mentioned");
    let grace = find(&rows, "user_principal_name", "grace@contoso.example");
    assert_eq!(grace.get("department"), Some(&Value::Null), "null means cleared");
    let edsger = find(&rows, "id", &edsger);
    assert_eq!((&edsger["kind"], &edsger["removed"]), (&json!("removed_user"), &json!("deleted")));
    assert_eq!((found.counts.changed, found.counts.deleted, found.counts.purged), (2, 1, 0));
    assert_eq!(changes(&place, &found.cursor).await.0.len(), 0, "the next round begins after this one");
}

#[tokio::test]
async fn an_account_that_is_gone_is_told_from_one_that_can_be_restored() {
    let place = Place::of(people());
    let cursor = place.everyone().await.1.cursor.unwrap();
    let ada = place.id("ada@contoso.example");
    place.emulator.with_tenant(|tenant| tenant.soft_delete(ada.parse().unwrap()));
    let (rows, found) = changes(&place, &cursor).await;
    assert_eq!(rows, [json!({ "kind": "removed_user", "id": ada, "removed": "deleted" })]);
    assert_eq!(found.counts.deleted, 1);
}

#[tokio::test]
async fn a_new_manager_is_named_and_none_is_null() {
    let tenant = people().user(User::new("joost@contoso.example", "Joost").manager("ada@contoso.example"));
    let roles: Vec<_> = ROLES.into_iter().chain(["User.ReadWrite.All"]).collect();
    let place = Place::with(tenant, &roles);
    let cursor = place.everyone().await.1.cursor.unwrap();
    let (joost, grace) = (place.id("joost@contoso.example"), place.id("grace@contoso.example"));
    place.client.writer().set_manager(&joost, &grace).await.unwrap();
    let (rows, found) = changes(&place, &cursor).await;
    assert_eq!(find(&rows, "id", &joost)["manager_id"], grace);
    place.client.writer().remove_manager(&joost).await.unwrap();
    let (rows, _) = changes(&place, &found.cursor).await;
    assert_eq!(find(&rows, "id", &joost).get("manager_id"), Some(&Value::Null));
}

#[tokio::test]
async fn who_comes_twice_is_read_once_more_and_is_right_whatever_the_order() {
    let place = Place::start(options(people().crowd(1, 40)));
    let cursor = place.everyone().await.1.cursor.unwrap();
    place.control("PATCH", "delta", r#"{"replays":true}"#).await;
    for department in ["Old", "New"] {
        set(&place, "ada@contoso.example", "department", department);
        set(&place, "grace@contoso.example", "department", department);
    }
    let (rows, found) = changes(&place, &cursor).await;
    let mut last = BTreeMap::new();
    for row in &rows {
        last.insert(row["id"].as_str().unwrap(), row);
    }
    for name in ["ada", "grace"] {
        let id = place.id(&format!("{name}@contoso.example"));
        assert_eq!(last[id.as_str()]["department"], "New", "{name}: the last row is the newest");
    }
    assert!(found.counts.read_again >= 1, "{:?}", found.counts);
}

fn options(tenant: Tenant) -> Options {
    let application = msgraph_emulator::Application::default().roles(&ROLES);
    Options::new(tenant.application(application)).page_limit(5)
}

#[tokio::test]
async fn a_state_that_graph_forgot_leads_to_a_full_pass() {
    let place = Place::of(people());
    let cursor = place.everyone().await.1.cursor.unwrap();
    place.control("PATCH", "delta", r#"{"age_days":8}"#).await;
    assert_eq!(refused(&place, &cursor).await, "token_expired");
    let cursor = place.everyone().await.1.cursor.unwrap();
    place.emulator.with_tenant(Tenant::expire_delta_tokens);
    assert_eq!(refused(&place, &cursor).await, "token_expired");
}

#[tokio::test]
async fn a_cursor_that_was_tampered_with_is_sent_to_nobody() {
    let place = Place::of(people());
    let cursor = place.everyone().await.1.cursor.unwrap();
    let before = place.requests().len();
    let mut tampered = cursor.as_str().to_owned();
    tampered.replace_range(20..21, if &tampered[20..21] == "A" { "B" } else { "A" });
    assert_eq!(refused(&place, &Cursor::new(tampered)).await, "cursor_damaged");
    let link = "https://graph.contoso.example/v1.0/users/delta?$deltatoken=t";
    assert_eq!(refused(&place, &Cursor::new(link)).await, "cursor_damaged");
    assert_eq!(place.requests().len(), before);
    assert!(!cursor.as_str().contains("://"), "no link");
}
