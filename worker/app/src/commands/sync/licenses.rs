//! `gatehouse sync licenses`: who has which licence, what is unused, and what it costs.

use std::path::PathBuf;
use std::process::ExitCode;

use directory_sync::{
    LicenseClass, LicenseTotals, LicensesPass, LicensesSummary, Money, Note, Prices, Sku, Subscription,
};
use msgraph::Reader;
use serde::Serialize;

use super::file::OutFile;
use super::progress::Progress;
use super::report::{self, grouped};
use super::{TenantArgs, page, prices, tenant_of};
use crate::commands::{CommandError, OutputArgs};
use crate::print::{self, Format};
use crate::settings::Config;

/// Arguments of `gatehouse sync licenses`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse sync licenses
  gatehouse sync licenses --prices prices.csv
  gatehouse sync licenses --out licenses.csv
  gatehouse sync licenses --out licenses.html
  gatehouse sync licenses --output json | jq .totals

A price file has a line for each licence: part number or id, price of a seat for a month,
currency. For example: SPE_E3,36.00,EUR

Needs the permissions LicenseAssignment.Read.All and User.Read.All; for renewals also
Organization.Read.All, for names of groups GroupMember.Read.All.

Exits with 1 if the tenant could not be read to the end; then no file is written.")]
pub struct Args {
    #[command(flatten)]
    tenant: TenantArgs,
    /// Write the rows to this file: .csv (for spreadsheets), .ndjson or .json by its ending; .html writes a page of
    /// charts and tables to read, print and pass on
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What licences cost (CSV), instead of the file in the settings
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    #[command(flatten)]
    format: OutputArgs,
}

/// The kinds of rows in a file.
const KINDS: [&str; 4] = ["license_assignment", "waste", "sku", "subscription"];

const UTILISATION: [&str; 6] = ["Licence", "Seats", "Assigned", "Free", "Over", "Used"];
const UNUSED: [&str; 2] = ["Licence", "Seats"];
const WASTE: [&str; 4] = ["Licence", "Blocked account", "In another licence", "Group fails"];
const RENEWALS: [&str; 4] = ["Licence", "Status", "Seats", "Changes on"];

