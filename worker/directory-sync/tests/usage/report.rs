//! Files of reports, as Microsoft writes them, and otherwise.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

pub const APPS: [&str; 6] = ["Outlook", "Word", "Excel", "PowerPoint", "OneNote", "Teams"];
pub const PLATFORMS: [&str; 4] = ["Windows", "Mac", "Mobile", "Web"];

/// So many days before today, in UTC.
pub fn day(back: i32) -> Date {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    today.checked_sub(back.days()).unwrap()
}

/// A row of the apps report: a name, and columns that say yes.
#[derive(Clone)]
pub struct Row {
    pub name: String,
    pub yes: Vec<String>,
}

/// Somebody who used an app on a platform, as the service writes it: its own column, that of the platform, and that of
/// the pair.
pub fn used(name: &str, pairs: &[(&str, &str)]) -> Row {
    let mut yes = Vec::new();
    for (app, platform) in pairs {
        yes.extend([(*app).to_owned(), (*platform).to_owned(), format!("{app} ({platform})")]);
    }
    Row { name: name.to_owned(), yes }
}

/// Somebody with a row and without use.
pub fn idle(name: &str) -> Row {
    used(name, &[])
}

/// How a file is written.
#[derive(Clone)]
pub struct Form {
    pub mark: bool,
    pub end: &'static str,
    pub quoted: bool,
    /// Another order of the columns, and columns that nobody knows.
    pub moved: bool,
    pub refreshed: Date,
}

impl Default for Form {
    fn default() -> Self {
        Self { mark: true, end: "\r\n", quoted: false, moved: false, refreshed: day(2) }
    }
}

impl Form {
    /// The apps report of a day.
    pub fn detail(&self, rows: &[Row]) -> String {
        let fixed =
            ["Report Refresh Date", "User Principal Name", "Last Activation Date", "Last Activity Date"];
        let mut columns: Vec<String> = fixed.map(str::to_owned).to_vec();
        columns.push("Report Period".to_owned());
        columns.extend(PLATFORMS.map(str::to_owned));
        columns.extend(APPS.map(str::to_owned));
        for platform in PLATFORMS {
            columns.extend(APPS.map(|app| format!("{app} ({platform})")));
        }
        assert_eq!(columns.len(), 39);
        if self.moved {
            columns.reverse();
            columns.insert(7, "Loop".to_owned());
            columns.push("Copilot (Web)".to_owned());
        }
        let refreshed = self.refreshed.to_string();
        let value = |row: &Row, column: &str| match column {
            "Report Refresh Date" => refreshed.clone(),
            "User Principal Name" => row.name.clone(),
            // The installation was activated, which is no use.
            "Last Activation Date" => refreshed.clone(),
            "Last Activity Date" => String::new(),
            "Report Period" => "1".to_owned(),
            "Loop" | "Copilot (Web)" => "Yes".to_owned(),
            column => if row.yes.iter().any(|yes| yes == column) { "Yes" } else { "No" }.to_owned(),
        };
        let lines = rows.iter().map(|row| columns.iter().map(|column| value(row, column)).collect());
        self.lines(std::iter::once(columns.clone()).chain(lines))
    }

    /// A report with a row for each day.
    pub fn counts(&self, names: &[&str], days: &[(Date, Vec<u64>)]) -> String {
        let fixed = ["Report Refresh Date", "Report Period", "Report Date"];
        let header = fixed.iter().chain(names).map(|name| (*name).to_owned()).collect();
        let lines = days.iter().map(|(date, counts)| {
            let fixed = [self.refreshed.to_string(), "30".to_owned(), date.to_string()];
            fixed.into_iter().chain(counts.iter().map(u64::to_string)).collect()
        });
        self.lines(std::iter::once(header).chain(lines))
    }

    fn lines(&self, lines: impl Iterator<Item = Vec<String>>) -> String {
        let mut text = if self.mark { "\u{feff}".to_owned() } else { String::new() };
        for line in lines {
            let fields =
                line.iter().map(|field| if self.quoted { format!("\"{field}\"") } else { field.clone() });
            text.push_str(&fields.collect::<Vec<_>>().join(","));
            text.push_str(self.end);
        }
        text
    }
}
