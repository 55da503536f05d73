//! `gatehouse sync usage`: which apps people use, by platform, and whose licences nobody uses.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use comfy_table::Table;
use directory_sync::{
    App, Facet, MOST_DAYS, Note, Privacy, UsageApp, UsageDay, UsageGroup, UsageOptions, UsagePass,
    UsageSummary, UsageTotals, UsageWindow,
};
use jiff::civil::Date;
use msgraph::Reader;
use serde::Serialize;

use super::file::OutFile;
use super::progress::Progress;
use super::report::{self, grouped};
use super::{TenantArgs, page, prices, tenant_of};
use crate::commands::{CommandError, OutputArgs};
use crate::print::{self, Format};
use crate::settings::Config;

/// Arguments of `gatehouse sync usage`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse sync usage
  gatehouse sync usage --days 7 --out usage.ndjson
  gatehouse sync usage --out usage.html
  gatehouse sync usage --output json | jq .totals.people

Microsoft keeps 28 days, is about two days behind, and gives 14 reports in ten minutes:
more than 14 days take at least ten minutes. A day without a report is missing, and not
a day without use.

Needs the permission Reports.Read.All; to know whether names are concealed also
ReportSettings.Read.All, for people User.Read.All, for unused licences
LicenseAssignment.Read.All. A service account needs the role Reports Reader.

Exits with 1 if the reports could not be read to the end; then no file is written.")]
pub struct Args {
    #[command(flatten)]
    tenant: TenantArgs,
    /// Write the rows to this file: .csv (for spreadsheets), .ndjson or .json by its ending; .html writes a page of
    /// charts and tables to read, print and pass on
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How many days to read, up to the last one with figures
    #[arg(long, value_name = "N", default_value_t = MOST_DAYS, value_parser = clap::value_parser!(u8).range(1..=28))]
    days: u8,
    /// Count each day by itself and nothing over several days, which needs less memory
    #[arg(long)]
    per_day: bool,
    /// What licences cost (CSV), as for `gatehouse sync licenses`
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Name people by pseudonyms; the key is in the settings
    #[arg(long)]
    pseudonyms: bool,
    /// Fewest people of a department that is shown, if the settings ask for no more [default: 5]
    #[arg(long, value_name = "PEOPLE")]
    min_group: Option<u64>,
    #[command(flatten)]
    format: OutputArgs,
}

/// The kinds of rows in a file.
const KINDS: [&str; 6] = ["usage", "usage_day", "usage_app", "usage_person", "usage_group", "waste"];
/// The longest wait for a limit of which others may use up all there is.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
/// The length of the longest bar, in characters.
const BAR: u64 = 30;

