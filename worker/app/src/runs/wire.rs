//! The engine's words and the wire's, side by side: they say the same, and neither crate knows the other.

use std::time::Duration;

use messages::{FinishedStep, PlannedStep, StepFinished};
use serde_json::Map;
use uuid::Uuid;
use workflow::{
    Class, Delay, Failure, Left, Needs, Outcome, OutcomeKind, Progress, Record, Start, State, Waiting,
};

/// What a run carries, as the engine wants it.
pub fn progress_in(progress: &messages::Progress) -> Progress {
    Progress {
        first_seen: progress.first_seen,
        attempt: progress.attempt,
        replays: progress.replays,
        sleeps: progress.sleeps,
        records: progress.steps.iter().filter_map(record_in).collect(),
        waiting: progress.waiting.iter().map(waiting_in).collect(),
        starts: progress.starts.iter().map(|it| Start { stage: it.stage.clone(), at: it.at }).collect(),
        retry_at: progress.retry_at,
    }
}

/// What a run carries, as the wire wants it.
pub fn progress_out(
    run_id: Uuid,
    workflow: messages::WorkflowVersion,
    progress: &Progress,
) -> messages::Progress {
    messages::Progress {
        run_id,
        workflow,
        first_seen: progress.first_seen,
        attempt: progress.attempt,
        replays: progress.replays,
        steps: progress.records.iter().map(finished_step).collect(),
        sleeps: progress.sleeps,
        waiting: progress.waiting.iter().map(waiting_out).collect(),
        starts: progress
            .starts
            .iter()
            .map(|start| messages::StageStart { stage: start.stage.clone(), at: start.at })
            .collect(),
        retry_at: progress.retry_at,
    }
}

/// A step in short.
pub fn finished_step(record: &Record) -> FinishedStep {
    FinishedStep {
        stage: record.stage.clone(),
        step: record.step.clone(),
        action: record.action.clone(),
        outcome: outcome(record.outcome.kind()),
        changes: u32::try_from(record.changes).unwrap_or(u32::MAX),
        left: record.left.iter().map(left).collect(),
        failure: failure_of(record),
        reason: reason_of(record),
    }
}

/// A step that waits, as everybody may know of it.
pub fn waiting_step(waiting: &Waiting) -> messages::WaitingStep {
    messages::WaitingStep {
        step: waiting.step.clone(),
        action: waiting.action.clone(),
        reason: waiting.reason.clone(),
        since: waiting.since,
        until: waiting.until,
        deadline: waiting.deadline,
        changes: waiting.told.clone(),
        graph_request_ids: waiting.request_ids.clone(),
    }
}

fn waiting_out(waiting: &Waiting) -> messages::Waiting {
    messages::Waiting {
        stage: waiting.stage.clone(),
        step: waiting.step.clone(),
        action: waiting.action.clone(),
        reason: waiting.reason.clone(),
        since: waiting.since,
        until: waiting.until,
        deadline: waiting.deadline,
        changes: u32::try_from(waiting.changes).unwrap_or(u32::MAX),
        memo: waiting.memo.clone(),
    }
}

fn waiting_in(waiting: &messages::Waiting) -> Waiting {
    Waiting {
        stage: waiting.stage.clone(),
        step: waiting.step.clone(),
        action: waiting.action.clone(),
        reason: waiting.reason.clone(),
        since: waiting.since,
        until: waiting.until,
        deadline: waiting.deadline,
        changes: usize::try_from(waiting.changes).unwrap_or(usize::MAX),
        told: Vec::new(),
        request_ids: Vec::new(),
        memo: waiting.memo.clone(),
    }
}

/// A step of a plan, and how long after the stage before it its own starts.
pub fn planned_step(record: &Record, after: Option<Delay>) -> PlannedStep {
    PlannedStep {
        stage: record.stage.clone(),
        step: record.step.clone(),
        action: record.action.clone(),
        after_seconds: after.map(|after| after.duration().as_secs()),
        outcome: outcome(record.outcome.kind()),
        changes: record.outcome.changes().to_vec(),
        left: record.left.iter().map(left).collect(),
        details: record.details.clone(),
        failure: failure_of(record),
        reason: reason_of(record),
    }
}

/// A step's result; `run` says which run and workflow, and how often it was tried and replayed.
pub fn step_finished(record: &Record, run: (Uuid, &str), tried: (u32, u32)) -> StepFinished {
    let was_tried = record.outcome.kind() != OutcomeKind::Skipped;
    StepFinished {
        run_id: run.0,
        workflow: run.1.to_owned(),
        stage: record.stage.clone(),
        step: record.step.clone(),
        action: record.action.clone(),
        outcome: outcome(record.outcome.kind()),
        changes: record.outcome.changes().to_vec(),
        left: record.left.iter().map(left).collect(),
        details: record.details.clone(),
        failure: failure_of(record),
        reason: reason_of(record),
        attempts: if was_tried { tried.0 } else { 0 },
        replays: tried.1,
        duration_ms: u64::try_from(record.took.as_millis()).unwrap_or(u64::MAX),
        graph_request_ids: record.request_ids.clone(),
    }
}

