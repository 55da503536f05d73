//! Names: concealed in every form that was seen, and people without one.

use std::collections::BTreeSet;

use serde_json::json;

use super::{PEOPLE, Table, ago, csv, desk, on, switch, table, three};
use crate::harness::{ADA, EDSGER};

#[tokio::test]
async fn concealed_names_are_thirty_two_digits() {
    let desk = desk(three().concealing_names()).await;
    for (report, span, _) in PEOPLE {
        let csv = csv(&desk, &format!("{report}{span}")).await;
        assert!(!csv.contains('@') && !csv.contains("Lovelace"), "{csv}");
        let table = Table::read(&csv);
        for row in &table.rows {
            let upn = row["User Principal Name"].as_str();
            assert!(
                upn.len() == 32 && upn.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
            );
            assert!(row.get("Display Name").is_none_or(|name| name.len() == 32 && name != upn), "{row:?}");
            assert!(row.get("User Id").is_none_or(|id| id.starts_with("00000000-0000-")), "{row:?}");
        }
    }
}

#[tokio::test]
async fn a_pseudonym_is_the_same_in_every_report_and_on_every_day() {
    let desk = desk(three().concealing_names()).await;
    switch(&desk, json!({ "inactive_rows": true })).await;
    let names = |table: &Table| -> BTreeSet<String> {
        table.column("User Principal Name").into_iter().map(str::to_owned).collect()
    };
    let first = names(&on(&desk, ago(3)).await);
    assert_eq!(first.len(), 3);
    assert_eq!(names(&on(&desk, ago(9)).await), first);
    assert_eq!(names(&table(&desk, "getEmailActivityUserDetail(period='D7')").await), first);
}

#[tokio::test]
async fn names_are_concealed_in_other_forms_too() {
    let desk = desk(three().concealing_names()).await;
    let form = async |form: &str| {
        switch(&desk, json!({ "concealed_as": form })).await;
        let table = table(&desk, "getM365AppUserDetail(period='D7')").await;
        table.column("User Principal Name")[0].to_owned()
    };
    let guid = form("guid").await;
    assert!(guid.len() == 36 && guid.to_lowercase() == guid && guid.matches('-').count() == 4, "{guid}");
    assert_eq!(form("upper_guid").await, guid.to_uppercase());
    assert_eq!(form("digits").await, guid.to_uppercase().replace('-', ""));
    let marked = form("marked").await;
    assert!(marked.starts_with("<PII:H105(") && marked.ends_with("=)>@domain.com"), "{marked}");
    assert_eq!(form("empty").await, "");
}

#[tokio::test]
async fn names_can_be_concealed_whatever_the_setting_says() {
    let desk = desk(three()).await;
    assert_eq!(desk.found("admin/reportSettings").await["displayConcealedNames"], false);
    assert!(csv(&desk, "getM365AppUserDetail(period='D7')").await.contains(ADA));
    switch(&desk, json!({ "always_concealed": true })).await;
    assert!(!csv(&desk, "getM365AppUserDetail(period='D7')").await.contains('@'));
    assert_eq!(desk.found("admin/reportSettings").await["displayConcealedNames"], false);
}

#[tokio::test]
async fn new_people_have_no_name_yet() {
    let desk = desk(three()).await;
    switch(&desk, json!({ "unknown": [ADA, EDSGER] })).await;
    let table = table(&desk, "getOffice365ActiveUserDetail(period='D7')").await;
    let unknown = table.rows.iter().filter(|row| row["User Principal Name"] == "(Unknown)");
    assert_eq!(unknown.clone().count(), 2);
    assert!(unknown.clone().all(|row| row["Display Name"].is_empty()));
    switch(&desk, json!({ "unknown": [], "unknown_one_in": 1 })).await;
    assert_eq!(csv(&desk, "getM365AppUserDetail(period='D7')").await.matches("(Unknown)").count(), 3);
}
