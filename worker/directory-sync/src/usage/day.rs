//! One day of the apps report, read into a tally.
//!
//! Use is what the flags say. A row says only that Microsoft knows the person: whoever used nothing may have a row or
//! none (clients of 2023 and 2026 say one each), and both count alike.

use jiff::civil::Date;
use msgraph::{Column, Reader, Report, ReportRow, ReportRows, ReportSpan};

use super::apps::{App, Counts, Platform, Use};
use super::tally::Tally;
use crate::error::Error;

/// What came of asking for a day.
pub(crate) enum DayFile {
    /// The file has rows.
    Rows(Box<DayFound>),
    /// The file has its first line only. Asked for again later it fills (microsoft-graph-docs issues 3853, 5536 and
    /// 15273, 2019 to 2021), so it is no day without use.
    NoRows,
    /// Microsoft keeps no report of the day.
    Refused,
}

/// What the file of a day says besides its people.
pub(crate) struct DayFound {
    /// The day on which Microsoft made the figures.
    pub(crate) refreshed: Date,
    pub(crate) rows: u64,
    /// How many rows are of people whose profile Microsoft has not created yet, or whose name is empty, and what they
    /// used. They share one name, so nobody can tell them apart.
    pub(crate) nameless: u64,
    pub(crate) nameless_use: Counts,
    /// Whether names are pseudonyms.
    pub(crate) concealed: bool,
}

/// Where the flags are, by the names of their columns: Microsoft adds columns and moves them.
struct Flags {
    apps: Vec<(Column, App)>,
    pairs: Vec<(Column, Use)>,
}

impl Flags {
    fn of(rows: &ReportRows) -> Result<Self, msgraph::Error> {
        let apps = App::ALL.into_iter().map(|app| Ok((rows.column(app.name())?, app)));
        let pairs = Platform::NAMED.into_iter().flat_map(|platform| {
            App::ALL.into_iter().map(move |app| {
                let name = format!("{} ({})", app.name(), platform.name());
                Ok((rows.column(&name)?, Use::of(app, platform)))
            })
        });
        Ok(Self {
            apps: apps.collect::<Result<_, msgraph::Error>>()?,
            pairs: pairs.collect::<Result<_, _>>()?,
        })
    }

    /// What a row says was used. An app is used if its own column or any column of it and a platform says so. An empty
    /// flag says nothing.
    fn read(&self, row: &ReportRow<'_>) -> Result<Use, msgraph::Error> {
        let mut all = Use::default();
        for (column, pair) in &self.pairs {
            if row.flag(*column)? == Some(true) {
                all = all.and(*pair);
            }
        }
        for (column, app) in &self.apps {
            if row.flag(*column)? == Some(true) && !all.has(*app) {
                all = all.and(Use::of(*app, Platform::Unknown));
            }
        }
        Ok(all)
    }
}

/// Reads a day into the tally. After an error the tally has nothing of the day: half a file is no short day.
pub(crate) async fn read_day(
    reader: Reader<'_>,
    day: Date,
    names_hidden: Option<bool>,
    tally: &mut Tally,
) -> Result<DayFile, Error> {
    let rows = match reader.report(Report::AppUsers, ReportSpan::On(day)).await {
        Ok(rows) => rows,
        Err(error) if error.is_day_without_report() => return Ok(DayFile::Refused),
        Err(error) => return Err(error.into()),
    };
    tally.begin(day);
    let found = read_rows(rows, day, names_hidden, tally).await;
    if !matches!(found, Ok(DayFile::Rows(_))) {
        tally.forget(day);
    }
    Ok(found?)
}

async fn read_rows(
    mut rows: ReportRows,
    day: Date,
    names_hidden: Option<bool>,
    tally: &mut Tally,
) -> Result<DayFile, msgraph::Error> {
    let flags = Flags::of(&rows)?;
    let mut found: Option<DayFound> = None;
    let (mut named, mut concealed) = (0_u64, 0_u64);
    let mut name = String::new();
    while let Some(row) = rows.next().await? {
        let refreshed = row.refresh_date()?;
        let found = found.get_or_insert_with(|| DayFound {
            refreshed,
            rows: 0,
            nameless: 0,
            nameless_use: Counts::default(),
            concealed: false,
        });
        found.rows += 1;
        found.refreshed = found.refreshed.max(refreshed);
        let used = flags.read(&row)?;
        if !row.is_of_unknown() {
            named += 1;
            concealed += u64::from(row.is_concealed());
        }
        // Some concealed names are empty.
        if row.is_of_unknown() || row.person().is_empty() {
            found.nameless += u64::from(!used.is_empty());
            found.nameless_use.add(used);
        } else if !used.is_empty() {
            lower_case(row.person(), &mut name);
            tally.add(day, &name, used);
        }
    }
    let Some(mut found) = found else { return Ok(DayFile::NoRows) };
    // The setting decides for the file, else most of its names. A Global Reader sees pseudonyms whatever the setting is
    // (Microsoft 365 documentation, "Activity reports", 2021).
    found.concealed = names_hidden == Some(true) || concealed * 2 > named;
    Ok(DayFile::Rows(Box::new(found)))
}

/// Microsoft compares names without regard to case, and writes them as somebody typed them.
fn lower_case(person: &str, name: &mut String) {
    name.clear();
    if person.is_ascii() {
        name.push_str(person);
        name.make_ascii_lowercase();
    } else {
        name.extend(person.chars().flat_map(char::to_lowercase));
    }
}
