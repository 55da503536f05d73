//! Makes true: all of the person's files are in the manager's OneDrive, in a folder of their own, and a comparison
//! proves it.
//!
//! **Needs** `Files.ReadWrite.All` and `User.Read.All`.
//! **Refuses** `user_not_found`; `recipient_not_found` and `own_recipient`; `target_drive_missing`,
//! `target_drive_full`, `cross_geo`, `drive_locked` and `drive_closed`; `files_not_copied` if items are still missing
//! after a second attempt, unless `incomplete: report`.
//! **Leaves** a person without a OneDrive or with an empty one, with a note; the source's files, all of them.
//! **Waits** for SharePoint's copy jobs, three days by default. If items are missing after a job has reported
//! `completed`, it waits until the folder has not changed for ten minutes (`settled`).
//! **Idempotent because** the folder has the same name on every attempt, a copy fails if its name is taken, and only
//! items that the folder lacks are copied. It orders no second copy while a job may be running: if the answer to a copy
//! request was lost, the next looks see whether the folder grows.
//! **Caveat:** a copy is a new file: author, editor, dates, versions and sharing stay with the source. Files whose
//! path would be too long go into a folder for them under a shortened name; the list beside the copies has their
//! original paths. Changes to the source after the comparison are not seen.

use std::time::Duration;

use futures_util::future::try_join_all;
use msgraph::{CopyState, Writer};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use workflow::Delay;

use crate::action::parameters::DelayText;
use crate::onedrive::copy_job::Change;
use crate::onedrive::migration::{Incomplete, Limits, Migration, Request, look, recipient_not_found, wait};
use crate::onedrive::notes::{Note, Notes};
use crate::{Action, Error, PersonRef, Plan, View};

/// How long to wait for copies by default.
const DEADLINE: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// How long the target must not have changed, by default.
const SETTLED: Duration = Duration::from_secs(10 * 60);

/// See the file's head.
pub struct MigrateOnedrive;

/// The person, the recipient, and how long to try.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// The person whose OneDrive receives the files. Defaults to the manager.
    to: PersonRef,
    /// The day in the folder's name. Defaults to the event's day. A person who leaves twice has two folders.
    day: String,
    /// The folder's name. Defaults to `Files of`, the person's name and the day.
    folder: Option<String>,
    /// How long to wait for the copies in all. Defaults to `3d`.
    #[schemars(with = "Option<DelayText>")]
    deadline: Option<Delay>,
    /// How long the recipient's folder must not have changed before missing items count as not copied. SharePoint's
    /// jobs go on after they report `completed`, and its listings lag. Defaults to `10m`.
    #[schemars(with = "Option<DelayText>")]
    settled: Option<Delay>,
    /// What to do about files that cannot be copied.
    #[serde(default)]
    incomplete: Incomplete,
}

/// The state of the migration.
pub enum Observed {
    /// Copy jobs are running.
    Copying {
        /// The notes about them.
        notes: Notes,
        /// How many items are copied, of how many, as far as SharePoint reports.
        items: (usize, usize),
    },
    /// No monitored copy job is running.
    Migration(Box<Migration>),
}

impl Action for MigrateOnedrive {
    const NAME: &'static str = "migrate_onedrive";
    const MAKES_TRUE: &'static str =
        "The person's files are in the manager's OneDrive, compared item by item";
    const NEEDS: &'static [&'static str] = &["Files.ReadWrite.All", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] =
        &[("user", "{{ person }}"), ("to", "{{ manager }}"), ("day", "{{ event.time[:10] }}")];

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn resolve(params: &Params, graph: View<'_>) -> Result<(), Error> {
        graph.must_find(&params.to, recipient_not_found).await
    }

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let mut notes = Notes::read(graph.notes::<Note>());
        let mut states =
            try_join_all(notes.copies.iter().map(|(address, _)| graph.copy_state(address))).await?;
        // A worker with another key has started them.
        let is_open: Vec<_> = states.iter().map(|state| *state != CopyState::Sealed).collect();
        notes.has_unmonitored |= is_open.contains(&false);
        notes.copies =
            notes.copies.into_iter().zip(&is_open).filter_map(|(copy, open)| open.then_some(copy)).collect();
        states.retain(|state| *state != CopyState::Sealed);
        if let Some(items) = under_way(&notes, &states) {
            return Ok(Observed::Copying { notes, items });
        }
        // A job that reports `completed` may still copy for a while; a job that failed does not.
        let all_failed = states.iter().all(|state| matches!(state, CopyState::Failed(_)));
        let is_over = !notes.copies.is_empty() && !notes.has_unmonitored && all_failed;
        for state in states {
            if let CopyState::Failed(refused) = state {
                notes.refuse(refused);
            }
        }
        notes.copies.clear();
        let Params { user, to, folder, day, .. } = params;
        let mut migration = look(&Request { user, to, folder: folder.as_deref(), day }, graph, notes).await?;
        migration.is_over = is_over;
        Ok(Observed::Migration(Box::new(migration)))
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        match observed {
            Observed::Copying { notes, items: (done, all) } => {
                let notes = Notes { asked: notes.asked.saturating_add(1), ..notes.clone() };
                let reason = format!("the copy of {all} items, of which about {done} are done");
                Ok(Plan::nothing().waiting(wait(params.limits(), notes.pause(), reason, &notes)))
            }
            Observed::Migration(migration) => migration.plan(params.limits()),
        }
    }

    async fn apply(order: &Change, graph: Writer<'_>) -> Result<(), Error> {
        Self::begin(order, graph).await.map(drop)
    }

    async fn begin(order: &Change, graph: Writer<'_>) -> Result<Option<Value>, Error> {
        let note = order.carry_out(graph).await?;
        Ok(note.and_then(|note| serde_json::to_value(note).ok()))
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        let params = serde_json::json!({ "user": "grace@contoso.example", "to": "ada@contoso.example", "day": "2026-11-22" });
        crate::Scenario::new(params)
    }
}

