//! Runs that sleep: what they report when they go to sleep, and again when they have slept for long.
//!
//! The history forgets what is old, and a run may sleep for longer than that. Its message comes by a worker every 30 days
//! at the latest, on its way through the delay, which is when the run can say that it still sleeps.

use std::time::Duration;

use actions::World;
use broker::Message;
use jiff::Timestamp;
use messages::{Event, ResultEvent, RunWaiting, WaitingStep};
use outcome::Progress;
use workflow::Prepared;

use super::attempt::ledger_word;
use super::job::workflow_of;
use super::{Runs, effective};
use crate::delivery::queues::WORKFLOWS;

impl Runs {
    /// What is reported of a run that sleeps on, if it has not said so for long. Its id follows from when it did so last:
    /// a worker that is lost before the message is in the delay again repeats it.
    pub(super) fn still_asleep(&self, message: &Message, since: Timestamp) -> Option<ResultEvent> {
        let now = Timestamp::now();
        if Duration::try_from(now.duration_since(since)).ok()? < self.speaks_after {
            return None;
        }
        let job = self.read(message, WORKFLOWS).ok()?;
        let progress = job.progress.as_ref()?;
        let steps = progress.prepared.as_ref()?;
        let prepared = Prepared::resumed(steps, &self.workflows.roster, progress).ok()?;
        let (stage, until) = sleeps_until(progress, now)?;
        let waiting = waiting(&job.event, &prepared, stage, until, progress)?;
        tracing::info!(run.id = %job.event.run_id(), %until, "run still asleep");
        Some(job.result(RunWaiting { last_said_at: Some(since), ..waiting }))
    }
}

/// What is reported of a sleep; nothing if only a retry is left, whose wait has been reported.
pub fn waiting(
    event: &Event,
    prepared: &Prepared<'_, World>,
    stage: &str,
    until: Timestamp,
    progress: &Progress,
) -> Option<RunWaiting> {
    let steps: Vec<_> = progress.open_waits(stage).map(WaitingStep::of).collect();
    let starts = progress.starts.iter().any(|start| start.stage == stage && start.at == until);
    let reason = || effective::reason(event, prepared.after(stage), prepared.at(stage));
    let waiting = RunWaiting {
        run_id: event.run_id(),
        workflow: workflow_of(event).to_owned(),
        stage: stage.to_owned(),
        until,
        sleeps: progress.sleeps,
        replays: progress.replays,
        reason: steps.is_empty().then(reason),
        steps,
        ledger: ledger_word(progress),
        last_said_at: None,
    };
    Some(waiting).filter(|waiting| starts || !waiting.steps.is_empty())
}

/// The stage that a run sleeps before or in, and when it wakes: by its progress, which its message carries.
fn sleeps_until(progress: &Progress, now: Timestamp) -> Option<(&str, Timestamp)> {
    let starts = progress.starts.iter().filter(|start| start.at > now);
    if let Some(start) = starts.min_by_key(|start| start.at) {
        return Some((&start.stage, start.at));
    }
    let is_open = |stage: &str, step: &str| progress.find(stage, step).is_none();
    let open = progress.waiting.iter().filter(|waiting| is_open(&waiting.stage, &waiting.step));
    let first = open.min_by_key(|waiting| waiting.until)?;
    Some((&first.stage, first.until))
}
