//! Passes over everyone.

use std::collections::BTreeSet;

use directory_sync::{Subject, UsersDelta, UsersPass};
use msgraph_emulator::{Application, Options, Tenant, User};
use serde_json::{Value, json};

use crate::tenant::{Place, ROLES, find, row};

#[tokio::test]
async fn totals_are_those_of_the_tenant() {
    for (seed, people) in [(1, 0), (2, 1), (3, 999), (4, 1_000), (5, 4_321)] {
        let place = Place::of(Tenant::contoso().crowd(seed, people).lifelike());
        let (rows, found) = place.everyone().await;
        let expected = place.totals().await;
        let totals = found.totals;
        let number = |name: &str| expected[name].as_u64().unwrap();
        assert_eq!(totals.people, number("users"), "seed {seed}");
        assert_eq!(totals.guests, number("guests"), "seed {seed}");
        assert_eq!(totals.members, number("users") - number("guests"), "seed {seed}");
        assert_eq!(totals.disabled, number("disabled"), "seed {seed}");
        assert_eq!(totals.enabled, number("users") - number("disabled"), "seed {seed}");
        assert_eq!(totals.synced, number("synced"), "seed {seed}");
        assert_eq!(totals.managed, number("with_manager"), "seed {seed}");
        assert_eq!(totals.licensed, number("users") - number("without_license"), "seed {seed}");
        let ids: BTreeSet<_> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!((ids.len(), rows.len() as u64), (rows.len(), totals.people), "everyone once");
        for (department, people) in expected["departments"].as_object().unwrap() {
            let found = rows.iter().filter(|row| row["department"] == department.as_str()).count();
            assert_eq!(found as u64, people.as_u64().unwrap(), "{department}");
        }
        assert!(found.notes.is_empty() && found.cursor.is_some(), "{:?}", found.notes);
    }
}

#[tokio::test]
async fn a_tenant_without_people_is_a_tenant_with_no_rows() {
    let place = Place::of(Tenant::empty());
    let (rows, found) = place.everyone().await;
    assert_eq!((rows.len(), found.totals.people), (0, 0));
    assert!(found.cursor.is_some());
}

#[tokio::test]
async fn the_token_is_taken_before_the_first_page_so_that_nobody_is_missed() {
    let tenant = Tenant::contoso().crowd(1, 30).application(Application::default().roles(&ROLES));
    let place = Place::start(Options::new(tenant).page_limit(10));
    let mut pass = UsersPass::begin(place.client.reader(), |users| users.len()).await.unwrap();
    let requests = place.requests();
    assert!(
        requests[0].contains("/users/delta?") && requests[0].contains("$deltatoken=latest"),
        "{requests:?}"
    );
    assert!(requests[1].contains("/users?"), "{requests:?}");
    let mut people = pass.next().await.unwrap().unwrap();
    // Whoever changes now was on a page already, or changes twice.
    place.emulator.with_tenant(|tenant| tenant.set("ada@contoso.example", "department", "Kitchen")).unwrap();
    while let Some(users) = pass.next().await.unwrap() {
        people += users;
    }
    assert_eq!(people, 34);
    let cursor = pass.finish().unwrap().cursor.unwrap();
    let mut round = UsersDelta::begin(place.client.reader(), &cursor).unwrap();
    let changes: Vec<Value> = round.next().await.unwrap().unwrap().iter().map(row).collect();
    assert_eq!((changes.len(), &changes[0]["department"]), (1, &json!("Kitchen")));
}

#[tokio::test]
async fn pages_are_as_large_as_graph_allows_and_ask_for_every_column() {
    let place = Place::of(Tenant::contoso());
    let (rows, _) = place.everyone().await;
    let list = place.requests().into_iter().find(|request| request.contains("/users?")).unwrap();
    assert!(list.contains("$top=999") && list.contains("$expand=manager($select%3Did)"), "{list}");
    // Nothing is null because nobody asked for it.
    let asked: BTreeSet<_> =
        list.split("$select=").nth(1).unwrap().split('&').next().unwrap().split(',').collect();
    let columns = rows[0].as_object().unwrap().keys();
    let own = ["kind", "unknown", "manager_id"];
    for column in columns.filter(|column| !own.contains(&column.as_str())) {
        let name: String = column.split('_').enumerate().map(|(index, part)| camel(index, part)).collect();
        assert!(asked.contains(name.as_str()), "{name}");
    }
}

fn camel(index: usize, part: &str) -> String {
    let (first, rest) = part.split_at(1);
    if index == 0 { part.to_owned() } else { format!("{}{rest}", first.to_uppercase()) }
}

#[tokio::test]
async fn a_leave_date_that_may_not_be_seen_is_unknown_and_not_empty() {
    let leaves = User::new("ada@contoso.example", "Ada Lovelace");
    let tenant =
        || Tenant::empty().user(leaves.clone().with("employeeLeaveDateTime", "2026-12-31T00:00:00Z"));
    let (rows, found) = Place::of(tenant()).everyone().await;
    assert_eq!(rows[0]["employee_leave_date_time"], "2026-12-31T00:00:00Z");
    assert_eq!((&rows[0]["unknown"], found.notes.len()), (&json!([]), 0));

    let (rows, found) = Place::with(tenant(), &["User.Read.All"]).everyone().await;
    assert_eq!(rows[0].get("employee_leave_date_time"), None, "absent, and not null");
    assert_eq!(rows[0]["unknown"], json!(["employee_leave_date_time"]));
    assert_eq!(found.notes[0].about, Subject::LeaveDates);
    assert!(found.notes[0].why.contains("User-LifeCycleInfo.Read.All"), "{:?}", found.notes);
}

#[tokio::test]
async fn a_manager_comes_with_the_list_and_who_has_none_has_null() {
    let tenant = Tenant::empty()
        .user(User::new("grace@contoso.example", "Grace Hopper"))
        .user(User::new("ada@contoso.example", "Ada Lovelace").manager("grace@contoso.example"));
    let place = Place::of(tenant);
    let (rows, found) = place.everyone().await;
    let ada = find(&rows, "user_principal_name", "ada@contoso.example");
    assert_eq!(ada["manager_id"], place.id("grace@contoso.example"));
    let grace = find(&rows, "user_principal_name", "grace@contoso.example");
    assert_eq!((grace.get("manager_id"), found.totals.managed), (Some(&Value::Null), 1));
    assert_eq!(place.requests().len(), 2, "one request for the token, one for the page");
}
