//! Makes true: all of the person's files are in the manager's OneDrive, in a folder of their own, and that is proven.
//!
//! **Needs** `Files.ReadWrite.All` and `User.Read.All`.
//! **Refuses** `user_not_found`; `recipient_not_found` and `own_recipient`; `target_drive_missing`, `target_drive_full`,
//! `cross_geo`, `drive_locked` and `drive_closed`; `files_not_copied` where something is still missing after it was tried
//! again, unless `incomplete: report`.
//! **Leaves** somebody who has no OneDrive or nothing in it, and says so; what is in the source, whole.
//! **Waits** for SharePoint's copies, three days unless told otherwise.
//! **Idempotent because** the folder has the same name on every try, copies fail where a name is taken, and what is
//! ordered is only what the folder lacks. A copy whose order was lost is found by looking whether the folder grows.
//! **Caveat:** a copy is a new file: who made and changed it, when, its versions and whom it was shared with stay behind.
//! Files whose path would be too long come into a folder for them under a shortened name; the list beside the copies
//! tells from where. What is changed in the source after the proof is not seen.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{try_join, try_join_all};
use msgraph::{CopyOrder, CopyState, Drive, DriveItem, ROOT as DRIVE_ROOT, Writer, quick_xor_hash};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use workflow::{Delay, Left, Needs};

use crate::action::{Action, Plan, Wait};
use crate::error::Error;
use crate::onedrive::compare::{Comparison, Fate};
use crate::onedrive::manifest::{self, manifest};
use crate::onedrive::notes::{Note, Notes};
use crate::onedrive::parts::{HEARD, Part, Parts, parts};
use crate::onedrive::tree::{Builder, Kind, ROOT, Tree};
use crate::person::{Account, Person, PersonRef, Reader};

/// How long to wait for copies.
const DEADLINE: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// How long to see whether a folder grows into which nobody is known to copy.
const SETTLING: Duration = Duration::from_secs(10);
/// The longest name of the folder: paths below it may not be much longer than they were.
const LONGEST_NAME: usize = 80;

/// See the file's head.
pub struct MigrateOnedrive;

/// Whose files, to whom, and for how long to try.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person; the event's unless given.
    user: PersonRef,
    /// Whose OneDrive they go to; the manager's unless given.
    to: PersonRef,
    /// The day in the folder's name; that of the event unless given. Whoever leaves twice has two folders.
    day: String,
    /// The folder's name, in place of `Files of` and the person's name and the day.
    folder: Option<String>,
    /// How long to wait for the copies in all; `3d` unless given.
    #[schemars(with = "Option<String>")]
    deadline: Option<Delay>,
    /// What to do about files that cannot be copied.
    #[serde(default)]
    incomplete: Incomplete,
}

/// What to do about files that cannot be copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Incomplete {
    /// The step fails, and nothing after it in the workflow begins.
    #[default]
    Fail,
    /// They are left for an operator, and the workflow goes on.
    Report,
}

/// What a look found.
pub enum Observed {
    /// Copies that were ordered go on.
    Copying {
        /// What is known of them.
        notes: Notes,
        /// How many items have come, of how many, as far as is told.
        items: (usize, usize),
    },
    /// Nothing goes on that could be asked after.
    Settled(Box<Settled>),
}

/// The two drives, side by side.
pub struct Settled {
    person: Person,
    to: Option<String>,
    source: Option<Drive>,
    target: Option<Drive>,
    name: String,
    /// The folder of the copies, if it is there.
    folder: Option<DriveItem>,
    files: Tree,
    copies: Tree,
    notes: Notes,
    /// Whether all copies that were ordered have just come to their end.
    is_over: bool,
    /// How often the run was replayed.
    replays: u32,
}

/// One order.
#[derive(Debug, PartialEq)]
pub struct Order {
    from: String,
    to: String,
    what: What,
}

/// What is ordered.
#[derive(Debug, PartialEq)]
enum What {
    /// The folder of all copies.
    Home(String),
    /// A part of them, and whether it will be asked after.
    Part(Part, bool),
    /// What is only told of.
    Later(String),
    /// The list of what became of each item.
    List { folder: String, items: usize, content: Bytes },
}

