//! The records that steps leave.

use std::time::Duration;

use outcome::{Failure, Finished, Outcome, Progress, Record, Refused, Told};

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
    let Report { answer, made, left, details, request_ids, created, may_have_written, refusals } = report;
    let (changes, failure, wait) = match answer {
        Answer::Changed(changes) | Answer::Planned(changes) => (changes, None, None),
        Answer::Unchanged => (Vec::new(), None, None),
        Answer::Waiting { changes, wait } => (changes, None, Some(wait)),
        Answer::Failed(failure) => (made, Some(failure), None),
    };
    let finished = Finished {
        changes: u32::try_from(changes.len()).unwrap_or(u32::MAX),
        left,
        failure,
        reason: wait.as_ref().map(|wait| format!("waits for {}", wait.reason)),
        ..finished
    };
    (
        Record {
            finished,
            told: Told { changes, details, request_ids, created, may_have_written, refusals, took },
        },
        wait,
    )
}

/// The longest time for which the service asked to stay away.
pub(crate) fn longest_asked(failed: &[Record]) -> Option<Duration> {
    failed.iter().filter_map(|record| record.retry()?.retry_after).max()
}

/// How many refusals of one step are compared, so that a run stays small.
const COMPARED: usize = 10;

/// Notes what was refused to the steps that failed temporarily: of each, what every attempt in a row has met.
pub(crate) fn compare(progress: &mut Progress, failed: &[Record]) {
    for record in failed {
        let refused = &record.told.refusals;
        let Finished { stage, step, .. } = &record.finished;
        let known = progress.refused.iter().position(|refused| refused.is_of(stage, step));
        let before = known.map(|known| progress.refused.swap_remove(known));
        let met = |refusal: &&String| refused.contains(refusal);
        let again: Vec<_> = before.iter().flat_map(|before| &before.refusals).filter(met).cloned().collect();
        let (attempts, refusals) = match before {
            Some(before) if !again.is_empty() => (before.attempts.saturating_add(1), again),
            _ => (1, refused.iter().take(COMPARED).cloned().collect()),
        };
        if !refusals.is_empty() {
            let (stage, step) = (stage.clone(), step.clone());
            progress.refused.push(Refused { stage, step, attempts, refusals });
        }
    }
}

/// What becomes of a step when no attempt is left. If time may still fix it, the class stays `retry`, and the code says
/// that the run no longer waits for that. If every attempt was refused the same, an operator has to look.
pub(crate) fn exhausted(record: Record, progress: &Progress) -> Record {
    let Some(failure) = record.retry() else { return record };
    let Finished { stage, step, .. } = &record.finished;
    let attempts = progress.attempt;
    let is_always = |refused: &Refused| refused.is_of(stage, step) && refused.attempts >= attempts.max(2);
    let failure = if progress.refused.iter().any(is_always) {
        let message = format!(
            "each of {attempts} attempts was refused the same, so another alone will not help: look at the object; last: \
             {failure}"
        );
        Failure { code: "refused_each_time".to_owned(), message, ..failure.clone() }.blocked()
    } else {
        failure.clone().exhausted(format!("gave up after attempt {attempts}; last: {failure}"))
    };
    record.failed(failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use outcome::{Class, Left, Needs};

    /// What becomes of a step whose attempts met these refusals.
    fn end_of(attempts: &[&[&str]]) -> Failure {
        let mut progress = Progress::new(Timestamp::UNIX_EPOCH);
        let record = |refusals: &[&str]| {
            let refusals = refusals.iter().map(|refusal| (*refusal).to_owned()).collect();
            let failure = Failure::new(Class::Retry, "gone", "404 (request 7)");
            let finished = Finished {
                stage: "a".into(),
                step: "b".into(),
                action: "c".into(),
                outcome: Outcome::Failed,
                changes: 0,
                left: Vec::new(),
                failure: Some(failure),
                reason: None,
            };
            Record { finished, told: Told { refusals, ..Told::default() } }
        };
        for (number, refusals) in attempts.iter().enumerate() {
            progress.attempt = u32::try_from(number).unwrap() + 1;
            compare(&mut progress, &[record(refusals)]);
        }
        let record = exhausted(record(attempts.last().unwrap()), &progress);
        progress.record(record.clone());
        assert!(progress.refused.is_empty(), "a step that ended is compared no more");
        record.finished.failure.unwrap()
    }

    #[test]
    fn a_failed_step_keeps_what_it_made_counted_and_left() {
        let left = |code: &str| Left { code: code.into(), detail: "group 7".into(), needs: Needs::Nobody };
        let rows: [(&[&str], Vec<Left>, Class); 4] = [
            (&["delete 1", "delete 2"], vec![left("synced_group")], Class::Blocked),
            (&[], vec![left("a"), left("b")], Class::Retry),
            (&["delete 1"], vec![], Class::Fault),
            (&[], vec![], Class::Rejected),
        ];
        for (made, left, class) in rows {
            let made: Vec<String> = made.iter().map(ToString::to_string).collect();
            let report = Report::from(Failure::new(class, "told", "as told"));
            let details = [("seen".to_owned(), 2.into())].into_iter().collect();
            let report = Report { made: made.clone(), left: left.clone(), details, ..report };
            let finished = Finished {
                stage: "a".into(),
                step: "b".into(),
                action: "c".into(),
                outcome: report.answer.outcome(),
                changes: 0,
                left: Vec::new(),
                failure: None,
                reason: None,
            };
            let (record, _) = record_of(finished, report, Duration::ZERO);
            let record = exhausted(record, &Progress::new(Timestamp::UNIX_EPOCH));
            assert_eq!((&record.finished.left, &record.told.changes), (&left, &made));
            assert_eq!((record.finished.changes as usize, record.told.details.len()), (made.len(), 1));
            assert_eq!(record.finished.outcome, Outcome::Failed);
        }
    }

    #[test]
    fn what_each_attempt_was_refused_blocks_and_anything_else_is_a_matter_of_time() {
        let same: [&[&[&str]]; 4] = [
            &[&["x"], &["x"]],
            &[&["x"], &["x"], &["x"]],
            // One object was refused each time, and others now and then.
            &[&["x", "y"], &["y"], &["y", "z"]],
            &[&["y", "x"], &["z", "x"]],
        ];
        for attempts in same {
            let failure = end_of(attempts);
            let found = (failure.class, failure.code.as_str());
            assert_eq!(found, (Class::Blocked, "refused_each_time"), "{attempts:?}");
            assert!(failure.message.ends_with("last: gone: 404 (request 7)"), "{failure}");
        }
        let other: [&[&[&str]]; 6] = [
            &[&[], &[]],
            // One attempt tells nothing of the next.
            &[&["x"]],
            &[&["x"], &["y"]],
            &[&[], &["x"], &["x"]],
            &[&["x"], &[], &["x"]],
            &[&["x"], &["x"], &[]],
        ];
        for attempts in other {
            let failure = end_of(attempts);
            let found = (failure.class, failure.code.as_str());
            assert_eq!(found, (Class::Retry, "retries_exhausted"), "{attempts:?}");
        }
    }
}
