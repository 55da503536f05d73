//! Usage reports: how they are asked for, where they are, what is in them, and the switches of the service.

mod days;
mod download;
mod json;
mod limits;
mod names;
mod requests;
mod totals;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use msgraph_emulator::{Application, Options, Sku, Tenant, User};
use reqwest::header::LOCATION;
use serde_json::Value;

use crate::harness::{ADA, Desk, EDSGER, GRACE};

/// Every report of people, what it is asked with, and how many columns it has.
const PEOPLE: [(&str, &str, usize); 11] = [
    ("getM365AppUserDetail", "(period='D30')", 39),
    ("getOffice365ActiveUserDetail", "(period='D30')", 24),
    ("getOffice365ActivationsUserDetail", "", 11),
    ("getEmailActivityUserDetail", "(period='D30')", 13),
    ("getEmailAppUsageUserDetail", "(period='D30')", 16),
    ("getTeamsUserActivityUserDetail", "(period='D30')", 33),
    ("getTeamsDeviceUsageUserDetail", "(period='D30')", 16),
    ("getOneDriveActivityUserDetail", "(period='D30')", 11),
    ("getSharePointActivityUserDetail", "(period='D30')", 12),
    ("getMailboxUsageDetail", "(period='D30')", 18),
    ("getMicrosoft365CopilotUsageUserDetail", "(period='ALL')", 12),
];

const APPS: [&str; 6] = ["Outlook", "Word", "Excel", "PowerPoint", "OneNote", "Teams"];
const PLATFORMS: [&str; 4] = ["Windows", "Mac", "Mobile", "Web"];

/// A report as it was downloaded: rows by the names of their columns.
struct Table {
    head: Vec<String>,
    rows: Vec<BTreeMap<String, String>>,
}

impl Table {
    /// Reads a file none of whose fields holds a comma.
    fn read(csv: &str) -> Self {
        let mut lines = csv.trim_start_matches('\u{feff}').lines().map(|line| line.split(','));
        let head: Vec<String> = lines.next().unwrap().map(|name| name.trim().to_owned()).collect();
        let row = |fields: std::str::Split<'_, char>| {
            let fields: Vec<_> = fields.map(str::to_owned).collect();
            assert_eq!(fields.len(), head.len(), "{fields:?}");
            head.iter().cloned().zip(fields).collect()
        };
        let rows = lines.map(row).collect();
        Self { head, rows }
    }

    /// The values of a column.
    fn column(&self, name: &str) -> Vec<&str> {
        self.rows.iter().map(|row| row[name].as_str()).collect()
    }

    /// How many rows have Yes in a column.
    fn yes(&self, name: &str) -> usize {
        self.column(name).iter().filter(|value| **value == "Yes").count()
    }

    /// The row of a person.
    fn of(&self, upn: &str) -> Option<&BTreeMap<String, String>> {
        self.rows.iter().find(|row| row["User Principal Name"] == upn)
    }
}

/// A client that follows no redirect by itself.
async fn desk(tenant: Tenant) -> Desk {
    let roles = ["Reports.Read.All", "ReportSettings.ReadWrite.All", "User.ReadWrite.All"];
    let mut desk = Desk::with(Options::new(tenant.application(Application::default().roles(&roles)))).await;
    desk.http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    desk
}

/// Three people, all with a licence, who worked here before any report begins.
fn three() -> Tenant {
    let user = |upn: &str, name: &str| User::new(upn, name).located("GB").licensed("SPE_E3");
    Tenant::empty()
        .sku(Sku::new("SPE_E3", 10).plan("TEAMS1"))
        .user(user(ADA, "Ada Lovelace"))
        .user(user(GRACE, "Grace Hopper"))
        .user(user(EDSGER, "Edsger Dijkstra"))
}

fn crowd(seed: u64, size: u64) -> Tenant {
    let skus = ["SPE_E3", "EMS"].map(|name| Sku::new(name, 10).plan(&format!("PLAN_OF_{name}")));
    skus.into_iter().fold(Tenant::empty(), Tenant::sku).crowd(seed, size).lifelike()
}

/// So many days before today, in UTC.
fn ago(days: i64) -> Date {
    Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().saturating_sub(Span::new().days(days))
}

/// A Wednesday with figures.
fn wednesday() -> Date {
    (3..).map(ago).find(|day| day.weekday() == jiff::civil::Weekday::Wednesday).unwrap()
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

async fn table(desk: &Desk, report: &str) -> Table {
    Table::read(&csv(desk, report).await)
}

/// The apps report of one day.
async fn on(desk: &Desk, day: Date) -> Table {
    table(desk, &format!("getM365AppUserDetail(date={day})")).await
}

/// Changes switches of the service.
async fn switch(desk: &Desk, changes: Value) {
    let control = format!("{}/_emulator/reports", desk.emulator.url());
    let answer = desk.http.patch(control).json(&changes).send().await.unwrap();
    assert_eq!(answer.status(), 204, "{changes}");
}