/// What was read.
#[derive(Serialize)]
struct Report<'a> {
    sync: &'static str,
    tenant: &'a str,
    totals: &'a LicenseTotals,
    skus: &'a [Sku],
    subscriptions: &'a [Subscription],
    notes: &'a [Note],
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let (tenant, client) = tenant_of(&args.tenant, &config)?;
    let (page, out) = page::or_rows(args.out.as_deref())?;
    let prices = prices(args.prices.as_deref(), &tenant, &config)?;
    let mut file = out.map(|path| OutFile::create(path, &KINDS)).transpose()?;
    let summary = everything(client.reader(), &prices, args.format.output, file.as_mut()).await?;
    let rows = file.map(OutFile::finish).transpose()?;
    if let Some(path) = page {
        page::write(path, &page::of_licenses(&tenant, &summary))?;
    }
    match args.format.output {
        Format::Json => print::json(&Report {
            sync: "licenses",
            tenant: &tenant,
            totals: &summary.totals,
            skus: &summary.skus,
            subscriptions: &summary.subscriptions,
            notes: &summary.notes,
            rows,
        })?,
        Format::Human => {
            show(&tenant, &summary)?;
            report::end(&summary.notes, out.zip(rows), page)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads everything, into a file where one is wanted.
pub async fn everything(
    reader: Reader<'_>,
    prices: &Prices,
    format: Format,
    mut out: Option<&mut OutFile>,
) -> Result<LicensesSummary, CommandError> {
    let progress = Progress::of_people(reader, format).await;
    let mut pass = LicensesPass::begin(reader, prices).await?;
    while let Some(rows) = pass.next().await? {
        if let Some(out) = &mut out {
            out.write(&rows)?;
        }
        drop(rows);
        progress.reach(pass.people());
    }
    pass.finish().ok_or_else(|| CommandError::Input("the pass did not reach its end".to_owned()))
}

/// Shows what was read as tables.
pub fn show(tenant: &str, summary: &LicensesSummary) -> Result<(), CommandError> {
    let totals = &summary.totals;
    print::lines(&format!(
        "Tenant {tenant}: {} licences for {} of {} people",
        grouped(totals.skus),
        grouped(totals.licensed),
        grouped(totals.people)
    ))?;
    let of = |is_one: fn(LicenseClass) -> bool| summary.skus.iter().filter(move |sku| is_one(sku.class()));
    let mut paid: Vec<&Sku> = of(|class| class == LicenseClass::Paid).collect();
    paid.sort_by_key(|sku| std::cmp::Reverse((sku.units().assignable(), sku.id())));
    utilisation(&paid)?;
    unused(&paid, totals)?;
    waste(&paid, totals)?;
    let apart: Vec<&Sku> = of(|class| class != LicenseClass::Paid).collect();
    if !apart.is_empty() {
        print::lines("\nNot in these numbers")?;
        let rows = apart
            .iter()
            .map(|sku| vec![name(sku), number(sku.units().assigned), sku.class().as_str().to_owned()]);
        print::lines(&report::table(&["Licence", "Assigned", "Why"], rows.collect()).to_string())?;
    }
    renewals(&summary.subscriptions)
}

fn number(number: Option<i64>) -> String {
    number.map_or_else(|| "unknown".to_owned(), grouped)
}

fn utilisation(paid: &[&Sku]) -> Result<(), CommandError> {
    let rows = paid.iter().map(|sku| {
        let units = sku.units();
        let used = units.assigned.zip(units.assignable()).filter(|(_, seats)| *seats > 0);
        let used = used.map(|(assigned, seats)| format!("{} %", assigned.saturating_mul(100) / seats));
        let over = units.over_assigned().filter(|over| *over > 0);
        vec![
            name(sku),
            number(units.assignable()),
            number(units.assigned),
            number(units.unassigned()),
            over.map(grouped).unwrap_or_default(),
            used.unwrap_or_default(),
        ]
    });
    print::lines(&report::table(&UTILISATION, rows.collect()).to_string())?;
    for sku in paid.iter().filter(|sku| sku.cross_check().is_some()) {
        let (assigned, people) = (number(sku.units().assigned), grouped(sku.found().people));
        let why = sku.cross_check().unwrap_or_default();
        print::indented(&format!(
            "{}: Microsoft counts {assigned} seats in use, and {people} people have it: {why}",
            sku.readable_name()
        ))?;
    }
    Ok(())
}

/// The name, or the part number if the list does not have it.
fn name(sku: &Sku) -> String {
    let unnamed = if sku.is_named() { "" } else { " (not in Microsoft's list of names)" };
    format!("{}{unnamed}", sku.readable_name())
}

fn unused(paid: &[&Sku], totals: &LicenseTotals) -> Result<(), CommandError> {
    let unused = paid.iter().filter(|sku| sku.units().unassigned().is_some_and(|free| free > 0));
    let rows: Vec<_> =
        unused.map(|sku| (vec![name(sku), number(sku.units().unassigned())], sku.unused_money())).collect();
    show_with_cost("Unused seats", &UNUSED, rows, &totals.unused_cost)
}

fn waste(paid: &[&Sku], totals: &LicenseTotals) -> Result<(), CommandError> {
    let wasted = paid.iter().filter(|sku| sku.found().wasted + sku.found().group_errors > 0);
    let rows: Vec<_> = wasted
        .map(|sku| {
            let found = sku.found();
            let numbers = [found.blocked, found.included_in_another, found.group_errors].map(grouped);
            (std::iter::once(name(sku)).chain(numbers).collect(), sku.wasted_money())
        })
        .collect();
    show_with_cost("Wasted seats, and groups that fail", &WASTE, rows, &totals.wasted_cost)
}

/// A table with what each row costs, if any of them has a price. The sum says so where some have none.
fn show_with_cost(
    title: &str,
    header: &[&str],
    rows: Vec<(Vec<String>, Money)>,
    sum: &Money,
) -> Result<(), CommandError> {
    if rows.is_empty() {
        return Ok(());
    }
    let is_priced = rows.iter().any(|(_, cost)| !cost.is_empty());
    print::lines(&format!("\n{title}"))?;
    if let Some(cost) = report::a_month(sum, rows.iter().map(|(_, cost)| cost.clone())) {
        print::indented(&cost)?;
    }
    let line = |(mut row, cost): (Vec<String>, Money)| {
        row.extend(is_priced.then(|| if cost.is_empty() { "no price".to_owned() } else { cost.to_string() }));
        row
    };
    let header: Vec<&str> = header.iter().copied().chain(is_priced.then_some("A month")).collect();
    print::lines(&report::table(&header, rows.into_iter().map(line).collect()).to_string())?;
    Ok(())
}

fn renewals(subscriptions: &[Subscription]) -> Result<(), CommandError> {
    if subscriptions.is_empty() {
        return Ok(());
    }
    let mut subscriptions: Vec<&Subscription> = subscriptions.iter().collect();
    subscriptions
        .sort_by_key(|subscription| (subscription.next_change().is_none(), subscription.next_change()));
    let rows = subscriptions.iter().map(|subscription| {
        vec![
            subscription.readable_name().to_owned(),
            subscription.status().to_owned(),
            number(subscription.seats()),
            subscription.next_change().unwrap_or("unknown").to_owned(),
        ]
    });
    print::lines("\nPurchases; without a renewal the status changes on the day")?;
    print::lines(&report::table(&RENEWALS, rows.collect()).to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, numbers: &[&str]) -> Vec<String> {
        std::iter::once(name).chain(numbers.iter().copied()).map(str::to_owned).collect()
    }

    #[test]
    fn licences_of_millions_fit_a_terminal_and_break_no_number() {
        let name = "Microsoft 365 E3 (no Teams) for people who work with their hands";
        let numbers = ["9,999,999"; 4];
        let utilisation = row(name, &[&numbers[..], &["100 %"]].concat());
        report::assert_fits(report::table(&UTILISATION, vec![utilisation]), &["9,999,999", "100 %"]);
        let money = "359,999,964.005 EUR";
        let header: Vec<&str> = WASTE.into_iter().chain(["A month"]).collect();
        let waste = row(name, &[&numbers[..3], &[money]].concat());
        report::assert_fits(
            report::table(&header, vec![waste]),
            &["9,999,999", "359,999,964.005", "Microsoft"],
        );
        let header: Vec<&str> = UNUSED.into_iter().chain(["A month"]).collect();
        report::assert_fits(report::table(&header, vec![row(name, &["9,999,999", money])]), &[money]);
        let purchase = row(name, &["suspended", "9,999,999", "2026-03-04"]);
        report::assert_fits(report::table(&RENEWALS, vec![purchase]), &["9,999,999", "2026-03-04"]);
    }
}
