//! Usage reports: their address, their permission, and their content.

use msgraph_emulator::{Application, Options};
use reqwest::header::LOCATION;

use crate::harness::{ADA, Desk, refused, tenant};

const REPORTS: [(&str, usize); 4] = [
    ("getM365AppUserDetail", 39),
    ("getOffice365ActiveUserDetail", 24),
    ("getEmailActivityUserDetail", 13),
    ("getTeamsUserActivityUserDetail", 33),
];

async fn desk(options: Options) -> Desk {
    let mut desk = Desk::with(options).await;
    desk.http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    desk
}

fn reader() -> Options {
    Options::new(tenant().application(Application::default().roles(&["Reports.Read.All"])))
}

/// The address of a report's file.
async fn address(desk: &Desk, report: &str) -> String {
    let answer = desk.request("GET", &format!("reports/{report}")).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].as_bytes()),
        (302, &b"text/plain"[..])
    );
    answer.headers()[LOCATION].to_str().unwrap().to_owned()
}

async fn csv(desk: &Desk, report: &str) -> String {
    let address = address(desk, report).await;
    let answer = desk.http.get(address).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    String::from_utf8(answer.bytes().await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn every_report_is_a_file_with_its_columns_and_every_user() {
    let desk = desk(reader()).await;
    for (report, columns) in REPORTS {
        let csv = csv(&desk, &format!("{report}(period='D30')")).await;
        let lines: Vec<_> = csv.lines().collect();
        assert!(lines[0].starts_with("\u{feff}Report Refresh Date,"), "{}", lines[0]);
        assert_eq!(lines.len(), 5, "{report}");
        // No field of these holds a comma.
        assert!(lines.iter().all(|line| line.split(',').count() == columns), "{report}: {csv}");
        assert!(csv.contains(&format!("\"{ADA}\"")), "{csv}");
    }
}

#[tokio::test]
async fn figures_are_two_days_behind_and_the_same_every_time() {
    let desk = desk(reader()).await;
    let seven = csv(&desk, "getM365AppUserDetail(period='D7')").await;
    let refreshed = seven.lines().nth(1).unwrap().split(',').next().unwrap().to_owned();
    let day: jiff::civil::Date = refreshed.parse().unwrap();
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    assert!([2, 3].map(|days| day.saturating_add(jiff::Span::new().days(days))).contains(&today), "{day}");
    assert_eq!(csv(&desk, "getM365AppUserDetail(period='D7')").await, seven);
    assert!(seven.contains(",Yes") && seven.contains(",No"), "{seven}");

    // What somebody used on a day they used within the week.
    let one = csv(&desk, &format!("getM365AppUserDetail(date={refreshed})")).await;
    for (day, week) in one.lines().zip(seven.lines()).skip(1) {
        let mut pairs = day.split(',').zip(week.split(',')).skip(5);
        assert!(pairs.all(|(day, week)| day == "No" || week == "Yes"), "{day}\n{week}");
    }
    assert!(one.matches("Yes").count() < seven.matches("Yes").count());
}

#[tokio::test]
async fn a_file_wants_no_token_and_its_address_ends() {
    let desk = desk(reader()).await;
    let address = address(&desk, "getEmailActivityUserDetail(period='D7')").await;
    let with_token = desk.http.get(&address).bearer_auth(&desk.token).send().await.unwrap();
    assert_eq!(with_token.status(), 401);
    let file = address.rsplit('/').next().unwrap();
    for wrong in ["x", "", "MTAwMHxnZXRFbWFpbA"] {
        let answer = desk.http.get(address.replace(file, wrong)).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{wrong}");
    }
}

#[tokio::test]
async fn concealed_names_are_thirty_two_digits() {
    let desk = desk(Options::new(
        tenant().application(Application::default().roles(&["Reports.Read.All"])).concealing_names(),
    ))
    .await;
    for (report, _) in REPORTS {
        let csv = csv(&desk, &format!("{report}(period='D7')")).await;
        assert!(!csv.contains('@') && !csv.contains("Lovelace"), "{csv}");
        let names: Vec<_> = csv.split('"').skip(1).step_by(2).filter(|field| field.len() == 32).collect();
        assert!(
            names.len() >= 4 && names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_hexdigit()))
        );
    }
}

#[tokio::test]
async fn an_unknown_report_is_refused() {
    let desk = desk(reader()).await;
    for wrong in ["period='D8'", "period=D7", "date=2020-01-01", "date='2026-01-01'", "date=2999-01-01", ""] {
        let answer = desk.get(&format!("reports/getM365AppUserDetail({wrong})")).await;
        refused(&answer, 400, "BadRequest", "Invalid parameters");
    }
    refused(&desk.get("reports/getShoeSizes(period='D7')").await, 400, "BadRequest", "getShoeSizes");
    let other = Desk::allowed(&["User.Read.All"]).await;
    let answer = other.get("reports/getM365AppUserDetail(period='D7')").await;
    refused(&answer, 403, "S2SUnauthorized", "");
}
