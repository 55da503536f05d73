//! `gatehouse sync report`: licences, usage and people on one page.

use std::path::PathBuf;
use std::process::ExitCode;

use directory_sync::{LicenseTotals, MOST_DAYS, Note, UsageOptions, UsageTotals, UserTotals};
use serde::Serialize;

use super::{TenantArgs, licenses, page, prices, report, tenant_of, usage, users};
use crate::commands::{CommandError, OutputArgs};
use crate::print::{self, Format};
use crate::settings::Config;

/// Arguments of `gatehouse sync report`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse sync report --out report.html
  gatehouse sync report --out report.html --prices prices.csv --days 14

Licences are read first, then people, then usage, day by day. Microsoft gives 14 reports
of usage in ten minutes: more than 14 days take at least ten minutes.

Needs what the three syncs need: User.Read.All, LicenseAssignment.Read.All and
Reports.Read.All; for renewals also Organization.Read.All, for names of groups
GroupMember.Read.All, and ReportSettings.Read.All to know whether names are concealed.

Exits with 1 if something could not be read to the end; then no page is written.")]
pub struct Args {
    #[command(flatten)]
    tenant: TenantArgs,
    /// Write the page to this file, whose name ends in .html
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How many days of usage to read, up to the last one with figures
    #[arg(long, value_name = "N", default_value_t = MOST_DAYS, value_parser = clap::value_parser!(u8).range(1..=28))]
    days: u8,
    /// What licences cost (CSV), instead of the file in the settings
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Fewest people of a department that is shown, if the settings ask for no more [default: 5]
    #[arg(long, value_name = "PEOPLE")]
    min_group: Option<u64>,
    #[command(flatten)]
    format: OutputArgs,
}

/// What was read.
#[derive(Serialize)]
struct Report<'a> {
    sync: &'static str,
    tenant: &'a str,
    licenses: &'a LicenseTotals,
    usage: &'a UsageTotals,
    users: &'a UserTotals,
    notes: &'a [Note],
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let path = args.out.as_path();
    if !page::is_page(path) {
        let path = path.display();
        return Err(CommandError::Input(format!(
            "{path}: the name of a page must end in .html; rows come from sync users, licenses and usage"
        )));
    }
    page::or_rows(Some(path))?;
    let (tenant, client) = tenant_of(&args.tenant, &config)?;
    let (reader, format) = (client.reader(), args.format.output);
    let prices = prices(args.prices.as_deref(), &tenant, &config)?;
    let privacy = config.usage_privacy(&tenant)?.of_request(false, args.min_group);
    let privacy = privacy.map_err(CommandError::Input)?;
    let licenses = licenses::everything(reader, &prices, format, None).await?;
    let mut departments = page::Departments::of_at_least(privacy.smallest_group());
    let people = users::everyone(reader, format, None, Some(&mut departments)).await?;
    let options = UsageOptions { days: args.days, known: Vec::new(), by_person: true, privacy, prices };
    let (days, usage) = usage::everything(reader, options, format, None).await?;

    let page = page::of_everything(
        page::of_licenses(&tenant, &licenses),
        page::of_usage(&tenant, &days, &usage),
        page::of_people(&tenant, &people.totals, None, &departments, &people.notes),
    );
    page::write(path, &page)?;
    let mut notes = licenses.notes.clone();
    for note in usage.notes.iter().chain(&people.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    match format {
        Format::Json => print::json(&Report {
            sync: "report",
            tenant: &tenant,
            licenses: &licenses.totals,
            usage: &usage.totals,
            users: &people.totals,
            notes: &notes,
        })?,
        Format::Human => {
            licenses::show(&tenant, &licenses)?;
            print::lines("")?;
            usage::show(&tenant, &days, &usage)?;
            report::end(&notes, None, Some(path))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