/// What was read.
#[derive(Serialize)]
struct Report<'a> {
    sync: &'static str,
    tenant: &'a str,
    totals: &'a UsageTotals,
    days: &'a [UsageDay],
    apps: &'a [UsageApp],
    groups: &'a [UsageGroup],
    notes: &'a [Note],
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let (tenant, client) = tenant_of(&args.tenant, &config)?;
    let (page, rows_to) = page::or_rows(args.out.as_deref())?;
    let privacy: Privacy = config
        .usage_privacy(&tenant)?
        .of_request(args.pseudonyms, args.min_group)
        .map_err(CommandError::Input)?;
    let prices = prices(args.prices.as_deref(), &tenant, &config)?;
    let (days, by_person) = (args.days, !args.per_day);
    let options = UsageOptions { days, known: Vec::new(), by_person, privacy, prices };
    let mut out = rows_to.map(|path| OutFile::create(path, &KINDS)).transpose()?;
    let (days, summary) = everything(client.reader(), options, args.format.output, out.as_mut()).await?;
    let rows = out.map(OutFile::finish).transpose()?;
    if let Some(path) = page {
        page::write(path, &page::of_usage(&tenant, &days, &summary))?;
    }
    match args.format.output {
        Format::Json => print::json(&Report {
            sync: "usage",
            tenant: &tenant,
            totals: &summary.totals,
            days: &days,
            apps: &summary.apps,
            groups: &summary.groups,
            notes: &summary.notes,
            rows,
        })?,
        Format::Human => {
            show(&tenant, &days, &summary)?;
            report::end(&summary.notes, rows_to.zip(rows), page)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads everything, into a file where one is wanted.
pub async fn everything(
    reader: Reader<'_>,
    options: UsageOptions,
    format: Format,
    mut out: Option<&mut OutFile>,
) -> Result<(Vec<UsageDay>, UsageSummary), CommandError> {
    let mut pass = UsagePass::begin(reader, options).await?;
    let (_, all) = pass.progress();
    let progress = Progress::of_days(all, format);
    let mut days = Vec::new();
    let mut waited = Duration::ZERO;
    while pass.next_day().is_some() {
        progress.reach(pass.progress().0 as u64);
        let day = match pass.read_day().await {
            Ok(day) => day,
            Err(error) => {
                let Some(wait) = error.wait().filter(|_| waited < LONGEST_WAIT) else {
                    return Err(error.into());
                };
                let wait = wait.max(Duration::from_secs(1));
                waited += wait;
                progress.wait("Microsoft gives 14 reports in ten minutes", wait).await;
                continue;
            }
        };
        waited = Duration::ZERO;
        let Some(day) = day else { continue };
        if let Some(out) = &mut out {
            write_people(&pass, &day, out)?;
            out.write(std::slice::from_ref(&day))?;
        }
        days.push(day);
    }
    drop(progress);
    let summary = count(pass.window(), reader, format, out).await?;
    Ok((days, summary))
}

fn write_people(pass: &UsagePass<'_>, day: &UsageDay, out: &mut OutFile) -> Result<(), CommandError> {
    let mut from = 0;
    loop {
        let rows = pass.rows(day, &mut from);
        if rows.is_empty() {
            return Ok(());
        }
        out.write(&rows)?;
    }
}

async fn count(
    mut window: UsageWindow<'_>,
    reader: Reader<'_>,
    format: Format,
    mut out: Option<&mut OutFile>,
) -> Result<UsageSummary, CommandError> {
    let progress = Progress::of_people(reader, format).await;
    while let Some(rows) = window.next().await? {
        if let Some(out) = &mut out {
            out.write(&rows)?;
        }
        drop(rows);
        progress.reach(window.people());
    }
    window.finish().ok_or_else(|| CommandError::Input("the pass did not reach its end".to_owned()))
}

/// Shows what was read as tables.
pub fn show(tenant: &str, days: &[UsageDay], summary: &UsageSummary) -> Result<(), CommandError> {
    let totals = &summary.totals;
    let (Some(from), Some(to)) = (totals.from, totals.to) else {
        return Ok(print::lines(&format!("Tenant {tenant}: no report of usage yet"))?);
    };
    let refreshed =
        totals.refresh_date.map(|date| format!("; Microsoft made the figures on {date} or later"));
    print::lines(&format!("Tenant {tenant}: use of apps from {from} to {to}"))?;
    print::lines(&format!(
        "  {} of {} days{}",
        totals.days_counted,
        totals.days_expected,
        refreshed.unwrap_or_default()
    ))?;
    let count = |facet: Facet| summary.figure(facet).and_then(UsageApp::people);
    // Where nobody can be told apart, days still have figures.
    if count(Facet::anything()).is_none() {
        return show_days(days, totals);
    }
    show_bars(
        "People who used it",
        &[("Any of them", count(Facet::anything())), ("Suite, without Teams", count(Facet::suite()))],
        &apps(count),
    )?;
    show_platforms(count)?;
    show_groups(&summary.groups)?;
    if totals.directory > 0 { show_people(totals, summary.joins_people) } else { Ok(()) }
}

/// People of the directory; without their licences nobody knows who has one for nothing.
fn show_people(totals: &UsageTotals, has_licences: bool) -> Result<(), CommandError> {
    let mut rows = Vec::new();
    let mut row = |what: &str, number: Option<u64>| rows.push(vec![what.to_owned(), self::number(number)]);
    row("Everyone in the directory", Some(totals.directory));
    let is_known = has_licences && totals.is_complete();
    row("  licensed for an app", has_licences.then_some(totals.licensed));
    row("  of these inactive on every day", is_known.then_some(totals.inactive));
    row("  of these unknown", has_licences.then_some(totals.unknown));
    for (reason, people) in &totals.unknown_because {
        row(&format!("    {}", reason.replace('_', " ")), Some(*people));
    }
    row("Licences none of whose apps was used", is_known.then_some(totals.unused_licenses));
    row("In reports and deleted", Some(totals.deleted));
    row("In reports and not found", Some(totals.not_found));
    print::lines("")?;
    print::lines(&report::table(&["", "People"], rows).to_string())?;
    if !totals.unused_cost.is_empty() {
        print::indented(&format!("the unused licences with a price cost {} a month", totals.unused_cost))?;
    }
    Ok(())
}

/// The apps by how many people used them.
fn apps(count: impl Fn(Facet) -> Option<u64>) -> Vec<(&'static str, Option<u64>)> {
    let mut apps: Vec<_> = App::ALL.into_iter().map(|app| (app.name(), count(Facet::of(app)))).collect();
    apps.sort_by_key(|(_, people)| std::cmp::Reverse(*people));
    apps
}

fn show_bars(
    header: &str,
    sums: &[(&str, Option<u64>)],
    apps: &[(&str, Option<u64>)],
) -> Result<(), CommandError> {
    let all = || apps.iter().chain(sums);
    let most = all().filter_map(|(_, people)| *people).max().unwrap_or_default().max(1);
    let rows = all().map(|(name, people)| {
        let bar = people.map_or_else(String::new, |people| bar(people, most));
        vec![(*name).to_owned(), number(*people), bar]
    });
    print::lines(&report::table(&["App", header, ""], rows.collect()).to_string())?;
    Ok(())
}

/// A bar whose length is its part of the longest. Whoever is there has at least a sliver.
fn bar(people: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (u128::from(people) * u128::from(BAR) * 8 / u128::from(most.max(1))) as usize;
    let eighths = eighths.max(usize::from(people > 0));
    let rest = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{rest}", "█".repeat(eighths / 8))
}

fn show_platforms(count: impl Fn(Facet) -> Option<u64>) -> Result<(), CommandError> {
    let places = ["windows", "mac", "mobile", "web", "unknown"];
    let facets = App::ALL.into_iter().map(|app| (app.name(), Facet::of(app)));
    let rows = facets.chain([("Suite, without Teams", Facet::suite())]).map(|(name, facet)| {
        let counts = places.iter().map(|place| number(count(facet.at(place))));
        std::iter::once(name.to_owned()).chain(counts).collect()
    });
    print::lines("\nPeople by platform; somebody who used two counts in both")?;
    let header = ["App", "Windows", "Mac", "Mobile", "Web", "Unknown"];
    print::lines(&report::table(&header, rows.collect()).to_string())?;
    Ok(())
}

fn show_groups(groups: &[UsageGroup]) -> Result<(), CommandError> {
    if groups.is_empty() {
        return Ok(());
    }
    let rows = groups.iter().map(|group| {
        let name = match group.department() {
            Some(name) => name.to_owned(),
            None if group.smaller() > 0 => format!("{} smaller ones together", group.smaller()),
            None => "without one".to_owned(),
        };
        let active = |facet| grouped(group.active(facet));
        vec![
            print::printable(&name).into_owned(),
            grouped(group.people()),
            active(Facet::anything()),
            active(Facet::suite()),
            active(Facet::of(App::Teams)),
        ]
    });
    print::lines("\nDepartments; people who have a licence for an app, or used one")?;
    let header = ["Department", "People", "Active", "Suite", "Teams"];
    print::lines(&report::table(&header, rows.collect()).to_string())?;
    Ok(())
}

/// People of each day, newest first. A day without a report has a row without figures.
fn show_days(days: &[UsageDay], totals: &UsageTotals) -> Result<(), CommandError> {
    let facets = || [Facet::suite()].into_iter().chain(App::ALL.into_iter().map(Facet::of));
    // One word: seven of them are wider than a terminal.
    let missing = totals.missing_inside().map(|date| (date, vec!["missing".to_owned()]));
    let read = days.iter().map(|day| {
        let counts: Vec<_> = facets().map(|facet| number(day.people(facet))).collect();
        (day.date(), counts)
    });
    print::lines("People of each day")?;
    print::lines(&days_table(missing.chain(read).collect()).to_string())?;
    Ok(())
}

/// The figures of each day. The head has the year, for which there is no room here.
fn days_table(days: BTreeMap<Date, Vec<String>>) -> Table {
    let rows = days.into_iter().rev().map(|(date, counts)| {
        let day = date.strftime("%b %d").to_string();
        std::iter::once(day).chain(counts).collect()
    });
    let apps = App::ALL.map(App::name);
    let header: Vec<&str> = ["Day", "Suite"].into_iter().chain(apps).collect();
    report::narrow_table(&header, rows.collect())
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "unknown".to_owned(), grouped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_part_and_nobody_who_is_there_disappears() {
        assert_eq!(bar(100, 100).chars().count(), BAR as usize);
        assert_eq!(bar(50, 100).chars().count(), BAR as usize / 2);
        assert_eq!((bar(1, 1_000_000).as_str(), bar(0, 10).as_str(), bar(0, 0).as_str()), ("▏", "", ""));
    }

    #[test]
    fn the_days_of_millions_fit_a_terminal() {
        let figures = vec![grouped(9_999_999_u64); 1 + App::ALL.len()];
        let day = |date: &str| date.parse::<Date>().unwrap();
        let table = days_table(BTreeMap::from([
            (day("2026-03-04"), figures),
            (day("2026-03-03"), vec!["missing".to_owned()]),
        ]));
        report::assert_fits(table, &["Mar 04", "PowerPoint", "9,999,999", "missing"]);
    }

    #[test]
    fn platforms_and_departments_of_millions_fit_a_terminal() {
        let header = ["Department", "People", "Active", "Suite", "Teams"];
        let millions = || grouped(9_999_999_u64);
        let row = vec![
            "Research and development of everything".to_owned(),
            millions(),
            millions(),
            millions(),
            millions(),
        ];
        report::assert_fits(report::table(&header, vec![row]), &["9,999,999", "development"]);
        let header = ["App", "Windows", "Mac", "Mobile", "Web", "Unknown"];
        let row = std::iter::once("Suite, without Teams".to_owned()).chain(vec![millions(); 5]).collect();
        report::assert_fits(report::table(&header, vec![row]), &["without", "9,999,999"]);
        let row = vec!["Suite, without Teams".to_owned(), millions(), bar(1, 1)];
        report::assert_fits(report::table(&["App", "People who used it", ""], vec![row]), &["9,999,999"]);
    }
}
