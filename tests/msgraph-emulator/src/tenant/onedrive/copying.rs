//! Copying: takes an order, copies item by item, and reports how far a copy is.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use super::copies::{Clash, Job, Order, job_key};
use super::files::{Files, item_id};
use crate::clock;
use crate::tenant::Tenant;

/// The longest path, counted from the site ("Restrictions and limitations in OneDrive and SharePoint", 2026).
const LONGEST_PATH: usize = 400;

impl Tenant {
    /// Starts a copy that takes this long for each item.
    pub(crate) fn begin_copy(&mut self, order: Order, pace: Duration) -> usize {
        let open = order.top.iter().cloned().collect();
        let job = Job { order, began: Instant::now(), pace, open, done: 0, made: None, failed: Vec::new() };
        self.copies.jobs.push(job);
        self.go_on_copying();
        self.copies.jobs.len() - 1
    }

    /// Copies every item that is due.
    pub(crate) fn go_on_copying(&mut self) {
        if self.copies.jobs.iter().all(|job| job.open.is_empty()) {
            return;
        }
        let mut jobs = std::mem::take(&mut self.copies.jobs);
        for job in &mut jobs {
            while job.is_due() {
                let Some(next) = job.open.pop_front() else { break };
                job.done += 1;
                self.copy_item(job, next);
            }
        }
        self.copies.jobs = jobs;
    }

    fn copy_item(&mut self, job: &mut Job, (number, name, folder): (u32, String, u32)) {
        let (source, target) = (job.order.source, job.order.target);
        let Some(from) = self.files_of(source) else { return };
        // Deleted since the copy was ordered.
        let Some(item) = from.get(number) else { return };
        let content = from.copied(number, &name);
        let (is_folder, infected) = (item.content.is_none(), item.infected);
        let below: Vec<_> = from.children(number).collect();
        let below: Vec<_> =
            below.into_iter().filter_map(|it| Some((it, from.get(it)?.name.clone()))).collect();
        // Names that end in a dot or a space come from old file servers; a copy loses both.
        let mut name = name.trim_end_matches(['.', ' ']).to_owned();
        let owner = self.users.get(&target);
        let Some((owner, drive)) = owner.and_then(|owner| Some((owner, owner.drive.as_deref()?))) else {
            return;
        };
        let site = drive.web_url(owner);
        let above = site.find("/personal/").map_or(0, |at| site[at..].chars().count());
        let path = drive.files.path(folder);
        let length = above + path.chars().count() + 1 + name.chars().count();
        let known = drive.files.child(folder, &name);
        let wrong = match (known, job.order.clash) {
            _ if infected => Some(("malwareDetected", "A virus was found in the file.")),
            _ if length > LONGEST_PATH => Some(("pathIsTooLong", "The path is too long.")),
            _ if content.as_ref().is_some_and(|content| content.size > drive.remaining()) => {
                Some(("quotaLimitReached", "The user has reached their quota limit."))
            }
            (Some(_), Clash::Fail) => Some(("nameAlreadyExists", "Name already exists")),
            (Some(_), Clash::Replace) if is_folder => Some(("nameAlreadyExists", "Name already exists")),
            _ => None,
        };
        if let Some((code, words)) = wrong {
            job.failed.push((code, words, number));
            return;
        }
        if known.is_some() && job.order.clash == Clash::Rename {
            name = free_name(&drive.files, folder, &name);
        }
        let Some(drive) = self.drive_mut(target) else { return };
        let now = clock::now();
        let made = match (known, content) {
            (Some(known), Some(content)) if job.order.clash == Clash::Replace => {
                drive.files.write(known, content, &now);
                known
            }
            (_, content) => drive.files.put(folder, &name, content, &now),
        };
        job.made = job.made.or(Some(made));
        job.open.extend(below.into_iter().map(|(item, name)| (item, name, made)));
    }

    fn files_of(&self, owner: Uuid) -> Option<&Files> {
        Some(&self.users.get(&owner)?.drive.as_deref()?.files)
    }

    /// The status of a job; nothing if there is no such job.
    pub(crate) fn copy_status(&self, key: &str) -> Option<Value> {
        let (_, job) = (0..).zip(&self.copies.jobs).find(|(number, _)| job_key(*number) == key)?;
        let share =
            if job.order.count == 0 { 100.0 } else { job.done as f64 * 100.0 / job.order.count as f64 };
        let share = share.clamp(0.0, 100.0);
        if !job.open.is_empty() {
            return Some(
                json!({ "operation": "ItemCopy", "percentageComplete": share, "status": "inProgress" }),
            );
        }
        let source = job.order.source;
        let details = job.failed.iter().map(
            |(code, words, item)| json!({ "code": code, "message": words, "target": item_id(source, *item) }),
        );
        let error = match job.failed.as_slice() {
            [] => None,
            [(code, words, _)] if job.order.count == 1 => Some(json!({ "code": code, "message": words })),
            _ => Some(json!({
                "message": "Errors occurred during copy/move operation.",
                "details": details.take(10).collect::<Value>(),
            })),
        };
        Some(match error {
            Some(error) => {
                json!({ "operation": "ItemCopy", "percentageComplete": share, "status": "failed", "error": error })
            }
            None => json!({
                "operation": "ItemCopy", "percentageComplete": 100.0, "status": "completed",
                "resourceId": job.made.map(|made| item_id(job.order.target, made)),
            }),
        })
    }
}

fn free_name(files: &Files, folder: u32, name: &str) -> String {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) => (stem, format!(".{extension}")),
        None => (name, String::new()),
    };
    let names = (1..).map(|number| format!("{stem} {number}{extension}"));
    names.into_iter().find(|name| files.child(folder, name).is_none()).unwrap_or_default()
}
