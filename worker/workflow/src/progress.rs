//! What a run has done so far, and the state that follows from it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::outcome::{Class, Left, Needs, Outcome};
use crate::wait::{Start, Waiting};

/// One step that has finished, one way or the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The stage's name.
    pub stage: String,
    /// The step's name, unique in its stage.
    pub step: String,
    /// The action it ran.
    pub action: String,
    /// What became of it. A record that came back in a message has lost the sentences, not the number.
    pub outcome: Outcome,
    /// How many writes it made, or planned.
    pub changes: usize,
    /// What it left alone.
    pub left: Vec<Left>,
    /// What it counted, by name. Told when the step finishes and not carried.
    pub details: Map<String, Value>,
    /// The ids of the requests it made, for the support of the service that answered them.
    pub request_ids: Vec<String>,
    /// How long this attempt at it took.
    pub took: Duration,
}

impl Record {
    /// Whether a later attempt passes this step over.
    pub fn is_done(&self) -> bool {
        !matches!(self.outcome, Outcome::Failed(_))
    }
}

/// What a run carries from one message to the next. It is a value, never a store.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// When the run's first attempt began.
    pub first_seen: Timestamp,
    /// The attempt at the current stage, from 1; back to 1 when the run gets further, be it to wait.
    pub attempt: u32,
    /// How often an operator has replayed the run.
    pub replays: u32,
    /// How often the run has gone to sleep, failures apart: what is said of each sleep is told from the others.
    pub sleeps: u32,
    /// Every step that has finished.
    pub records: Vec<Record>,
    /// Every step that waits, and those that waited and then failed, with what they know.
    pub waiting: Vec<Waiting>,
    /// When the stages with a delay start, as far as the run has come.
    pub starts: Vec<Start>,
    /// What failed for want of time is not tried before this, while other steps of its stage wait.
    pub retry_at: Option<Timestamp>,
}

impl Progress {
    /// A run that has done nothing yet.
    pub fn new(first_seen: Timestamp) -> Self {
        Self {
            first_seen,
            attempt: 1,
            replays: 0,
            sleeps: 0,
            records: Vec::new(),
            waiting: Vec::new(),
            starts: Vec::new(),
            retry_at: None,
        }
    }

    /// The record of a step, if it has one.
    pub fn find(&self, stage: &str, step: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.stage == stage && record.step == step)
    }

    /// Puts a record in, in place of an earlier one of the same step.
    pub fn record(&mut self, record: Record) {
        match self.records.iter_mut().find(|known| known.stage == record.stage && known.step == record.step) {
            Some(known) => *known = record,
            None => self.records.push(record),
        }
    }
}

/// How a run ended. Computed by [`state`], never set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Every step is done and nothing is left for anybody.
    Succeeded,
    /// The run got to its end, but a step failed or left something for an operator.
    Partial,
    /// The run stopped before its end.
    Failed,
}

impl State {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// The state that follows from the records of a run, and from whether each of its steps has one.
pub fn state(records: &[Record], complete: bool) -> State {
    let all_done = records.iter().all(Record::is_done);
    let nothing_left =
        records.iter().all(|record| record.left.iter().all(|left| left.needs == Needs::Nobody));
    if !complete {
        State::Failed
    } else if all_done && nothing_left {
        State::Succeeded
    } else {
        State::Partial
    }
}

/// The failure that decides what happens to the message: the one whose mending needs the most.
pub fn decisive<'a>(records: impl IntoIterator<Item = &'a Record>) -> Option<&'a Record> {
    let weight = |record: &Record| match &record.outcome {
        Outcome::Failed(failure) => match failure.class {
            Class::Rejected => 1,
            Class::Retry => 2,
            Class::Blocked => 3,
            Class::Fault => 4,
        },
        _ => 0,
    };
    let mut worst: Option<&Record> = None;
    for record in records {
        // The first of equals: it is the one a reader of the result meets first.
        if weight(record) > worst.map_or(0, weight) {
            worst = Some(record);
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Failure;

    fn record(step: &str, outcome: Outcome, left: Vec<Left>) -> Record {
        Record {
            stage: "only".into(),
            step: step.into(),
            action: step.into(),
            outcome,
            changes: 0,
            left,
            details: Map::new(),
            request_ids: Vec::new(),
            took: Duration::ZERO,
        }
    }

    fn failed(class: Class) -> Outcome {
        Outcome::Failed(Failure::new(class, "code", "message"))
    }

    #[test]
    fn a_state_follows_from_the_outcomes() {
        let needs = |needs| vec![Left { code: "synced_group".into(), detail: "g".into(), needs }];
        let rows = [
            (vec![], true, State::Succeeded),
            (vec![record("a", Outcome::Unchanged, vec![])], true, State::Succeeded),
            (vec![record("a", Outcome::Skipped("why".into()), vec![])], true, State::Succeeded),
            (vec![record("a", Outcome::Unchanged, needs(Needs::Nobody))], true, State::Succeeded),
            (vec![record("a", Outcome::Unchanged, needs(Needs::Operator))], true, State::Partial),
            (vec![record("a", failed(Class::Blocked), vec![])], true, State::Partial),
            (vec![record("a", failed(Class::Blocked), vec![])], false, State::Failed),
            (vec![record("a", Outcome::Unchanged, vec![])], false, State::Failed),
        ];
        for (records, complete, expected) in rows {
            assert_eq!(state(&records, complete), expected, "{records:?}");
        }
    }

    #[test]
    fn the_failure_that_needs_the_most_decides() {
        let records = [
            record("a", failed(Class::Rejected), vec![]),
            record("b", failed(Class::Blocked), vec![]),
            record("c", failed(Class::Blocked), vec![]),
            record("d", Outcome::Unchanged, vec![]),
        ];
        assert_eq!(decisive(&records).map(|record| record.step.as_str()), Some("b"));
        assert_eq!(decisive(&records[3..]), None);
    }
}