impl Action for MigrateOnedrive {
    const NAME: &'static str = "migrate_onedrive";
    const MAKES_TRUE: &'static str =
        "The person's files are in the manager's OneDrive, compared item by item";
    const NEEDS: &'static [&'static str] = &["Files.ReadWrite.All", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] =
        &[("user", "{{ person }}"), ("to", "{{ manager }}"), ("day", "{{ event.time[:10] }}")];

    const TOGETHER: bool = true;

    type Params = Params;
    type Observed = Observed;
    type Change = Order;

    async fn observe(params: &Params, graph: Reader<'_>) -> Result<Observed, Error> {
        let mut notes = Notes::read(graph.notes::<Note>());
        let asked = notes.copies.iter().map(|(address, _)| {
            let address = SecretString::from(address.as_str());
            async move { graph.copy_state(&address).await }
        });
        let states = try_join_all(asked).await?;
        if let Some(items) = under_way(&notes, &states) {
            return Ok(Observed::Copying { notes, items });
        }
        let is_over = !notes.copies.is_empty() && !notes.has_unheard;
        for state in states {
            if let CopyState::Failed(refused) = state {
                notes.refuse(refused);
            }
        }
        notes.copies.clear();
        let settled = look(params, graph, notes).await?;
        Ok(Observed::Settled(Box::new(Settled { is_over, ..settled })))
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Order>, Error> {
        match observed {
            Observed::Copying { notes, items: (done, all) } => {
                let notes = Notes { asked: notes.asked.saturating_add(1), ..notes.clone() };
                let reason = format!("the copy of {all} items, of which about {done} are done");
                Ok(Plan::nothing().waiting(wait(params, notes.pause(), reason, &notes)))
            }
            Observed::Settled(settled) => settled.plan(params),
        }
    }

    async fn apply(order: &Order, graph: Writer<'_>) -> Result<(), Error> {
        Self::begin(order, graph).await.map(drop)
    }

    async fn begin(order: &Order, graph: Writer<'_>) -> Result<Option<Value>, Error> {
        let note = order.carry_out(graph).await.map_err(or_refused)?;
        Ok(note.and_then(|note| serde_json::to_value(note).ok()))
    }

    #[cfg(test)]
    fn scenario() -> super::conformance::Scenario {
        let params = serde_json::json!({ "user": "grace@contoso.example", "to": "ada@contoso.example", "day": "2026-11-22" });
        super::conformance::Scenario::new(params)
    }
}

/// What is said of copies that go on, if any does.
fn under_way(notes: &Notes, states: &[CopyState]) -> Option<(usize, usize)> {
    let is_running = states.iter().any(|state| matches!(state, CopyState::Running(_)));
    is_running.then(|| {
        let all = notes.copies.iter().map(|(_, items)| items).sum();
        let done = notes.copies.iter().zip(states).map(|((_, items), state)| match state {
            CopyState::Running(share) => (*items as f64 * share / 100.0) as usize,
            _ => *items,
        });
        (done.sum(), all)
    })
}

