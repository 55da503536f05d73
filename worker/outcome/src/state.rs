//! How a run ended.

use serde::{Deserialize, Serialize};

use crate::{Class, Needs, Record};

/// How a run ended. The engine computes it with [`state`]; only a rejection is decided before there is a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Every step is done and nothing is left for an operator.
    Succeeded,
    /// The run reached its end, but a step failed or left something for an operator.
    Partial,
    /// The run stopped before its end.
    Failed,
    /// Nothing was touched; the publisher must act.
    Rejected,
    /// A newer event took charge of the person. What the run had done until then stands in its steps.
    Superseded,
    /// Somebody took the run out.
    Cancelled,
}

impl State {
    /// Whether every stage was gone through.
    pub fn has_reached_its_end(self) -> bool {
        matches!(self, Self::Succeeded | Self::Partial)
    }

    /// The word on the wire, in logs and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The state that follows from the records of a run, and from whether each of its steps has one.
pub fn state(records: &[Record], complete: bool) -> State {
    let all_done = records.iter().all(Record::is_done);
    let mut left = records.iter().flat_map(|record| &record.finished.left);
    if !complete {
        State::Failed
    } else if all_done && left.all(|left| left.needs == Needs::Nobody) {
        State::Succeeded
    } else {
        State::Partial
    }
}

/// The failed record that decides what happens to the message: the one that needs the most to be fixed.
pub fn decisive<'a>(records: impl IntoIterator<Item = &'a Record>) -> Option<&'a Record> {
    let weight = |record: &Record| match record.finished.failure.as_ref().map(|failure| failure.class) {
        None => 0,
        Some(Class::Rejected) => 1,
        Some(Class::Retry) => 2,
        Some(Class::Blocked) => 3,
        Some(Class::Fault) => 4,
    };
    let mut worst: Option<&Record> = None;
    for record in records {
        // The first of equals: a reader of the result meets it first.
        if weight(record) > worst.map_or(0, weight) {
            worst = Some(record);
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Failure, Finished, Left, Outcome, Told};

    fn record(step: &str, outcome: Outcome, left: Vec<Left>) -> Record {
        let finished = Finished {
            stage: "only".into(),
            step: step.into(),
            action: step.into(),
            outcome,
            changes: 0,
            left,
            failure: None,
            reason: None,
        };
        Record { finished, told: Told::default() }
    }

    fn failed(step: &str, class: Class) -> Record {
        record(step, Outcome::Unchanged, vec![]).failed(Failure::new(class, "code", "message"))
    }

    #[test]
    fn a_state_follows_from_the_outcomes() {
        let needs = |needs| vec![Left { code: "synced_group".into(), detail: "g".into(), needs }];
        let rows = [
            (vec![], true, State::Succeeded),
            (vec![record("a", Outcome::Unchanged, vec![])], true, State::Succeeded),
            (vec![record("a", Outcome::Skipped, vec![])], true, State::Succeeded),
            (vec![record("a", Outcome::Unchanged, needs(Needs::Nobody))], true, State::Succeeded),
            (vec![record("a", Outcome::Unchanged, needs(Needs::Operator))], true, State::Partial),
            (vec![failed("a", Class::Blocked)], true, State::Partial),
            (vec![failed("a", Class::Blocked)], false, State::Failed),
            (vec![record("a", Outcome::Unchanged, vec![])], false, State::Failed),
        ];
        for (records, complete, expected) in rows {
            assert_eq!(state(&records, complete), expected, "{records:?}");
        }
    }

    #[test]
    fn the_failure_that_needs_the_most_decides() {
        let records = [
            failed("a", Class::Rejected),
            failed("b", Class::Blocked),
            failed("c", Class::Blocked),
            record("d", Outcome::Unchanged, vec![]),
        ];
        assert_eq!(decisive(&records).map(|record| record.finished.step.as_str()), Some("b"));
        assert_eq!(decisive(&records[3..]), None);
    }
}