/// How a run ended.
pub fn run_state(state: State) -> messages::RunState {
    match state {
        State::Succeeded => messages::RunState::Succeeded,
        State::Partial => messages::RunState::Partial,
        State::Failed => messages::RunState::Failed,
    }
}

/// Why something failed.
pub fn failure(failure: &Failure) -> messages::Failure {
    messages::Failure {
        class: match failure.class {
            Class::Retry => messages::FailureClass::Retry,
            Class::Rejected => messages::FailureClass::Rejected,
            Class::Blocked => messages::FailureClass::Blocked,
            Class::Fault => messages::FailureClass::Fault,
        },
        code: failure.code.clone(),
        message: failure.message.clone(),
    }
}

fn failure_of(record: &Record) -> Option<messages::Failure> {
    match &record.outcome {
        Outcome::Failed(found) => Some(failure(found)),
        _ => None,
    }
}

fn reason_of(record: &Record) -> Option<String> {
    match &record.outcome {
        Outcome::Skipped(reason) => Some(reason.clone()),
        Outcome::Waiting { wait, .. } => Some(format!("waits for {}", wait.reason)),
        _ => None,
    }
}

fn outcome(kind: OutcomeKind) -> messages::Outcome {
    match kind {
        OutcomeKind::Changed => messages::Outcome::Changed,
        OutcomeKind::Unchanged => messages::Outcome::Unchanged,
        OutcomeKind::Planned => messages::Outcome::Planned,
        OutcomeKind::Skipped => messages::Outcome::Skipped,
        OutcomeKind::Waiting => messages::Outcome::Waiting,
        OutcomeKind::Failed => messages::Outcome::Failed,
    }
}

fn left(left: &Left) -> messages::Left {
    messages::Left {
        code: left.code.clone(),
        detail: left.detail.clone(),
        needs: match left.needs {
            Needs::Nobody => messages::Needs::Nobody,
            Needs::Operator => messages::Needs::Operator,
        },
    }
}

fn left_in(left: &messages::Left) -> Left {
    Left {
        code: left.code.clone(),
        detail: left.detail.clone(),
        needs: match left.needs {
            messages::Needs::Nobody => Needs::Nobody,
            messages::Needs::Operator => Needs::Operator,
        },
    }
}

/// The record of a step; none if it has not finished.
fn record_in(step: &FinishedStep) -> Option<Record> {
    Some(Record {
        stage: step.stage.clone(),
        step: step.step.clone(),
        action: step.action.clone(),
        outcome: match step.outcome {
            messages::Outcome::Changed => Outcome::Changed(Vec::new()),
            messages::Outcome::Unchanged => Outcome::Unchanged,
            messages::Outcome::Planned => Outcome::Planned(Vec::new()),
            messages::Outcome::Skipped => Outcome::Skipped(step.reason.clone().unwrap_or_default()),
            messages::Outcome::Waiting => return None,
            messages::Outcome::Failed => Outcome::Failed(failure_in(step.failure.as_ref())),
        },
        changes: usize::try_from(step.changes).unwrap_or(usize::MAX),
        left: step.left.iter().map(left_in).collect(),
        details: Map::new(),
        request_ids: Vec::new(),
        took: Duration::ZERO,
    })
}

fn failure_in(failure: Option<&messages::Failure>) -> Failure {
    let Some(failure) = failure else {
        return Failure::new(Class::Fault, "internal", "the failure is not in the message");
    };
    let class = match failure.class {
        messages::FailureClass::Retry => Class::Retry,
        messages::FailureClass::Rejected => Class::Rejected,
        messages::FailureClass::Blocked => Class::Blocked,
        messages::FailureClass::Fault => Class::Fault,
    };
    Failure::new(class, &failure.code, &failure.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_the_wire_but_for_its_sentences() {
        let outcomes = [
            Outcome::Changed(vec!["disable the account".into()]),
            Outcome::Unchanged,
            Outcome::Skipped("`manager` does not hold".into()),
            Outcome::Failed(Failure::new(Class::Blocked, "no_seat", "no seat")),
        ];
        for outcome in outcomes {
            let record = Record {
                stage: "a".into(),
                step: "b".into(),
                action: "c".into(),
                changes: outcome.changes().len(),
                outcome,
                left: vec![Left { code: "x".into(), detail: "y".into(), needs: Needs::Operator }],
                details: Map::new(),
                request_ids: vec![],
                took: Duration::ZERO,
            };
            let back = record_in(&finished_step(&record)).unwrap();
            assert_eq!(back.outcome.kind(), record.outcome.kind());
            assert_eq!((back.changes, &back.left), (record.changes, &record.left));
            assert_eq!(finished_step(&back), finished_step(&record));
        }
    }
}
