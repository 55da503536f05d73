//! What a run carries from one message to the next. It is a value, never a store.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Class, Failure, Outcome, Pinned, PreparedSteps, Protected, Record, Refused, Start, Waiting};

/// What a run does, has done so far, and waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// When the run's first attempt began.
    pub first_seen: Timestamp,
    /// The attempt at the current stage, from 1. Back to 1 when the run gets further, even if only to wait.
    pub attempt: u32,
    /// How often an operator has replayed the run.
    pub replays: u32,
    /// Every step that has finished, in order.
    pub steps: Vec<Record>,
    /// How often the run has gone to sleep, retries apart. It tells the reports of two sleeps apart.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sleeps: u32,
    /// How many messages have carried the run on before this one. A message that the run has gone on from is known by
    /// it. Nothing if a worker wrote it that did not count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub leg: u32,
    /// Since when the brake has held the run, if it ever has. That was reported then, and is not again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub braked_since: Option<Timestamp>,
    /// Every step that waits, and those that waited and then failed, with their memos.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// When the stages with a delay start, as far as the run has come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<Start>,
    /// Earliest time to retry steps that failed temporarily while other steps of the stage are still waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// What each attempt so far was refused, of steps that are still tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
    /// Whether a step failed while it wrote, so that no record counts what it may have written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncounted_writes: bool,
    /// Whether it locked its person out while the ledger could not be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ledger_unread: bool,
    /// Who published its event, if publishers were listed when it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// The people it has found. Nothing, as opposed to nobody, if a worker wrote it that did not pin people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<Pinned>>,
    /// What it does. Nothing if a worker wrote it that did not carry this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<PreparedSteps>,
    /// Whether the tenant needed the plan that the publisher approves; nothing if none is expected, or if a worker wrote
    /// it that did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<bool>,
    /// When the run first looked at the tenant, by Graph's clock. It has written nothing before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_sight: Option<Timestamp>,
    /// Whom it may not change, so that an operator has to decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protected: Vec<Protected>,
    /// Those of them whom an operator has released for this run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<Protected>,
}

impl Progress {
    /// A run that has done nothing yet.
    pub fn new(first_seen: Timestamp) -> Self {
        Self {
            first_seen,
            attempt: 1,
            replays: 0,
            steps: Vec::new(),
            sleeps: 0,
            leg: 0,
            braked_since: None,
            waiting: Vec::new(),
            starts: Vec::new(),
            retry_at: None,
            refused: Vec::new(),
            uncounted_writes: false,
            ledger_unread: false,
            publisher: None,
            people: Some(Vec::new()),
            prepared: None,
            approved: None,
            first_sight: None,
            protected: Vec::new(),
            released: Vec::new(),
        }
    }

    /// Whether the run has written something, or may have.
    pub fn may_have_written(&self) -> bool {
        self.uncounted_writes
            || self.steps.iter().any(Record::may_have_written)
            || self.waiting.iter().any(|waiting| waiting.changes > 0)
    }

    /// This progress, released for whoever it may not change.
    #[must_use]
    pub fn release(mut self) -> Self {
        let fresh = std::mem::take(&mut self.protected);
        self.released.extend(fresh);
        self
    }

    /// The record of a step, if it has one.
    pub fn find(&self, stage: &str, step: &str) -> Option<&Record> {
        self.steps.iter().find(|record| record.is_of(stage, step))
    }

    /// Stores a record, in place of an earlier one of the same step.
    pub fn record(&mut self, record: Record) {
        let Record { finished, .. } = &record;
        self.refused.retain(|refused| !refused.is_of(&finished.stage, &finished.step));
        match self.steps.iter_mut().find(|known| known.is_of(&finished.stage, &finished.step)) {
            Some(known) => *known = record,
            None => self.steps.push(record),
        }
    }

    /// What is known of a step that waits, or that waited and failed.
    pub fn waiting(&self, stage: &str, step: &str) -> Option<&Waiting> {
        self.waiting.iter().find(|waiting| waiting.is_of(stage, step))
    }

    /// The steps of a stage that wait, in the order in which they started to.
    pub fn open_waits(&self, stage: &str) -> impl Iterator<Item = &Waiting> {
        let is_open = |waiting: &&Waiting| self.find(&waiting.stage, &waiting.step).is_none();
        self.waiting.iter().filter(move |waiting| waiting.stage == stage).filter(is_open)
    }

    /// This progress with what no worker of ours writes put right, though the schema lets it pass: a waiting step has
    /// not finished, and a failed one has a failure.
    #[must_use]
    pub fn sound(mut self) -> Self {
        self.steps.retain(|record| record.finished.outcome != Outcome::Waiting);
        for Record { finished, .. } in &mut self.steps {
            if finished.outcome != Outcome::Failed {
                finished.failure = None;
            } else if finished.failure.is_none() {
                let message = "the failure is not in the message";
                finished.failure = Some(Failure::new(Class::Fault, "internal", message));
            }
        }
        self
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Finished, Told};
    use serde_json::json;

    fn record(step: &str, outcome: Outcome, failure: Option<Failure>) -> Record {
        let (stage, action) = ("a".to_owned(), "disable_account".to_owned());
        let (changes, left, reason) = (2, Vec::new(), None);
        let finished =
            Finished { stage, step: step.to_owned(), action, outcome, changes, left, failure, reason };
        Record { finished, told: Told { changes: vec!["disable user 7".to_owned()], ..Told::default() } }
    }

    #[test]
    fn a_record_loses_its_sentences_on_the_way_and_keeps_their_number() {
        let mut progress = Progress::new(Timestamp::UNIX_EPOCH);
        progress.record(record("b", Outcome::Changed, None));
        let wire = serde_json::to_value(&progress).unwrap();
        assert_eq!(wire["steps"][0]["changes"], json!(2));
        assert!(wire.get("sleeps").is_none() && wire["steps"][0].get("failure").is_none(), "{wire}");
        let back: Progress = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(back.steps[0].told, Told::default());
        assert_eq!(back.steps[0].finished, progress.steps[0].finished);
        assert_eq!(serde_json::to_value(&back).unwrap(), wire);
    }

    #[test]
    fn what_no_worker_writes_is_put_right() {
        let mut progress = Progress::new(Timestamp::UNIX_EPOCH);
        let stray = Failure::new(Class::Blocked, "code", "message");
        progress.record(record("waits", Outcome::Waiting, None));
        progress.record(record("fails", Outcome::Failed, None));
        progress.record(record("done", Outcome::Changed, Some(stray)));
        let steps = progress.sound().steps;
        let codes: Vec<_> = steps
            .iter()
            .map(|record| {
                (record.finished.step.as_str(), record.finished.failure.as_ref().map(|it| it.code.as_str()))
            })
            .collect();
        assert_eq!(codes, [("fails", Some("internal")), ("done", None)]);
    }
}
