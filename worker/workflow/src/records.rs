//! The records that steps leave.

use std::time::Duration;

use outcome::{Finished, Outcome, Record, Told};

use crate::prepare::PreparedStep;
use crate::step::{Answer, Report};
use crate::wait::Wait;

/// The start of a step's record.
pub(crate) fn finished<W>(stage: &str, step: &PreparedStep<'_, W>, outcome: Outcome) -> Finished {
    Finished {
        stage: stage.to_owned(),
        step: step.name.to_owned(),
        action: step.action.to_owned(),
        outcome,
        changes: 0,
        left: Vec::new(),
        failure: None,
        reason: None,
    }
}

/// The record that a report becomes, and how the step wants to wait.
pub(crate) fn record_of(finished: Finished, report: Report, took: Duration) -> (Record, Option<Wait>) {
    let Report { answer, left, details, request_ids, created, may_have_written } = report;
    let (changes, failure, wait) = match answer {
        Answer::Changed(changes) | Answer::Planned(changes) => (changes, None, None),
        Answer::Unchanged => (Vec::new(), None, None),
        Answer::Waiting { changes, wait } => (changes, None, Some(wait)),
        Answer::Failed(failure) => (Vec::new(), Some(failure), None),
    };
    let finished = Finished {
        changes: u32::try_from(changes.len()).unwrap_or(u32::MAX),
        left,
        failure,
        reason: wait.as_ref().map(|wait| format!("waits for {}", wait.reason)),
        ..finished
    };
    (Record { finished, told: Told { changes, details, request_ids, created, may_have_written, took } }, wait)
}

/// The class stays `retry`, since time may still fix it; the code says that the run no longer waits for that.
pub(crate) fn exhausted(record: Record, attempts: u32) -> Record {
    let Some(failure) = record.retry() else { return record };
    let message = format!("gave up after attempt {attempts}; last: {failure}");
    let failure = failure.clone().exhausted(message);
    record.failed(failure)
}
