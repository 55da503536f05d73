//! A migration with no monitored copy job running: compares the two drives and plans the next step.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join;
use msgraph::{Drive, DriveItem, Quota, ROOT as DRIVE_ROOT, quick_xor_hash};
use outcome::{Left, Needs};
use schemars::JsonSchema;
use serde::Deserialize;

use super::compare::{Comparison, Fate};
use super::copy_job::{Change, Job};
use super::copy_plan::{CopyPlan, MONITORED, Part};
use super::manifest::{self, manifest};
use super::notes::Notes;
use super::tree::{Builder, Kind, ROOT, Tree};
use crate::{Account, Error, Person, PersonRef, Plan, View, Wait};

/// The longest name of the folder, so that paths below it do not grow much.
const LONGEST_NAME: usize = 80;

/// What to migrate.
pub struct Request<'a> {
    /// The person whose files are migrated.
    pub user: &'a PersonRef,
    /// The recipient.
    pub to: &'a PersonRef,
    /// The folder's name, if given.
    pub folder: Option<&'a str>,
    /// The day in the default name.
    pub day: &'a str,
}

/// How long to wait, and when to give up.
#[derive(Clone, Copy)]
pub struct Limits {
    /// How long to wait for copies in all.
    pub at_most: Duration,
    /// How long the target must not have changed before missing items count as not copied.
    pub settled: Duration,
    /// What to do about files that cannot be copied.
    pub incomplete: Incomplete,
}

/// What to do about files that cannot be copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Incomplete {
    /// The step fails, and the workflow stops.
    #[default]
    Fail,
    /// The files are reported to the operator, and the workflow continues.
    Report,
}

/// The two drives and what is known about the migration.
pub struct Migration {
    person: Person,
    to: Option<String>,
    source: Option<Drive>,
    target: Option<Drive>,
    name: String,
    /// The folder of the copies, if it exists.
    folder: Option<DriveItem>,
    files: Tree,
    copies: Tree,
    notes: Notes,
    /// Whether all copy jobs have just ended, and each of them with items that it could not copy.
    pub is_over: bool,
    /// How often the run was replayed.
    replays: u32,
}

impl Migration {
    /// Plans the next step.
    pub fn plan(&self, limits: Limits) -> Result<Plan<Change>, Error> {
        let (user, found) = self.person.account()?;
        if found.is_none() {
            return Ok(Plan::nothing());
        }
        let Some(source) = &self.source else {
            return Ok(left_alone(
                "no_drive",
                format!("{user} has no OneDrive, so there is nothing to move"),
            ));
        };
        let target = self.target_for(&user, source)?;
        let all = self.files.below(ROOT);
        if all.items == 0 {
            return Ok(left_alone("empty_drive", format!("the OneDrive of {user} is empty")));
        }
        let compared = Comparison::of(&self.files, &self.copies, length_above(target, &self.name));
        let open = compared.open();
        let tried = self.notes.tried.filter(|(_, replays)| *replays == self.replays);
        if open == 0 {
            return self.ended(limits, &user, target, &compared);
        }
        self.check_room(&compared, target)?;
        let order = |job| Change { from: source.id.clone(), to: target.id.clone(), job };
        let list = order(Job::List { folder: String::new(), items: all.items, content: Bytes::new() });
        let CopyPlan { now, later } = CopyPlan::of(&self.files, &self.copies, &compared);
        let later = later.into_iter().map(|part| order(Job::Later(part)).to_string());
        let later = later.chain([list.to_string()]);
        let has_unmonitored = now.len() > MONITORED;
        let has_copies = now.iter().any(|part| matches!(part, Part::Copy { .. }));
        let orders: Vec<_> =
            (0..).zip(now).map(|(place, part)| order(Job::Part(part, place < MONITORED))).collect();
        if self.folder.is_none() {
            let notes = Notes { is_fresh: true, ..Notes::default() };
            let wait = wait(limits, Duration::ZERO, "the folder of the copies", &notes);
            let later = orders.iter().map(ToString::to_string).chain(later).collect();
            return Ok(Plan::in_order([order(Job::Home(self.name.clone()))]).waiting(Wait { later, ..wait }));
        }
        if let Some((pause, notes)) = self.settles(limits) {
            let count = self.copied();
            let reason = format!("copies that may still be running; {count} items are there, {open} are not");
            let later = orders.iter().map(ToString::to_string).chain(later).collect();
            return Ok(Plan::nothing().waiting(Wait { later, ..wait(limits, pause, reason, &notes) }));
        }
        if tried.is_some_and(|(before, _)| open >= before) {
            return self.ended(limits, &user, target, &compared);
        }
        let notes = Notes {
            has_unmonitored,
            // Creating a folder alone is no attempt.
            tried: has_copies.then_some((open, self.replays)),
            refused: self.notes.refused.clone(),
            ..Notes::default()
        };
        let wait = wait(limits, notes.pause(), format!("the copy of {open} of {} items", all.items), &notes);
        Ok(Plan::together(orders).waiting(Wait { later: later.collect(), ..wait }))
    }

