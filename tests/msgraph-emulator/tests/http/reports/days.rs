//! Days: what is late, missing, counted again, or about people who are gone.

use serde_json::json;

use super::{APPS, PLATFORMS, Table, ago, crowd, desk, on, switch, table, three, wednesday};
use crate::harness::{ADA, GRACE};

#[tokio::test]
async fn figures_are_two_days_behind_by_the_service_s_day() {
    let desk = desk(crowd(7, 500)).await;
    let [late, there] = [on(&desk, ago(1)).await, on(&desk, ago(2)).await];
    assert_eq!((late.head.len(), late.rows.len()), (39, 0));
    assert!(!there.rows.is_empty());
    let period = table(&desk, "getM365AppUserDetail(period='D7')").await;
    assert_eq!(period.column("Report Refresh Date")[0], ago(2).to_string());

    switch(&desk, json!({ "today": "2026-06-30", "lag_days": 4 })).await;
    let day = |day: &str| on(&desk, day.parse().unwrap());
    assert!(!day("2026-06-26").await.rows.is_empty() && day("2026-06-27").await.rows.is_empty());
}

#[tokio::test]
async fn a_day_can_have_a_header_and_nothing_else() {
    let desk = desk(crowd(7, 500)).await;
    switch(&desk, json!({ "header_only": [ago(5)] })).await;
    let rows = [on(&desk, ago(6)).await.rows.len(), on(&desk, ago(5)).await.rows.len()];
    assert!(rows[0] > 0 && rows[1] == 0, "{rows:?}");
    switch(&desk, json!({ "header_only": [] })).await;
    assert!(!on(&desk, ago(5)).await.rows.is_empty(), "asked later it is there");
}

#[tokio::test]
async fn a_day_that_is_counted_again_has_another_date_and_more_use() {
    let desk = desk(crowd(7, 2_000)).await;
    let day = wednesday();
    let before = on(&desk, day).await;
    assert_eq!(before.column("Report Refresh Date")[0], day.to_string());
    switch(&desk, json!({ "restated": { day.to_string(): ago(1) } })).await;
    let after = on(&desk, day).await;
    assert_eq!(after.column("Report Refresh Date")[0], ago(1).to_string());
    assert!(after.rows.len() > before.rows.len());
    assert!(before.column("User Principal Name").iter().all(|upn| after.of(upn).is_some()));
}

#[tokio::test]
async fn who_used_nothing_has_a_row_only_if_asked_for() {
    let desk = desk(crowd(7, 2_000)).await;
    let used = |table: &Table| APPS.map(|app| table.yes(app));
    let without = on(&desk, wednesday()).await;
    let is_used =
        |row: &std::collections::BTreeMap<String, String>| APPS.iter().any(|app| row[*app] == "Yes");
    assert!(without.rows.iter().all(is_used));
    switch(&desk, json!({ "inactive_rows": true })).await;
    let with = on(&desk, wednesday()).await;
    assert!(with.rows.len() > without.rows.len() + 100);
    assert_eq!(used(&with), used(&without));
    // Who is idle has installed the apps, too.
    let idle = with.rows.iter().filter(|row| !is_used(row));
    assert!(idle.clone().any(|row| row["Last Activation Date"] > row["Last Activity Date"]));
}

#[tokio::test]
async fn a_flag_of_a_platform_is_about_every_app_and_an_app_may_have_none() {
    let desk = desk(crowd(7, 5_000)).await;
    let mut without_platform = 0;
    for row in on(&desk, wednesday()).await.rows {
        for platform in PLATFORMS {
            let apps = APPS.iter().any(|app| row[&format!("{app} ({platform})")] == "Yes");
            assert_eq!(row[platform] == "Yes", apps, "{row:?}");
        }
        for app in APPS {
            let places = PLATFORMS.iter().any(|platform| row[&format!("{app} ({platform})")] == "Yes");
            assert!(!places || row[app] == "Yes", "{row:?}");
            without_platform += u32::from(row[app] == "Yes" && !places);
        }
        assert_eq!(row["Report Period"], "1");
    }
    assert!(without_platform > 0);
}

#[tokio::test]
async fn who_is_deleted_stays_in_the_days_before_and_in_no_period() {
    let desk = desk(crowd(7, 300)).await;
    let day = wednesday();
    let someone = on(&desk, day).await.column("User Principal Name")[0].to_owned();
    let (before, counts) = (on(&desk, day).await.rows.len(), "getM365AppUserCounts(period='D30')");
    let counted = table(&desk, counts).await.rows;
    assert_eq!(desk.send("DELETE", &format!("users/{someone}"), None).await.0, 204);
    assert!(table(&desk, "getM365AppUserDetail(period='D30')").await.of(&someone).is_none());
    let after = on(&desk, day).await;
    assert_eq!(after.rows.len(), before);
    assert!(after.of(&someone).is_some());
    assert_eq!(table(&desk, counts).await.rows, counted);
    switch(&desk, json!({ "inactive_rows": true })).await;
    assert_eq!(
        on(&desk, day).await.column("User Principal Name").iter().filter(|upn| **upn == someone).count(),
        1
    );
}

#[tokio::test]
async fn who_is_renamed_has_the_old_name_on_the_days_before() {
    let desk = desk(three()).await;
    let (day, old) = (wednesday(), "ada.byron@contoso.example");
    switch(&desk, json!({ "inactive_rows": true, "renamed": [{ "user": ADA, "was": old, "on": day }] }))
        .await;
    let [before, after] = [on(&desk, day.yesterday().unwrap()).await, on(&desk, day).await];
    assert!(before.of(old).is_some() && before.of(ADA).is_none());
    assert!(after.of(ADA).is_some() && after.of(old).is_none() && after.of(GRACE).is_some());
}

#[tokio::test]
async fn who_may_not_use_anything_has_no_row() {
    let desk = desk(crowd(7, 2_000)).await;
    switch(&desk, json!({ "inactive_rows": true })).await;
    let day = on(&desk, wednesday()).await;
    assert!(day.rows.len() < 1_700, "{}", day.rows.len());
    assert!(!day.column("User Principal Name").iter().any(|upn| upn.contains("#EXT#")));
    let other = desk.get("users?$filter=userPrincipalName eq 'person-0000001@contoso.example'").await;
    assert_eq!(other.0, 200);
}
