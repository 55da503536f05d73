//! Usage reports: one row for each person, for any number of people.
//!
//! Microsoft writes a report as a CSV file, and Graph answers with a redirect to it. Microsoft adds columns now and
//! then, so the client finds them by name. Figures are up to two days old, and each row has their day
//! (Microsoft Graph documentation, "Reports", 2023).

use std::fmt;

use jiff::civil::Date;

use crate::error::Error;
use crate::http::client::Reader;
use crate::http::download::Download;
use crate::http::request::Query;
use crate::observer::Service;
use crate::reports::csv::{Records, Step};

/// The column with the day of the figures.
const REFRESH_DATE: &str = "Report Refresh Date";
/// The column with the person's name or pseudonym.
const PERSON: &str = "User Principal Name";
/// How the reports call a person whose profile does not exist yet.
const UNKNOWN: &str = "(Unknown)";

/// A report with a row for each person, or for each day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Report {
    /// The Microsoft 365 apps, by app and platform.
    AppUsers,
    /// How many people used each app: a row for each day, without names, for a span of several days.
    AppCounts,
    /// How many people used the apps on each platform: a row for each day, without names, for a span of several days.
    PlatformCounts,
    /// The last activity of each person in each service.
    ActiveUsers,
    /// Mail sent, received and read.
    EmailActivity,
    /// Chats, calls and meetings in Teams.
    TeamsActivity,
}

impl Report {
    fn function(self) -> &'static str {
        match self {
            Self::AppUsers => "getM365AppUserDetail",
            Self::AppCounts => "getM365AppUserCounts",
            Self::PlatformCounts => "getM365AppPlatformUserCounts",
            Self::ActiveUsers => "getOffice365ActiveUserDetail",
            Self::EmailActivity => "getEmailActivityUserDetail",
            Self::TeamsActivity => "getTeamsUserActivityUserDetail",
        }
    }

    fn names_people(self) -> bool {
        !matches!(self, Self::AppCounts | Self::PlatformCounts)
    }
}

/// The days that a report covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportSpan {
    /// The last 7 days with figures.
    D7,
    /// The last 30 days.
    D30,
    /// The last 90 days.
    D90,
    /// The last 180 days.
    D180,
    /// One day of about the last 28, for which Microsoft keeps figures.
    On(Date),
}

/// As Graph expects it between a report's parentheses.
impl fmt::Display for ReportSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::D7 => f.write_str("period='D7'"),
            Self::D30 => f.write_str("period='D30'"),
            Self::D90 => f.write_str("period='D90'"),
            Self::D180 => f.write_str("period='D180'"),
            Self::On(date) => write!(f, "date={date}"),
        }
    }
}

/// A column of a report, found by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column(usize);

/// The rows of a report, returned one by one; only one is held.
pub struct ReportRows {
    download: Download,
    is_last: bool,
    /// The error that ended the report early: it must not look complete.
    broken: Option<Error>,
    records: Records,
    names: Vec<String>,
    refresh_date: Column,
    /// Nothing in a report of days.
    person: Option<Column>,
}

/// A row of a report.
pub struct ReportRow<'a> {
    rows: &'a ReportRows,
}

impl Reader<'_> {
    /// The current report. Graph allows 14 of one kind in ten minutes.
    ///
    /// # Errors
    ///
    /// [`is_forbidden`](Error::is_forbidden) without `Reports.Read.All`. A report without a
    /// required column is unreadable, and the error names the column.
    pub async fn report(self, report: Report, span: ReportSpan) -> Result<ReportRows, Error> {
        let function = format!("{}({span})", report.function());
        let request = Query::new(&["reports", &function])?.into_request();
        let address = match self.send(&request).await {
            Ok(response) => return Err(response.unreadable("its status: a redirect was expected")),
            Err(error) => error.redirect().cloned().ok_or(error)?,
        };
        let (transport, retry) = self.outside();
        ReportRows::open(transport.download(Service::Reports, &address, retry).await?, report).await
    }
}

impl ReportRows {
    async fn open(download: Download, report: Report) -> Result<Self, Error> {
        let mut rows = Self {
            download,
            is_last: false,
            broken: None,
            records: Records::new(),
            names: Vec::new(),
            refresh_date: Column(0),
            person: None,
        };
        if !rows.advance().await? {
            return Err(rows.download.unreadable("its first line, which is missing"));
        }
        let names = (0..rows.records.columns()).filter_map(|at| rows.records.field(at));
        rows.names = names.map(|name| name.trim().to_owned()).collect();
        rows.refresh_date = rows.column(REFRESH_DATE)?;
        rows.person = report.names_people().then(|| rows.column(PERSON)).transpose()?;
        Ok(rows)
    }

    /// The column of this name.
    ///
    /// # Errors
    ///
    /// The report has no such column; the error names it.
    pub fn column(&self, name: &str) -> Result<Column, Error> {
        let at = self.names.iter().position(|known| known.eq_ignore_ascii_case(name));
        at.map(Column)
            .ok_or_else(|| self.download.unreadable(format!("the column `{name}`, which is missing")))
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    ///
    /// The connection broke, or the file is incomplete: request the report again.
    pub async fn next(&mut self) -> Result<Option<ReportRow<'_>>, Error> {
        if !self.advance().await? {
            return Ok(None);
        }
        if self.records.columns() < self.names.len() {
            let number = self.records.number();
            let error = self.download.unreadable(format!("line {number}, which lacks columns"));
            self.broken = Some(error.clone());
            return Err(error);
        }
        Ok(Some(ReportRow { rows: self }))
    }

