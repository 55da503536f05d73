//! `gatehouse sync users`: everyone, or who changed since the last time.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use directory_sync::{
    ChangeCounts, Cursor, Error, FullPassReason, Note, SignInsPass, SignInsSummary, User, UserTotals,
    UsersDelta, UsersPass, UsersSummary,
};
use msgraph::Reader;
use serde::Serialize;

use super::file::{OutFile, Written};
use super::partial::replace;
use super::progress::Progress;
use super::report::{self, grouped};
use super::{TenantArgs, page, tenant_of};
use crate::commands::{CommandError, OutputArgs};
use crate::print::{self, Format};
use crate::settings::Config;

/// Arguments of `gatehouse sync users`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse sync users
  gatehouse sync users --out people.csv
  gatehouse sync users --out people.html
  gatehouse sync users --out changes.ndjson --cursor-file contoso.cursor
  gatehouse sync users --sign-ins --output json | jq .totals

With a cursor file that exists, only changes are read: a column that a row leaves out
did not change, null was cleared. If the cursor cannot be used, everyone is read, and the
output says why. A cursor is good for seven days.

Needs the permission User.Read.All, with --sign-ins also AuditLog.Read.All and Entra ID P1.
Microsoft allows ten pages of sign-ins in a minute: 5,000 people.

Exits with 1 if the tenant could not be read to the end; then no file is written.")]
pub struct Args {
    #[command(flatten)]
    tenant: TenantArgs,
    /// Write the rows to this file: .csv (for spreadsheets), .ndjson or .json by its ending; .html writes a page of
    /// charts and tables to read, print and pass on
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Read only changes since this file was written, and write it again after success
    #[arg(long, value_name = "FILE")]
    cursor_file: Option<PathBuf>,
    /// Also read when each person last signed in
    #[arg(long)]
    sign_ins: bool,
    #[command(flatten)]
    format: OutputArgs,
}

/// The kinds of rows in a file.
const KINDS: [&str; 3] = ["user", "removed_user", "sign_in"];

/// What was read.
#[derive(Serialize)]
struct Report<'a> {
    sync: &'static str,
    tenant: &'a str,
    /// `full` or `changes`.
    mode: &'static str,
    /// Why everyone was read although there was a cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    full_pass_because: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totals: Option<UserTotals>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<ChangeCounts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_ins: Option<SignInsSummary>,
    notes: Vec<Note>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
}

/// What a pass found.
struct Found {
    totals: Option<UserTotals>,
    changes: Option<ChangeCounts>,
    cursor: Option<Cursor>,
    notes: Vec<Note>,
}