    /// How long to watch the target before copying again or naming missing items, with the notes about it; nothing if
    /// no job can still be copying.
    fn settles(&self, limits: Limits) -> Option<(Duration, Notes)> {
        let has_ended = self.notes.is_fresh || self.is_over || self.notes.listed == Some(self.replays);
        let (pause, growth) = self.notes.growth.next(self.copied(), limits.settled).filter(|_| !has_ended)?;
        Some((pause, self.notes.clone().growing(growth)))
    }

    /// The drive to copy into, if it exists and can receive files.
    fn target_for(&self, user: &Account, source: &Drive) -> Result<&Drive, Error> {
        let Some(to) = &self.to else {
            return Err(recipient_not_found());
        };
        if *user == Account::Known(to.clone()) {
            let detail = format!("{user} already owns these files; set `to` to another person");
            return Err(Error::rejected(&["user", "to"], "own_recipient", detail));
        }
        let Some(target) = &self.target else {
            let detail = format!(
                "user {to} has no OneDrive to receive the files; have the person open it once, or create it with \
                     Request-SPOPersonalSite, then replay the dead letter"
            );
            return Err(Error::blocked("target_drive_missing", detail));
        };
        // Each geography of a tenant has its own host.
        let hosts = host(source).zip(host(target));
        if hosts.is_some_and(|(one, other)| !one.eq_ignore_ascii_case(other)) {
            let detail = format!(
                "the OneDrives of {user} and user {to} are in different geographies, and an application cannot copy \
                     between these; set `to` to another person, or use share_onedrive"
            );
            return Err(Error::blocked("cross_geo", detail));
        }
        Ok(target)
    }

    fn check_room(&self, compared: &Comparison, target: &Drive) -> Result<(), Error> {
        let is_missing = |number: usize| matches!(compared.fate(number), Fate::Missing);
        let files = self.files.all().filter(|(number, _)| is_missing(*number));
        let bytes = files.map(|(_, node)| match &node.kind {
            Kind::File(content) => content.size,
            _ => 0,
        });
        let needed: u64 = bytes.sum();
        match target.quota.as_ref().and_then(Quota::room) {
            Some(remaining) if remaining < needed => Err(Error::blocked(
                "target_drive_full",
                format!(
                    "drive {} has {remaining} bytes left and needs {needed}; make room or raise its quota, then replay \
                     the dead letter",
                    target.id
                ),
            )),
            _ => Ok(()),
        }
    }

    /// How many items are among the copies, without the list.
    fn copied(&self) -> usize {
        let lists = self.copies.children(ROOT).filter(|(_, node)| is_list(&node.name));
        self.copies.below(ROOT).items - lists.count()
    }

