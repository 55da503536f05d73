//! How many people Microsoft itself counts on each day: the counts reports, which have no names.

use std::collections::BTreeMap;

use jiff::civil::Date;
use msgraph::{Reader, Report, ReportRows, ReportSpan};
use serde::{Deserialize, Serialize};

use super::apps::{App, Platform};
use crate::error::Error;

/// What Microsoft counts on a day; `None` for a figure that is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reported {
    /// For each app.
    pub(crate) apps: [Option<u64>; App::ALL.len()],
    /// For each platform that has a column, Teams included.
    pub(crate) platforms: [Option<u64>; Platform::NAMED.len()],
}

impl Reported {
    /// The counts as one text, which is another one for other counts; `None` if there are none.
    pub(crate) fn mark(&self) -> Option<String> {
        let text = |count: &Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        let all = self.apps.iter().chain(&self.platforms);
        all.clone().any(Option::is_some).then(|| all.map(text).collect::<Vec<_>>().join("."))
    }
}

/// What the counts reports say.
#[derive(Debug, Default)]
pub(crate) struct CountsReport {
    /// The day on which Microsoft made the figures; `None` if there are none.
    pub(crate) refreshed: Option<Date>,
    pub(crate) days: BTreeMap<Date, Reported>,
}

/// Reads both counts reports.
pub(crate) async fn read_counts(reader: Reader<'_>) -> Result<CountsReport, Error> {
    let mut found = CountsReport::default();
    let apps = reader.report(Report::AppCounts, ReportSpan::D30).await?;
    read(apps, App::ALL.map(App::name), &mut found, |day, counts| day.apps = counts).await?;
    let platforms = reader.report(Report::PlatformCounts, ReportSpan::D30).await?;
    read(platforms, Platform::NAMED.map(Platform::name), &mut found, |day, counts| day.platforms = counts)
        .await?;
    Ok(found)
}

async fn read<const N: usize>(
    mut rows: ReportRows,
    names: [&str; N],
    found: &mut CountsReport,
    put: impl Fn(&mut Reported, [Option<u64>; N]),
) -> Result<(), msgraph::Error> {
    let date = rows.column("Report Date")?;
    let columns: Vec<_> = names.into_iter().map(|name| rows.column(name)).collect::<Result<_, _>>()?;
    while let Some(row) = rows.next().await? {
        found.refreshed = found.refreshed.max(Some(row.refresh_date()?));
        let Some(day) = row.date(date)? else { continue };
        let mut counts = [None; N];
        for (count, column) in counts.iter_mut().zip(&columns) {
            *count = row.number(*column)?;
        }
        put(found.days.entry(day).or_default(), counts);
    }
    Ok(())
}