impl From<UsersSummary> for Found {
    fn from(summary: UsersSummary) -> Self {
        let UsersSummary { totals, cursor, notes } = summary;
        Self { totals: Some(totals), changes: None, cursor, notes }
    }
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let (tenant, client) = tenant_of(&args.tenant, &config)?;
    let (page, rows_to) = page::or_rows(args.out.as_deref())?;
    if let (Some(path), Some(_)) = (page, &args.cursor_file) {
        return Err(CommandError::Input(format!(
            "{}: a page shows everyone, and a cursor file asks for changes: leave out one of them",
            path.display()
        )));
    }
    let cursor = args.cursor_file.as_deref().map(read_cursor).transpose()?.flatten();
    let reader = client.reader();
    let create = || rows_to.map(|path| OutFile::create(path, &KINDS)).transpose();
    let mut out = create()?;
    let privacy = config.usage_privacy(&tenant)?.of_request(false, None).map_err(CommandError::Input)?;
    let mut departments = page.map(|_| page::Departments::of_at_least(privacy.smallest_group()));
    let mut reason = None;
    let mut found = None;
    if let Some(cursor) = &cursor {
        match changes(reader, cursor, out.as_mut()).await {
            Ok(changes) => found = Some(changes),
            Err(CommandError::Sync(Error::FullPassNeeded(why))) => {
                // Nothing of the round stays.
                drop(out.take());
                out = create()?;
                reason = Some(why);
            }
            Err(error) => return Err(error),
        }
    }
    let found = match found {
        Some(found) => found,
        None => everyone(reader, args.format.output, out.as_mut(), departments.as_mut()).await?.into(),
    };
    let sign_ins = match args.sign_ins {
        true => Some(sign_ins(reader, args.format.output, out.as_mut()).await?),
        false => None,
    };
    let rows = out.map(OutFile::finish).transpose()?;
    if let (Some(path), Some(cursor)) = (&args.cursor_file, &found.cursor) {
        replace(path, cursor.as_str())
            .map_err(|error| CommandError::Input(format!("cannot write {}: {error}", path.display())))?;
    }
    if let (Some(path), Some(departments), Some(totals)) = (page, &departments, &found.totals) {
        let page = page::of_people(&tenant, totals, sign_ins.as_ref(), departments, &found.notes);
        page::write(path, &page)?;
    }
    let report = Report {
        sync: "users",
        tenant: &tenant,
        mode: if found.changes.is_some() { "changes" } else { "full" },
        full_pass_because: reason.as_ref().map(FullPassReason::code),
        totals: found.totals,
        changes: found.changes,
        sign_ins,
        notes: found.notes,
        rows,
    };
    match args.format.output {
        Format::Json => print::json(&report)?,
        Format::Human => show(&report, reason.as_ref(), rows_to, page)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The cursor in a file; `None` if there is no file yet.
fn read_cursor(path: &Path) -> Result<Option<Cursor>, CommandError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(Cursor::new(text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        // What is no text is no cursor.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Ok(Some(Cursor::new(""))),
        Err(error) => Err(CommandError::Input(format!("cannot read {}: {error}", path.display()))),
    }
}

/// What becomes of a page of people.
struct PageRead {
    people: u64,
    written: Option<Written>,
    departments: Option<page::Departments>,
}

/// Reads everyone, into a file and into a count of departments where they are wanted.
pub async fn everyone(
    reader: Reader<'_>,
    format: Format,
    mut out: Option<&mut OutFile>,
    mut departments: Option<&mut page::Departments>,
) -> Result<UsersSummary, CommandError> {
    let progress = Progress::of_people(reader, format).await;
    let writing = out.as_ref().map(|out| out.writing());
    let counting = departments.as_deref().map(page::Departments::none_yet);
    let read = move |users: &[User<'_>]| PageRead {
        people: users.len() as u64,
        written: writing.as_ref().map(|writing| writing.write(users)),
        departments: counting.as_ref().map(|none| none.of(users)),
    };
    let mut pass = UsersPass::begin(reader, read).await?;
    let mut people = 0;
    while let Some(page) = pass.next().await? {
        if let (Some(out), Some(written)) = (&mut out, &page.written) {
            out.append(written)?;
        }
        if let (Some(departments), Some(counted)) = (&mut departments, page.departments) {
            departments.add_all(counted);
        }
        people += page.people;
        progress.reach(people);
    }
    pass.finish().ok_or_else(incomplete)
}

async fn changes(
    reader: Reader<'_>,
    cursor: &Cursor,
    mut out: Option<&mut OutFile>,
) -> Result<Found, CommandError> {
    let mut round = UsersDelta::begin(reader, cursor)?;
    while let Some(changes) = round.next().await? {
        if let Some(out) = &mut out {
            out.write(&changes)?;
        }
    }
    let summary = round.finish().ok_or_else(incomplete)?;
    let (changes, cursor) = (Some(summary.counts), Some(summary.cursor));
    Ok(Found { totals: None, changes, cursor, notes: Vec::new() })
}

async fn sign_ins(
    reader: Reader<'_>,
    format: Format,
    mut out: Option<&mut OutFile>,
) -> Result<SignInsSummary, CommandError> {
    let progress = Progress::of_people(reader, format).await;
    let mut pass = SignInsPass::begin(reader)?;
    let mut read = 0;
    while let Some(rows) = pass.next().await? {
        if let Some(out) = &mut out {
            out.write(&rows)?;
        }
        read += rows.len() as u64;
        progress.reach(read);
    }
    pass.finish().ok_or_else(incomplete)
}

fn incomplete() -> CommandError {
    CommandError::Input("the pass did not reach its end".to_owned())
}

fn show(
    report: &Report<'_>,
    reason: Option<&FullPassReason>,
    out: Option<&Path>,
    page: Option<&Path>,
) -> Result<(), CommandError> {
    let what = if report.changes.is_some() { "changes since the last time" } else { "everyone" };
    print::lines(&format!("Tenant {}: {what}", report.tenant))?;
    if let Some(reason) = reason {
        print::lines("  everyone was read, because")?;
        print::indented(&reason.to_string())?;
    }
    let mut rows = Vec::new();
    let mut row = |what: &str, people: u64| rows.push(vec![what.to_owned(), grouped(people)]);
    if let Some(totals) = &report.totals {
        row("Everyone", totals.people);
        row("  can sign in", totals.enabled);
        row("  blocked", totals.disabled);
        row("  members", totals.members);
        row("  guests", totals.guests);
        row("  of no type", totals.of_no_type);
        row("With a licence", totals.licensed);
        row("  of these blocked", totals.licensed_and_disabled);
        row("Mastered on premises", totals.synced);
        row("With a manager", totals.managed);
    }
    if let Some(changes) = &report.changes {
        row("New or changed", changes.changed);
        row("Deleted, can be restored", changes.deleted);
        row("Deleted for good", changes.purged);
    }
    if let Some(sign_ins) = report.sign_ins.as_ref().filter(|sign_ins| sign_ins.unavailable.is_none()) {
        row("Never signed in since 2023-12-01", sign_ins.never);
    }
    print::lines(&report::table(&["", "People"], rows).to_string())?;
    let unavailable = report.sign_ins.iter().filter_map(|sign_ins| sign_ins.unavailable.clone());
    let notes: Vec<Note> = report.notes.iter().cloned().chain(unavailable).collect();
    report::end(&notes, out.zip(report.rows), page)
}