    /// The plan when nothing more can be copied: writes the list and reports the counts.
    fn ended(
        &self,
        limits: Limits,
        user: &Account,
        target: &Drive,
        compared: &Comparison,
    ) -> Result<Plan<Change>, Error> {
        let all = self.files.below(ROOT);
        let failed = compared.failed();
        let list = self.folder.as_ref().and_then(|folder| self.list(folder, target, compared));
        if failed > 0 && limits.incomplete == Incomplete::Fail {
            // A listing that lags may not show the list that the look before wrote.
            let Some(list) = list.filter(|_| self.notes.listed != Some(self.replays)) else {
                let detail = format!(
                    "{failed} of {} items in the OneDrive of {user} could not be copied; the file `{}` beside the \
                     copies lists them with reasons; fix these and replay the dead letter, or set `incomplete: report`",
                    all.items,
                    manifest::NAME
                );
                return Err(Error::blocked("files_not_copied", detail));
            };
            let notes = Notes { listed: Some(self.replays), ..self.notes.clone() };
            return Ok(Plan::in_order([list]).waiting(wait(
                limits,
                Duration::ZERO,
                "the list of the copies",
                &notes,
            )));
        }
        let count = |fate| compared.count(fate).into();
        let plan = Plan::in_order(list).leaving(self.left(user, compared));
        Ok(plan.counting([
            ("items", all.items.into()),
            ("bytes", all.bytes.into()),
            ("identical", count(Fate::Identical)),
            ("rewritten", count(Fate::Rewritten)),
            ("renamed", count(Fate::Renamed)),
            ("skipped", count(Fate::Skipped)),
            ("failed", failed.into()),
            ("drive", target.id.clone().into()),
            ("folder", self.folder.as_ref().map(|folder| folder.id.clone()).unwrap_or_default().into()),
        ]))
    }

    /// The write of the list, unless it is up to date.
    fn list(&self, folder: &DriveItem, target: &Drive, compared: &Comparison) -> Option<Change> {
        let content = manifest(&self.files, &self.copies, compared, &self.notes);
        let (size, hash) = (content.len() as u64, quick_xor_hash(&content));
        let mut lists = self.copies.children(ROOT).filter(|(_, node)| is_list(&node.name));
        let is_there = lists.any(|(_, node)| match &node.kind {
            Kind::File(found) => found.size == size && found.quick_xor_hash.as_deref() == Some(&hash),
            _ => false,
        });
        let from = self.source.as_ref().map(|source| source.id.clone()).unwrap_or_default();
        let job = Job::List { folder: folder.id.clone(), items: self.files.below(ROOT).items, content };
        (!is_there).then(|| Change { from, to: target.id.clone(), job })
    }

    fn left(&self, user: &Account, compared: &Comparison) -> Vec<Left> {
        let mut left = vec![left(
            "not_copied_with_files",
            format!("authors, dates, versions and sharing of the files of {user} stay with the source"),
            Needs::Nobody,
        )];
        let skipped = compared.count(Fate::Skipped);
        if skipped > 0 {
            let detail =
                format!("{skipped} items of {user} are links or too deep folders, with nothing to copy");
            left.push(self::left("items_skipped", detail, Needs::Nobody));
        }
        let failed = compared.failed();
        if failed > 0 {
            let detail = format!(
                "{failed} items of {user} could not be copied; the file `{}` lists them with reasons",
                manifest::NAME
            );
            left.push(self::left("files_not_copied", detail, Needs::Operator));
        }
        left
    }
}

