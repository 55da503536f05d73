//! Which reports there are, what each of them is asked with, and what refuses a question.

use hyper::StatusCode;
use jiff::civil::Date;

use super::columns::{self, Column};
use crate::http::refusal::Refusal;
use crate::tenant::reports::switches::ReportSwitches;

/// A report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) function: &'static str,
    takes: Takes,
    pub(super) content: Content,
    /// Whether v1.0 has it in JSON, too.
    pub(super) has_json: bool,
}

/// What a report is asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Nothing,
    Period,
    PeriodOrAll,
    PeriodOrDate,
}

/// What is in a report.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// A row for each person.
    People(&'static [Column]),
    /// A row for each day: who used each app.
    Apps,
    /// A row for each day: who used any app on each platform.
    Platforms,
}

/// Which days a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// This many days up to the last one with figures.
    Last(u32),
    On(Date),
}

/// Every report.
const REPORTS: [Report; 13] = [
    people("getM365AppUserDetail", Takes::PeriodOrDate, columns::APP_USERS).with_json(),
    counts("getM365AppUserCounts", Content::Apps),
    counts("getM365AppPlatformUserCounts", Content::Platforms),
    people("getOffice365ActiveUserDetail", Takes::PeriodOrDate, columns::ACTIVE_USERS),
    people("getOffice365ActivationsUserDetail", Takes::Nothing, columns::ACTIVATIONS),
    people("getEmailActivityUserDetail", Takes::PeriodOrDate, columns::EMAIL_ACTIVITY),
    people("getEmailAppUsageUserDetail", Takes::PeriodOrDate, columns::EMAIL_APPS),
    people("getTeamsUserActivityUserDetail", Takes::PeriodOrDate, columns::TEAMS_ACTIVITY),
    people("getTeamsDeviceUsageUserDetail", Takes::PeriodOrDate, columns::TEAMS_DEVICES),
    people("getOneDriveActivityUserDetail", Takes::PeriodOrDate, columns::ONEDRIVE_ACTIVITY),
    people("getSharePointActivityUserDetail", Takes::PeriodOrDate, columns::SHAREPOINT_ACTIVITY),
    people("getMailboxUsageDetail", Takes::Period, columns::MAILBOXES),
    people("getMicrosoft365CopilotUsageUserDetail", Takes::PeriodOrAll, columns::COPILOT),
];

const fn people(function: &'static str, takes: Takes, columns: &'static [Column]) -> Report {
    Report { function, takes, content: Content::People(columns), has_json: false }
}

const fn counts(function: &'static str, content: Content) -> Report {
    Report { function, takes: Takes::Period, content, has_json: true }
}

impl Report {
    const fn with_json(mut self) -> Self {
        self.has_json = true;
        self
    }

    /// Reads a report and its days from a segment of the path.
    pub(crate) fn read(segment: &str, switches: &ReportSwitches) -> Result<(Self, Span), Refusal> {
        let (function, arguments) = match segment.split_once('(') {
            None => (segment, ""),
            Some((function, rest)) => {
                (function, rest.strip_suffix(')').ok_or_else(|| Refusal::unknown_segment(segment))?)
            }
        };
        // OData finds a function by its name and the names of its parameters: without them, or with both, there is none.
        let none = || Refusal::unknown_segment(function);
        let report = REPORTS.into_iter().find(|report| report.function == function).ok_or_else(none)?;
        let span = match (arguments.split_once('='), report.takes) {
            (None, Takes::Nothing) if arguments.is_empty() => Span::Last(30),
            (Some((_, value)), _) if value.contains('=') => return Err(none()),
            (Some(("period", value)), takes) if takes != Takes::Nothing => read_period(value, takes)?,
            (Some(("date", value)), Takes::PeriodOrDate) => read_date(value, switches)?,
            _ => return Err(none()),
        };
        Ok((report, span))
    }
}

/// The wording is ours: no sample of the service's was found.
fn read_period(value: &str, takes: Takes) -> Result<Span, Refusal> {
    let text = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let text = text.ok_or_else(|| Refusal::malformed("Bad Request - Error in query syntax."))?;
    match text {
        "D7" => Ok(Span::Last(7)),
        "D30" => Ok(Span::Last(30)),
        "D90" => Ok(Span::Last(90)),
        "D180" => Ok(Span::Last(180)),
        "ALL" if takes == Takes::PeriodOrAll => Ok(Span::Last(180)),
        _ => Err(invalid(format!("Invalid period value specified: {text}."))),
    }
}

/// A quoted date is no date (microsoft-graph-docs pull request 22125, 2023). A day too old or too young has one text
/// (microsoft-graph-docs 8946, 2020; an importer of a Microsoft team, 2026).
fn read_date(value: &str, switches: &ReportSwitches) -> Result<Span, Refusal> {
    if value.starts_with('\'') {
        let message = "Expression of type 'Edm.String' cannot be converted to type 'Edm.Date'.";
        return Err(Refusal::malformed(message));
    }
    let is_written_well = value.len() == "2026-11-28".len();
    let date: Option<Date> = value.parse().ok().filter(|_| is_written_well);
    let date = date.ok_or_else(|| Refusal::malformed("Bad Request - Error in query syntax."))?;
    if switches.serves(date) {
        return Ok(Span::On(date));
    }
    Err(invalid(format!("Invalid date value specified: {date}. Only support data for the past 28 days.")))
}

fn invalid(message: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "InvalidArgument", message)
}