/// Looks at both drives, as far as they are there.
async fn look(params: &Params, graph: Reader<'_>, notes: Notes) -> Result<Settled, Error> {
    let to = async { Ok(graph.user(params.to.key(), &["id"]).await?.map(|user| user.id)) };
    let person = graph.person(&params.user, &["id", "displayName"]);
    let (person, to) = try_join(person, to).await?;
    let drive = async |id: Option<&str>| match id {
        Some(id) => graph.drive(id).await.map_err(or_closed),
        None => Ok(None),
    };
    let user = match &person {
        Person::Present(user) => Some(user),
        Person::Promised | Person::Absent => None,
    };
    let (source, target) = try_join(drive(user.map(|user| user.id.as_str())), drive(to.as_deref())).await?;
    let name = user.and_then(|user| user.display_name.as_deref()).unwrap_or("somebody");
    let name = folder_name(params.folder.as_deref(), name, &params.day);
    let mut settled = Settled {
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
    let (Some(source), Some(target)) = (&settled.source, &settled.target) else { return Ok(settled) };
    if source.id == target.id {
        return Ok(settled);
    }
    settled.folder = graph.child_item(&target.id, DRIVE_ROOT, &settled.name).await.map_err(or_closed)?;
    let files = async { Ok::<_, Error>(list(graph, &source.id).await?.whole()) };
    let copies = async {
        match &settled.folder {
            Some(folder) => Ok(list(graph, &target.id).await?.below(&folder.id)),
            None => Ok(Tree::default()),
        }
    };
    (settled.files, settled.copies) = try_join(files, copies).await?;
    Ok(settled)
}

async fn list(graph: Reader<'_>, drive: &str) -> Result<Builder, Error> {
    let mut listing = graph.drive_items(drive)?;
    let mut items = Builder::default();
    while let Some(page) = listing.next().await.map_err(or_closed)? {
        items.add(page);
    }
    Ok(items)
}

impl Settled {
    fn plan(&self, params: &Params) -> Result<Plan<Order>, Error> {
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
            return self.ended(params, &user, target, &compared);
        }
        self.check_room(&compared, target)?;
        let order = |what| Order { from: source.id.clone(), to: target.id.clone(), what };
        let list = order(What::List { folder: String::new(), items: all.items, content: Bytes::new() });
        let Parts { now, later } = parts(&self.files, &self.copies, &compared);
        let later = later.into_iter().map(|part| order(What::Later(part)).to_string());
        let later = later.chain([list.to_string()]);
        let has_unheard = now.len() > HEARD;
        let orders: Vec<_> =
            (0..).zip(now).map(|(place, part)| order(What::Part(part, place < HEARD))).collect();
        if self.folder.is_none() {
            let notes = Notes { is_fresh: true, ..Notes::default() };
            let wait = wait(params, Duration::ZERO, "the folder of the copies", &notes);
            let later = orders.iter().map(ToString::to_string).chain(later).collect();
            return Ok(Plan::of([order(What::Home(self.name.clone()))]).waiting(Wait { later, ..wait }));
        }
        let count = self.copied();
        if !(self.notes.is_fresh || self.is_over || self.notes.seen == Some(count)) {
            let notes = Notes { is_fresh: false, seen: Some(count), ..self.notes.clone() };
            let reason = format!("copies that may still go on; {count} items are there, {open} are not");
            let later = orders.iter().map(ToString::to_string).chain(later).collect();
            return Ok(Plan::nothing().waiting(Wait { later, ..wait(params, SETTLING, reason, &notes) }));
        }
        if tried.is_some_and(|(before, _)| open >= before) {
            return self.ended(params, &user, target, &compared);
        }
        let notes = Notes {
            has_unheard,
            tried: Some((open, self.replays)),
            refused: self.notes.refused.clone(),
            ..Notes::default()
        };
        let wait = wait(params, notes.pause(), format!("the copy of {open} of {} items", all.items), &notes);
        Ok(Plan::of(orders).waiting(Wait { later: later.collect(), ..wait }))
    }

    /// The drive to copy into, if there is one that can take anything.
    fn target_for(&self, user: &Account, source: &Drive) -> Result<&Drive, Error> {
        let Some(to) = &self.to else {
            return Err(Error::rejected(
                "recipient_not_found",
                "the tenant has no account for who is to get the files; check `to`, by default the manager",
            ));
        };
        if *user == Account::Known(to.clone()) {
            let detail = format!("the files of {user} are its own; name another in `to`");
            return Err(Error::rejected("own_recipient", detail));
        }
        let Some(target) = &self.target else {
            let detail = format!(
                "user {to} has no OneDrive to take the files; let them open it once, or make it with \
                 Request-SPOPersonalSite, then replay the dead letter"
            );
            return Err(Error::blocked("target_drive_missing", detail));
        };
        // Each geography of a tenant has a host of its own.
        let hosts = host(source).zip(host(target));
        if hosts.is_some_and(|(one, other)| !one.eq_ignore_ascii_case(other)) {
            let detail = format!(
                "the OneDrives of {user} and user {to} are in different geographies, between which an \
                 application cannot copy; name somebody else in `to`, or use share_onedrive"
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
        match target.quota.and_then(|quota| quota.remaining) {
            Some(remaining) if remaining < needed => Err(Error::blocked(
                "target_drive_full",
                format!(
                    "drive {} has {remaining} bytes left and {needed} are to come; make room or raise its quota, \
                     then replay the dead letter",
                    target.id
                ),
            )),
            _ => Ok(()),
        }
    }

    /// How many items are among the copies; the list is none.
    fn copied(&self) -> usize {
        let lists = self.copies.children(ROOT).filter(|(_, node)| is_list(&node.name));
        self.copies.below(ROOT).items - lists.count()
    }

    /// Nothing more can be copied: says what became of each item.
    fn ended(
        &self,
        params: &Params,
        user: &Account,
        target: &Drive,
        compared: &Comparison,
    ) -> Result<Plan<Order>, Error> {
        let all = self.files.below(ROOT);
        let failed = compared.failed();
        let list = self.folder.as_ref().and_then(|folder| self.list(folder, target, compared));
        if failed > 0 && params.incomplete == Incomplete::Fail {
            let Some(list) = list else {
                let detail = format!(
                    "{failed} of {} items in the OneDrive of {user} could not be copied; the file `{}` beside the \
                     copies names them and why; mend that and replay the dead letter, or set `incomplete: report`",
                    all.items,
                    manifest::NAME
                );
                return Err(Error::blocked("files_not_copied", detail));
            };
            let notes = Notes { seen: Some(self.copied()), ..self.notes.clone() };
            return Ok(Plan::of([list]).waiting(wait(
                params,
                Duration::ZERO,
                "the list of the copies",
                &notes,
            )));
        }
        let count = |fate| compared.count(fate).into();
        let plan = Plan { left: self.left(user, compared), ..Plan::of(list) };
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

    /// The list, unless it is there as it should be.
    fn list(&self, folder: &DriveItem, target: &Drive, compared: &Comparison) -> Option<Order> {
        let content = manifest(&self.files, &self.copies, compared, &self.notes);
        let (size, hash) = (content.len() as u64, quick_xor_hash(&content));
        let mut lists = self.copies.children(ROOT).filter(|(_, node)| is_list(&node.name));
        let is_there = lists.any(|(_, node)| match &node.kind {
            Kind::File(found) => found.size == size && found.quick_xor_hash.as_deref() == Some(&hash),
            _ => false,
        });
        let from = self.source.as_ref().map(|source| source.id.clone()).unwrap_or_default();
        let what = What::List { folder: folder.id.clone(), items: self.files.below(ROOT).items, content };
        (!is_there).then(|| Order { from, to: target.id.clone(), what })
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
                format!("{skipped} items of {user} are links or folders too deep, with nothing to copy");
            left.push(self::left("items_skipped", detail, Needs::Nobody));
        }
        let failed = compared.failed();
        if failed > 0 {
            let detail = format!(
                "{failed} items of {user} could not be copied; the file `{}` names them and why",
                manifest::NAME
            );
            left.push(self::left("files_not_copied", detail, Needs::Operator));
        }
        left
    }
}

impl Order {
    async fn carry_out(&self, graph: Writer<'_>) -> Result<Option<Note>, msgraph::Error> {
        match &self.what {
            What::Home(name) => graph.create_folder(&self.to, DRIVE_ROOT, name).await.map(|()| None),
            What::Part(Part::Folder { into, name, .. }, _) => {
                graph.create_folder(&self.to, into.as_deref().unwrap_or_default(), name).await.map(|()| None)
            }
            What::Part(Part::Copy { item, children_only, into, name, replace, sum }, is_heard) => {
                let order = CopyOrder {
                    from: (&self.from, item),
                    to: (&self.to, into.as_deref().unwrap_or_default()),
                    name: name.as_deref(),
                    children_only: *children_only,
                    replace: *replace,
                };
                match graph.copy_item(&order).await {
                    Ok(address) => Ok(is_heard.then(|| Note::of_copy(address.as_ref(), sum.items))),
                    // Gone since it was listed: the next look does not list it.
                    Err(error) if error.is_not_found() => Ok(None),
                    Err(error) => Err(error),
                }
            }
            What::List { folder, content, .. } => {
                graph.upload(&self.to, folder, manifest::NAME, content.clone()).await.map(|()| None)
            }
            What::Later(_) => Ok(None),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, what } = self;
        match what {
            What::Home(_) => write!(f, "create a folder in drive {to} for the files of drive {from}"),
            What::Part(part, _) => write!(f, "{part} of drive {from}, into drive {to}"),
            What::Later(part) => write!(f, "{part} of drive {from}, into drive {to}"),
            What::List { items, .. } => {
                write!(f, "write the list of {items} items of drive {from} to drive {to}")
            }
        }
    }
}

fn wait(params: &Params, after: Duration, reason: impl Into<String>, notes: &Notes) -> Wait {
    let at_most = params.deadline.map_or(DEADLINE, Delay::duration);
    Wait { after, at_most, reason: reason.into(), notes: notes.write(), later: Vec::new() }
}

/// The folder's name: as given, or of the person and the day, without what SharePoint does not take.
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

/// How many characters of a copy's path stand before its own, from the site on.
fn length_above(target: &Drive, folder: &str) -> usize {
    let url = target.web_url.as_deref().unwrap_or_default();
    let site = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, site)| site);
    site.len() + 1 + folder.encode_utf16().count()
}