    /// Advances to the next line. Returns whether there is one.
    async fn advance(&mut self) -> Result<bool, Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let outcome = self.step().await;
        self.broken = outcome.as_ref().err().cloned();
        outcome
    }

    async fn step(&mut self) -> Result<bool, Error> {
        loop {
            let step = self.records.step(self.is_last);
            match step.map_err(|what| self.download.unreadable(what.to_string()))? {
                Step::Record => return Ok(true),
                Step::End => return Ok(false),
                Step::NeedsMore => {
                    let chunk = self.download.chunk().await?;
                    self.is_last = chunk.is_none();
                    self.records.feed(chunk.unwrap_or_default());
                }
            }
        }
    }
}

impl ReportRow<'_> {
    /// The text in a column.
    pub fn text(&self, column: Column) -> &str {
        self.rows.records.field(column.0).unwrap_or_default().trim()
    }

    /// The day in a column; `None` if it is empty.
    ///
    /// # Errors
    ///
    /// The column has another content.
    pub fn date(&self, column: Column) -> Result<Option<Date>, Error> {
        self.parsed(column, "day", |text| text.parse().ok())
    }

    /// The number in a column; `None` if it is empty.
    ///
    /// # Errors
    ///
    /// The column has another content.
    pub fn number(&self, column: Column) -> Result<Option<u64>, Error> {
        self.parsed(column, "number", |text| text.parse().ok())
    }

    /// The yes or no in a column; `None` if it is empty.
    ///
    /// # Errors
    ///
    /// The column has another content.
    pub fn flag(&self, column: Column) -> Result<Option<bool>, Error> {
        // Microsoft writes one of these two, thirty times in a row of the apps report: every other form takes longer.
        match self.rows.records.bytes(column.0) {
            Some(b"No") => return Ok(Some(false)),
            Some(b"Yes") => return Ok(Some(true)),
            _ => {}
        }
        let is = |text: &str, words: [&str; 2]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        self.parsed(column, "yes or no", |text| match text {
            text if is(text, ["no", "false"]) => Some(false),
            text if is(text, ["yes", "true"]) => Some(true),
            _ => None,
        })
    }

    /// The day of the figures.
    ///
    /// # Errors
    ///
    /// The row does not have it.
    pub fn refresh_date(&self) -> Result<Date, Error> {
        self.date(self.rows.refresh_date)?.ok_or_else(|| self.unreadable(self.rows.refresh_date, "day"))
    }

    /// The person's user principal name, or a pseudonym: see [`is_concealed`](Self::is_concealed). Empty in a report of
    /// days.
    pub fn person(&self) -> &str {
        self.rows.person.map_or("", |column| self.text(column))
    }

    /// Whether the row has a pseudonym. Such a row says nothing about a particular person, above all not that the
    /// person was inactive. A few odd names do not make a report concealed: decide for all of its rows.
    pub fn is_concealed(&self) -> bool {
        is_concealed(self.person()) && !self.is_of_unknown()
    }

    /// Whether the row is of a person whose profile Microsoft has not created yet: for weeks a new person is called
    /// `(Unknown)`, in several rows at once (microsoft-graph-docs issue 15148, 2021).
    pub fn is_of_unknown(&self) -> bool {
        self.person().eq_ignore_ascii_case(UNKNOWN)
    }

    fn parsed<T>(
        &self,
        column: Column,
        kind: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        match self.text(column) {
            "" => Ok(None),
            text => parse(text).map(Some).ok_or_else(|| self.unreadable(column, kind)),
        }
    }

    /// The error names the column and never its content.
    fn unreadable(&self, column: Column, kind: &str) -> Error {
        let name = self.rows.names.get(column.0).map(String::as_str).unwrap_or_default();
        let number = self.rows.records.number();
        self.rows.download.unreadable(format!("line {number}, column `{name}`, which is not a {kind}"))
    }
}

/// A name is real if it is an address with a plain local part. Pseudonyms are 32 hexadecimal digits, a GUID, nothing at
/// all, or `<PII:H105(…)>@contoso.example` (microsoft-graph-docs issues 3530 and 12997, 2018 to 2021).
fn is_concealed(name: &str) -> bool {
    let local = name.split_once('@').map(|(local, _)| local);
    local.is_none_or(|local| local.is_empty() || local.contains(['<', '>', '(', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_graph_reads_them() {
        let day = Date::new(2026, 3, 2).unwrap();
        assert_eq!(ReportSpan::D180.to_string(), "period='D180'");
        assert_eq!(ReportSpan::On(day).to_string(), "date=2026-03-02");
    }

    #[test]
    fn a_pseudonym_of_any_form_is_distinguished_from_a_name() {
        for pseudonym in [
            "FE7CC8C15246EDCCA289C9A4022762F7",
            "0f8fad5b-d9cb-469f-a165-70867728950e",
            "0F8FAD5B-D9CB-469F-A165-70867728950E",
            "<PII:H105(aGVsbG8=)>@contoso.example",
            "",
        ] {
            assert!(is_concealed(pseudonym), "{pseudonym}");
        }
        for name in ["ada@contoso.example", "o'brien+test_x#ext#@contoso.example", "é@contoso.example"] {
            assert!(!is_concealed(name), "{name}");
        }
    }
}
