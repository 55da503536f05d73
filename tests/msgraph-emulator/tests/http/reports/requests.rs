//! How reports are asked for, and what refuses a question.

use serde_json::json;

use super::{PEOPLE, ago, desk, switch, table, three};
use crate::harness::{ADA, Desk, read, refused};

#[tokio::test]
async fn every_report_has_its_columns_and_every_person() {
    let desk = desk(three()).await;
    for (report, span, columns) in PEOPLE {
        let table = table(&desk, &format!("{report}{span}")).await;
        assert_eq!((table.head.len(), table.rows.len()), (columns, 3), "{report}");
        assert_eq!(table.head[0], "Report Refresh Date");
        assert!(table.of(ADA).is_some(), "{report}");
    }
    for (report, columns) in [("getM365AppUserCounts", 9), ("getM365AppPlatformUserCounts", 7)] {
        let table = table(&desk, &format!("{report}(period='D7')")).await;
        assert_eq!((table.head.len(), table.rows.len()), (columns, 7), "{report}");
    }
}

#[tokio::test]
async fn a_date_is_not_quoted_and_not_older_than_the_days_that_are_kept() {
    let desk = desk(three()).await;
    let of = |day: &str| format!("reports/getM365AppUserDetail(date={day})");
    let quoted = desk.get(&of(&format!("'{}'", ago(5)))).await;
    refused(
        &quoted,
        400,
        "BadRequest",
        "Expression of type 'Edm.String' cannot be converted to type 'Edm.Date'.",
    );
    for day in [ago(28), ago(400), ago(0), ago(-1)] {
        let text = format!("Invalid date value specified: {day}. Only support data for the past 28 days.");
        refused(&desk.get(&of(&day.to_string())).await, 400, "InvalidArgument", &text);
    }
    for day in [ago(27), ago(2), ago(1)] {
        let answer = desk.request("GET", &of(&day.to_string())).send().await.unwrap();
        assert_eq!(answer.status(), 302, "{day}");
    }
    // Whether the 28th day back is given was seen both ways.
    switch(&desk, json!({ "oldest_day": 28 })).await;
    let answer = desk.request("GET", &of(&ago(28).to_string())).send().await.unwrap();
    assert_eq!(answer.status(), 302);
}

#[tokio::test]
async fn a_report_is_asked_with_a_period_or_a_date_and_not_with_both() {
    let desk = desk(three()).await;
    let day = ago(5);
    let both = format!("getM365AppUserDetail(period='D7',date={day})");
    let no_date = format!("getMailboxUsageDetail(date={day})");
    let cases = [
        (both.as_str(), "Resource not found for the segment 'getM365AppUserDetail'"),
        ("getM365AppUserDetail", "Resource not found for the segment"),
        ("getM365AppUserDetail()", "Resource not found for the segment"),
        ("getM365AppUserDetail(days=7)", "Resource not found for the segment"),
        (no_date.as_str(), "Resource not found for the segment"),
        ("getOffice365ActivationsUserDetail(period='D7')", "Resource not found for the segment"),
        ("getShoeSizes(period='D7')", "Resource not found for the segment 'getShoeSizes'"),
        ("getM365AppUserDetail(period='D7'", "Resource not found for the segment"),
        ("getM365AppUserDetail(period=D7)", "Error in query syntax"),
        ("getM365AppUserDetail(date=yesterday)", "Error in query syntax"),
        ("getM365AppUserDetail(period='D7')?$select=outlook", "'$select' is not supported"),
        ("getMailboxUsageDetail(period='D7')?$format=application/json", "'$format' is not supported"),
        ("getM365AppUserDetail(period='D7')?$top=5", "$format=application/json"),
    ];
    for (report, text) in cases {
        refused(&desk.get(&format!("reports/{report}")).await, 400, "BadRequest", text);
    }
    for period in ["D8", "ALL", "D28"] {
        let answer = desk.get(&format!("reports/getM365AppUserDetail(period='{period}')")).await;
        refused(&answer, 400, "InvalidArgument", &format!("Invalid period value specified: {period}"));
    }
}

#[tokio::test]
async fn reports_and_their_setting_need_permissions_of_their_own() {
    let other = Desk::allowed(&["User.Read.All", "ReportSettings.Read.All"]).await;
    refused(&other.get("reports/getM365AppUserDetail(period='D7')").await, 403, "S2SUnauthorized", "");
    other.found("admin/reportSettings").await;
    let change = Some(json!({ "displayConcealedNames": true }));
    refused(&other.send("PATCH", "admin/reportSettings", change.clone()).await, 403, "S2SUnauthorized", "");
    let desk = desk(three()).await;
    assert_eq!(desk.send("PATCH", "admin/reportSettings", change).await.0, 204);
    assert_eq!(desk.found("admin/reportSettings").await["displayConcealedNames"], true);
}

#[tokio::test]
async fn an_unknown_switch_is_refused_by_name() {
    let desk = desk(three()).await;
    let control = format!("{}/_emulator/reports", desk.emulator.url());
    let answer = desk.http.patch(&control).json(&json!({ "colour": "red" })).send().await.unwrap();
    let (status, body) = read(answer).await;
    assert_eq!(status, 400);
    assert!(body["error"].as_str().unwrap().contains("unknown field `colour`"), "{body}");
    let (_, switches) = read(desk.http.get(&control).send().await.unwrap()).await;
    assert_eq!((&switches["lag_days"], &switches["inactive_rows"]), (&json!(2), &json!(false)));
}