fn host(drive: &Drive) -> Option<&str> {
    drive.web_url.as_deref()?.split_once("://")?.1.split('/').next()
}

fn is_list(name: &str) -> bool {
    name.eq_ignore_ascii_case(manifest::NAME)
}

fn left(code: &str, detail: String, needs: Needs) -> Left {
    Left { code: code.to_owned(), detail, needs }
}

fn left_alone<C>(code: &str, detail: String) -> Plan<C> {
    Plan { left: vec![left(code, detail, Needs::Nobody)], ..Plan::nothing() }
}

/// Says of a drive that cannot be looked into what may be the matter.
fn or_closed(error: msgraph::Error) -> Error {
    Error::from(error).or_missing("drive_closed", || {
        "a OneDrive cannot be looked into; grant Files.ReadWrite.All, or unlock its site if an administrator locked it"
            .to_owned()
    })
}

/// Says of a write that was refused what is the matter.
fn or_refused(error: msgraph::Error) -> Error {
    if error.is_locked() {
        let detail =
            "the OneDrive of who is to get the files is locked; unlock its site, then replay the dead letter";
        return Error::blocked("drive_locked", detail).explains(error);
    }
    if error.status() == Some(507) {
        let detail =
            "the OneDrive of who is to get the files is full; make room, then replay the dead letter";
        return Error::blocked("target_drive_full", detail).explains(error);
    }
    Error::from(error)
        .or_missing("permission_missing", || "copying files needs Files.ReadWrite.All".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::conformance::{Scenario, Stage, entry};
    use msgraph_emulator::{Drive, Tenant, User};
    use serde_json::json;
    use workflow::{Class, Failure, Mode, Outcome, Report};

    const ADA: &str = "ada@contoso.example";
    const GRACE: &str = "grace@contoso.example";

    /// What becomes of these files for that drive.
    async fn moved(from: Option<Drive>, to: Option<Drive>, more: Value) -> Report {
        let with = |user: User, drive: Option<Drive>| match drive {
            Some(drive) => user.drive(drive),
            None => user,
        };
        let grace = with(User::new(GRACE, "Grace Hopper"), from);
        let tenant = Tenant::empty().user(grace).user(with(User::new(ADA, "Ada Lovelace"), to));
        let mut params = json!({ "user": GRACE, "to": ADA, "day": "2026-03-02" });
        params.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        Stage::with(entry(MigrateOnedrive::NAME), Scenario { tenant, params }).run(Mode::Apply).await
    }

    async fn refused(from: Drive, to: Option<Drive>, more: Value) -> Failure {
        match moved(Some(from), to, more).await.outcome {
            Outcome::Failed(failure) => failure,
            other => panic!("should have failed: {other:?}"),
        }
    }

    fn files() -> Drive {
        Drive::new().file("Plan.txt", 500).file("More/Notes.txt", 500)
    }

    #[tokio::test]
    async fn each_thing_that_stands_in_the_way_has_its_own_code() {
        let rows = [
            (files(), None, json!({}), "target_drive_missing"),
            (files(), Some(Drive::new().holding(999)), json!({}), "target_drive_full"),
            (files(), Some(Drive::new().in_geo("eur")), json!({}), "cross_geo"),
            (files(), Some(Drive::new().locked()), json!({}), "drive_locked"),
            (files(), Some(Drive::new().closed()), json!({}), "drive_closed"),
            (files().closed(), Some(Drive::new()), json!({}), "drive_closed"),
            (files().infected_file("virus.exe", 1), Some(Drive::new()), json!({}), "files_not_copied"),
        ];
        for (from, to, more, code) in rows {
            let failure = refused(from, to, more).await;
            assert_eq!((failure.class, failure.code.as_str()), (Class::Blocked, code), "{failure}");
        }
        let rows = [("nobody@contoso.example", "recipient_not_found"), (GRACE, "own_recipient")];
        for (to, code) in rows {
            let failure = refused(files(), None, json!({ "to": to })).await;
            assert_eq!((failure.class, failure.code.as_str()), (Class::Rejected, code), "{failure}");
        }
    }

    #[tokio::test]
    async fn where_there_is_nothing_to_move_that_is_said() {
        let rows = [(None, None, "no_drive"), (Some(Drive::new()), Some(Drive::new()), "empty_drive")];
        for (from, to, code) in rows {
            let report = moved(from, to, json!({})).await;
            assert_eq!((report.outcome, report.left[0].code.as_str()), (Outcome::Unchanged, code));
        }
    }

    #[tokio::test]
    async fn a_drive_that_is_locked_can_still_be_moved_from() {
        let report = moved(Some(files().locked()), Some(Drive::new()), json!({})).await;
        assert!(matches!(report.outcome, Outcome::Changed(_)), "{report:?}");
        assert_eq!((&report.details["identical"], &report.details["bytes"]), (&json!(3), &json!(1000)));
    }

    #[tokio::test]
    async fn what_cannot_be_copied_is_left_where_that_was_asked_for() {
        let from = files().infected_file("virus.exe", 1);
        let report = moved(Some(from), Some(Drive::new()), json!({ "incomplete": "report" })).await;
        assert!(matches!(report.outcome, Outcome::Changed(_)), "{report:?}");
        let left = report.left.iter().find(|left| left.code == "files_not_copied").unwrap();
        assert_eq!((left.needs, &report.details["failed"]), (Needs::Operator, &json!(1)));
    }

    #[tokio::test]
    async fn a_copy_that_is_partly_there_is_gone_on_with() {
        let home = "Files of Grace Hopper, 2026-03-02";
        let to = Drive::new().file(&format!("{home}/Plan.txt"), 500).folder(&format!("{home}/More"));
        let report = moved(Some(files()), Some(to), json!({})).await;
        let Outcome::Changed(changes) = &report.outcome else { panic!("{report:?}") };
        let kinds: Vec<_> = changes.iter().map(|change| change.split(" item").next().unwrap()).collect();
        assert_eq!(
            kinds,
            ["copy all that is in", "copy over its older copy", "write the list of 3"],
            "{changes:#?}"
        );
    }

    #[test]
    fn a_folder_has_a_name_that_sharepoint_takes() {
        assert_eq!(folder_name(None, "Grace Hopper", "2026-03-02"), "Files of Grace Hopper, 2026-03-02");
        assert_eq!(folder_name(Some("a/b:c*. "), "", ""), "a_b_c_");
        assert_eq!(folder_name(Some(" ~."), "", ""), "Files");
        assert_eq!(folder_name(Some(&"x".repeat(300)), "", "").len(), LONGEST_NAME);
    }
}
