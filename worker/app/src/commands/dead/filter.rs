//! Which dead letters an operator means.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use broker::{Condition, Entry, Filter, Message};
use jiff::Timestamp;
use outcome::Class;
use workflow::Delay;

use super::facts::{Content, Facts};
use crate::commands::CommandError;
use crate::delivery::queues::WORKFLOWS;

/// Classes that Gatehouse itself sets messages aside with, whatever the workflows do.
const OWN_CLASSES: [&str; 16] = [
    "crash_loop",
    "event_too_old",
    "expired",
    "internal",
    "invalid_event",
    "permission_missing",
    "protected",
    "protection_unknown",
    "publisher_not_allowed",
    "retries_exhausted",
    "time_in_future",
    "too_large",
    "undecodable",
    "unknown",
    "unknown_type",
    "unroutable",
];

/// Who must act, as results have it: these are classes, too.
const WHO: [Class; 4] = [Class::Blocked, Class::Fault, Class::Rejected, Class::Retry];

/// Filters for dead letters. A dead letter must match all of them.
#[derive(clap::Args, Clone)]
pub struct Which {
    /// Queue in which they failed, or `unrouted` for messages that no queue accepted
    #[arg(long, default_value = WORKFLOWS)]
    pub queue: String,
    /// Only of this class, or with this who must act: blocked, fault, rejected, retry
    #[arg(long)]
    class: Option<String>,
    /// Only with this code of the failure; of retries_exhausted, the last failure's code
    #[arg(long)]
    code: Option<String>,
    /// Only those that failed in a step of this action
    #[arg(long)]
    action: Option<String>,
    /// Only those that failed in this step
    #[arg(long)]
    step: Option<String>,
    /// Only those whose reason contains this text, in any case
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Only runs of this workflow
    #[arg(long)]
    workflow: Option<String>,
    /// Only events that name this tenant; if there is one tenant, also those that name none
    #[arg(long)]
    tenant: Option<String>,
    /// Only the event with this id
    #[arg(long, value_name = "ID")]
    event: Option<String>,
    /// Only events of this source
    #[arg(long)]
    source: Option<String>,
    /// Only events about this person: object id, user principal name or employee id, as the event has it
    #[arg(long)]
    person: Option<String>,
    /// Only those set aside before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    before: Option<Timestamp>,
    /// Only those set aside longer ago, such as 90m or 3d
    #[arg(long, value_name = "AGE")]
    older_than: Option<Delay>,
    /// Only those set aside since, such as 90m or 3d
    #[arg(long, value_name = "AGE")]
    newer_than: Option<Delay>,
}

/// The classes of the dead letters that were looked at, and how many have each.
#[derive(Clone, Default)]
pub struct Classes(Arc<Mutex<BTreeMap<String, usize>>>);

impl Which {
    /// The filter, and the classes that it comes across. An event that names no tenant is of `only_tenant`.
    pub fn filter(&self, ids: Vec<String>, only_tenant: Option<String>) -> (Filter, Classes) {
        let classes = Classes::default();
        let (which, seen, now) = (self.clone(), classes.clone(), Timestamp::now());
        let meets = move |entry: &Entry, message: &Message| {
            seen.add(&entry.letter.class);
            which.is_met(entry, message, only_tenant.as_deref(), now)
        };
        (Filter { ids, condition: Condition::new(meets) }, classes)
    }

    /// Refuses a class that nothing has, so that a misspelt one is no empty list.
    pub fn check_class(&self, classes: &Classes) -> Result<(), CommandError> {
        let Some(class) = &self.class else { return Ok(()) };
        let found = classes.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = found.contains_key(class)
            || OWN_CLASSES.contains(&class.as_str())
            || WHO.iter().any(|who| who.as_str() == class);
        if is_known {
            return Ok(());
        }
        let here: Vec<_> = found.iter().map(|(class, count)| format!("{class} ({count})")).collect();
        let here = match here.as_slice() {
            [] => format!("it is empty; known are {}", OWN_CLASSES.join(", ")),
            here => here.join(", "),
        };
        Err(CommandError::Input(format!(
            "no dead letter has the class {class}. Classes in queue {}: {here}. By who must act: {}",
            self.queue,
            WHO.map(Class::as_str).join(", ")
        )))
    }

    fn is_met(&self, entry: &Entry, message: &Message, only_tenant: Option<&str>, now: Timestamp) -> bool {
        self.is_met_by_letter(entry, now) && self.is_met_by_message(entry, message, only_tenant)
    }

    /// What the letter alone says.
    fn is_met_by_letter(&self, entry: &Entry, now: Timestamp) -> bool {
        let letter = &entry.letter;
        let ago = |delay: &Delay| now.checked_sub(delay.duration()).unwrap_or(Timestamp::MIN);
        let is_older = |limit: Timestamp| letter.at.is_some_and(|at| at < limit);
        same(self.step.as_deref(), letter.step.as_deref())
            && self
                .reason
                .as_ref()
                .is_none_or(|text| letter.reason.to_lowercase().contains(&text.to_lowercase()))
            && self.before.is_none_or(is_older)
            && self.older_than.as_ref().is_none_or(|age| is_older(ago(age)))
            && self.newer_than.as_ref().is_none_or(|age| letter.at.is_some_and(|at| at >= ago(age)))
    }

    /// What has to be read from the message: only if it is asked for.
    fn is_met_by_message(&self, entry: &Entry, message: &Message, only_tenant: Option<&str>) -> bool {
        let Self { class, code, action, workflow, tenant, event, source, person, .. } = self;
        if [class, code, action, workflow, tenant, event, source, person].iter().all(|asked| asked.is_none())
        {
            return true;
        }
        let content = Content::of(message);
        let facts = Facts::of(&entry.letter, &content);
        let is_of_class =
            |class: &str| entry.letter.class == class || facts.failure_class.as_deref() == Some(class);
        class.as_deref().is_none_or(is_of_class)
            && same(code.as_deref(), Some(&facts.code))
            && same(action.as_deref(), facts.action.as_deref())
            && same(workflow.as_deref(), facts.workflow.as_deref())
            && same(tenant.as_deref(), facts.tenant.as_deref().or(only_tenant))
            && same(event.as_deref(), facts.event_id.as_deref())
            && same(source.as_deref(), facts.source.as_deref())
            && person.as_deref().is_none_or(|person| content.is_about(person))
    }
}

impl Classes {
    fn add(&self, class: &str) {
        let mut classes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match classes.get_mut(class) {
            Some(count) => *count = count.saturating_add(1),
            None => {
                classes.insert(class.to_owned(), 1);
            }
        }
    }
}

fn same(wanted: Option<&str>, is: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| is == Some(wanted))
}