impl Params {
    fn limits(&self) -> Limits {
        let at_most = self.deadline.map_or(DEADLINE, Delay::duration);
        Limits {
            at_most,
            // Items that never arrive must be named before the deadline.
            settled: self.settled.map_or(SETTLED, Delay::duration).min(at_most / 4),
            incomplete: self.incomplete,
        }
    }
}

/// The progress of running copy jobs, if any.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::bench::Bench;
    use crate::{Entry, Scenario};
    use msgraph_emulator::{Drive, Tenant, User};
    use outcome::{Class, Failure, Mode, Needs};
    use serde_json::json;
    use workflow::{Answer, Report};

    const ADA: &str = "ada@contoso.example";
    const GRACE: &str = "grace@contoso.example";

    /// The result of a migration of these files to that drive.
    async fn moved(from: Option<Drive>, to: Option<Drive>, more: Value) -> Report {
        let with = |user: User, drive: Option<Drive>| match drive {
            Some(drive) => user.drive(drive),
            None => user,
        };
        let grace = with(User::new(GRACE, "Grace Hopper"), from);
        let tenant = Tenant::empty().user(grace).user(with(User::new(ADA, "Ada Lovelace"), to));
        let mut params = json!({ "user": GRACE, "to": ADA, "day": "2026-03-02" });
        params.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        Bench::with(Entry::of::<MigrateOnedrive>(), Scenario { tenant, params }).run(Mode::Apply).await
    }

    async fn refused(from: Drive, to: Option<Drive>, more: Value) -> Failure {
        match moved(Some(from), to, more).await.answer {
            Answer::Failed(failure) => failure,
            other => panic!("should have failed: {other:?}"),
        }
    }

    fn files() -> Drive {
        Drive::new().file("Plan.txt", 500).file("More/Notes.txt", 500)
    }

    #[tokio::test]
    async fn each_obstacle_has_its_own_code() {
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
    async fn a_drive_with_nothing_to_move_is_reported() {
        let rows = [(None, None, "no_drive"), (Some(Drive::new()), Some(Drive::new()), "empty_drive")];
        for (from, to, code) in rows {
            let report = moved(from, to, json!({})).await;
            assert_eq!((report.answer, report.left[0].code.as_str()), (Answer::Unchanged, code));
        }
    }

    #[tokio::test]
    async fn a_drive_that_is_locked_can_still_be_moved_from() {
        let report = moved(Some(files().locked()), Some(Drive::new()), json!({})).await;
        assert!(matches!(report.answer, Answer::Changed(_)), "{report:?}");
        assert_eq!((&report.details["identical"], &report.details["bytes"]), (&json!(3), &json!(1000)));
    }

    #[tokio::test]
    async fn files_that_cannot_be_copied_are_reported_if_requested() {
        let from = files().infected_file("virus.exe", 1);
        let report = moved(Some(from), Some(Drive::new()), json!({ "incomplete": "report" })).await;
        assert!(matches!(report.answer, Answer::Changed(_)), "{report:?}");
        let left = report.left.iter().find(|left| left.code == "files_not_copied").unwrap();
        assert_eq!((left.needs, &report.details["failed"]), (Needs::Operator, &json!(1)));
    }

    #[tokio::test]
    async fn creating_the_folder_for_long_paths_is_no_failed_attempt() {
        let deep = format!("{}/The end.txt", ["A folder with a name of forty characters"; 8].join("/"));
        let home = "Files of Grace Hopper, 2026-03-02";
        // Everything but the file exists, as if a worker had died between the copies and the folder for long paths.
        let folders: Vec<_> = deep.split('/').collect();
        let above = folders[..folders.len() - 1].join("/");
        let to = Drive::new().folder(&format!("{home}/{above}"));
        let report = moved(Some(Drive::new().file(&deep, 3)), Some(to), json!({})).await;
        assert!(matches!(report.answer, Answer::Changed(_)), "{report:?}");
        assert_eq!((&report.details["failed"], &report.details["renamed"]), (&json!(0), &json!(1)));
    }

    #[tokio::test]
    async fn a_partial_copy_is_continued() {
        let home = "Files of Grace Hopper, 2026-03-02";
        let to = Drive::new().file(&format!("{home}/Plan.txt"), 500).folder(&format!("{home}/More"));
        let report = moved(Some(files()), Some(to), json!({})).await;
        let Answer::Changed(changes) = &report.answer else { panic!("{report:?}") };
        let kinds: Vec<_> = changes.iter().map(|change| change.split(" item").next().unwrap()).collect();
        assert_eq!(
            kinds,
            ["copy all that is in", "copy over its older copy", "write the list of 3"],
            "{changes:#?}"
        );
    }
}