/// Reads both drives, if they exist.
pub async fn look(asked: &Request<'_>, graph: View<'_>, notes: Notes) -> Result<Migration, Error> {
    let to = async { Ok(graph.other(asked.to, &["id"]).await?.map(|user| user.id)) };
    let person = graph.person(asked.user, &["id", "displayName"]);
    let (person, to) = try_join(person, to).await?;
    let drive = async |id: Option<&str>| match id {
        Some(id) => graph.drive(id).await.map_err(or_closed),
        None => Ok(None),
    };
    let user = match &person {
        Person::Present(user) => Some(user),
        Person::ToBeCreated | Person::Absent => None,
    };
    let (source, target) = try_join(drive(user.map(|user| user.id.as_str())), drive(to.as_deref())).await?;
    let name = user.and_then(|user| user.display_name.as_deref()).unwrap_or("somebody");
    let name = folder_name(asked.folder, name, asked.day);
    let mut migration = Migration {
        person,
        to,
        source,
        target,
        name,
        folder: None,
        files: Tree::default(),
        copies: Tree::default(),
        notes,
        is_over: false,
        replays: graph.replays(),
    };
    let (Some(source), Some(target)) = (&migration.source, &migration.target) else { return Ok(migration) };
    if source.id == target.id {
        return Ok(migration);
    }
    migration.folder = graph.child_item(&target.id, DRIVE_ROOT, &migration.name).await.map_err(or_closed)?;
    let files = async { Ok::<_, Error>(list(graph, &source.id).await?.whole()) };
    let copies = async {
        match &migration.folder {
            Some(folder) => Ok(list(graph, &target.id).await?.below(&folder.id)),
            None => Ok(Tree::default()),
        }
    };
    (migration.files, migration.copies) = try_join(files, copies).await?;
    Ok(migration)
}

async fn list(graph: View<'_>, drive: &str) -> Result<Builder, Error> {
    let mut listing = graph.drive_items(drive)?;
    let mut items = Builder::default();
    while let Some(page) = listing.next().await.map_err(or_closed)? {
        items.add(page);
    }
    Ok(items)
}

pub fn wait(limits: Limits, after: Duration, reason: impl Into<String>, notes: &Notes) -> Wait {
    Wait { after, at_most: limits.at_most, reason: reason.into(), notes: notes.write(), later: Vec::new() }
}

/// The folder's name: as given, or of the person and the day, without characters that SharePoint rejects.
fn folder_name(given: Option<&str>, person: &str, day: &str) -> String {
    let name = given.map_or_else(|| format!("Files of {person}, {day}"), ToOwned::to_owned);
    let is_taken =
        |c: char| !matches!(c, '"' | '*' | ':' | '<' | '>' | '?' | '/' | '\\' | '|') && !c.is_control();
    let name: String = name.chars().map(|c| if is_taken(c) { c } else { '_' }).take(LONGEST_NAME).collect();
    match name.trim_matches(|c| matches!(c, '.' | ' ' | '~')) {
        "" => "Files".to_owned(),
        name => name.to_owned(),
    }
}

/// How many characters precede a copy's own path, from the site on.
fn length_above(target: &Drive, folder: &str) -> usize {
    let url = target.web_url.as_deref().unwrap_or_default();
    let site = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, site)| site);
    site.len() + 1 + folder.encode_utf16().count()
}

fn host(drive: &Drive) -> Option<&str> {
    drive.web_url.as_deref()?.split_once("://")?.1.split('/').next()
}

fn left(code: &str, detail: String, needs: Needs) -> Left {
    Left { code: code.to_owned(), detail, needs }
}

fn left_alone<C>(code: &str, detail: String) -> Plan<C> {
    Plan::nothing().leaving([left(code, detail, Needs::Nobody)])
}

fn is_list(name: &str) -> bool {
    name.eq_ignore_ascii_case(manifest::NAME)
}

/// Explains why a drive cannot be read.
fn or_closed(error: msgraph::Error) -> Error {
    Error::from(error).or_missing("drive_closed", || {
        "a OneDrive cannot be read; grant Files.ReadWrite.All, or unlock its site if an administrator locked it"
            .to_owned()
    })
}

/// Rejects a recipient without an account.
pub fn recipient_not_found() -> Error {
    Error::rejected(
        &["to"],
        "recipient_not_found",
        "no account found for the recipient; check `to` (default: the manager)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_a_name_that_sharepoint_accepts() {
        assert_eq!(folder_name(None, "Grace Hopper", "2026-03-02"), "Files of Grace Hopper, 2026-03-02");
        assert_eq!(folder_name(Some("a/b:c*. "), "", ""), "a_b_c_");
        assert_eq!(folder_name(Some(" ~."), "", ""), "Files");
        assert_eq!(folder_name(Some(&"x".repeat(300)), "", "").len(), LONGEST_NAME);
    }
}
