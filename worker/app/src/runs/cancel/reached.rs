//! What a run has changed, as its release tells the ledger.

use actions::removes_for_good;
use ledger::Done;
use outcome::Progress;

/// How far a run has come, as its release says it.
#[derive(Clone, Debug)]
pub struct Reached {
    /// The leg of the message that carries it on.
    pub leg: u32,
    /// What it has changed.
    pub done: Option<Done>,
}

impl Reached {
    /// As this progress says.
    pub fn of(progress: &Progress) -> Self {
        let steps = written(progress).map(|(step, _)| step.to_owned()).collect();
        Self { leg: progress.leg, done: Done::of(steps, point_of_no_return(progress)) }
    }
}

/// The first step that changed something and removes for good.
pub fn point_of_no_return(progress: &Progress) -> Option<String> {
    written(progress).find(|(_, action)| removes_for_good(action)).map(|(step, _)| step.to_owned())
}

/// The steps that have changed something, or may have, with their actions.
fn written(progress: &Progress) -> impl Iterator<Item = (&str, &str)> {
    let finished = progress.steps.iter().filter(|record| record.may_have_written());
    let finished = finished.map(|record| (record.finished.step.as_str(), record.finished.action.as_str()));
    let waits = progress
        .waiting
        .iter()
        .filter(|waiting| waiting.changes > 0 && progress.find(&waiting.stage, &waiting.step).is_none());
    finished.chain(waits.map(|waiting| (waiting.step.as_str(), waiting.action.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use outcome::{Finished, Outcome, Record, Told, Waiting};
    use serde_json::Value;

    fn record(step: &str, action: &str, outcome: Outcome, changes: u32) -> Record {
        let (stage, step, action) = ("a".to_owned(), step.to_owned(), action.to_owned());
        let (left, failure, reason) = (Vec::new(), None, None);
        let finished = Finished { stage, step, action, outcome, changes, left, failure, reason };
        Record { finished, told: Told::default() }
    }

    fn waiting(step: &str, action: &str, changes: u32) -> Waiting {
        let at = Timestamp::UNIX_EPOCH;
        Waiting {
            stage: "a".to_owned(),
            step: step.to_owned(),
            action: action.to_owned(),
            reason: "the rest".to_owned(),
            since: at,
            until: at,
            deadline: at,
            changes,
            memo: Value::Null,
            told: Vec::new(),
            request_ids: Vec::new(),
        }
    }

    #[test]
    fn a_release_names_what_was_changed_and_the_first_step_that_removes_for_good() {
        let mut progress = Progress::new(Timestamp::UNIX_EPOCH);
        assert!(Reached::of(&progress).done.is_none());
        progress.record(record("lock", "disable_account", Outcome::Changed, 1));
        progress.record(record("same", "revoke_sessions", Outcome::Unchanged, 0));
        progress.record(record("rules", "remove_inbox_rules", Outcome::Unchanged, 0));
        assert_eq!(point_of_no_return(&progress), None, "it removed nothing");
        progress.waiting.push(waiting("lock", "disable_account", 1));
        progress.waiting.push(waiting("none", "delete_user", 0));
        progress.waiting.push(waiting("meetings", "delete_primary_calendar_events", 7));
        progress.leg = 4;
        let Reached { leg, done } = Reached::of(&progress);
        let done = done.unwrap();
        assert_eq!((leg, done.steps, done.more), (4, vec!["lock".to_owned(), "meetings".to_owned()], 0));
        assert_eq!(done.no_return.as_deref(), Some("meetings"));
    }

    #[test]
    fn offboarding_passes_no_return_when_it_cancels_meetings() {
        let definitions = actions::default_definitions().unwrap();
        let steps = definitions.get("offboarding").unwrap().stages.iter().flat_map(|stage| &stage.steps);
        let first = steps.map(|step| step.action.as_str()).find(|action| removes_for_good(action));
        assert_eq!(first, Some("delete_primary_calendar_events"));
    }
}
