//! What follows from a delivery that may not act: it waits, or its run has ended otherwise.

use std::time::Duration;

use broker::{Due, Properties};
use jiff::Timestamp;
use ledger::{BrakeLimit, State as Stands};
use messages::{EventDuplicate, RunFinished, RunWaiting};
use outcome::{Class, Failure, Mode, Progress, State};
use uuid::Uuid;
use workflow::Next;

use super::attempt::{Attempted, Failed, finished};
use super::brake;
use super::cancel::reached::{Reached, point_of_no_return};
use super::cancel::shut::known;
use super::job::Job;
use super::results::{StepResults, count_finished};
use super::turns::{Barred, Turn, Turns, WAITS};
use super::{Runs, failed};
use crate::delivery::outbox::{Onward, Outbox};
use crate::delivery::queues::{WORKFLOWS, queue_of};
use crate::delivery::work::{Outlet, PutOff};

/// How long a message stays away whose run may have said its end, while the history cannot be read.
const HISTORY_UNREAD: PutOff = PutOff { after: Duration::from_secs(5), reason: "history_unread" };

impl Runs {
    /// One attempt at a run, or why it may not act, with how far it has come by then.
    pub(super) async fn attempt(
        &self,
        job: &Job,
        mut progress: Progress,
        mut is_new: bool,
        recorder: &StepResults<'_>,
    ) -> Result<Attempted, (Progress, Barred)> {
        let turn = recorder.turn;
        // An event that came again is not looked at again, whatever its tenant needs by now.
        let applies = is_new && job.request.mode == Mode::Apply;
        let run = job.event.run_id();
        if let Some(stands) = applies.then(|| self.turns.known_run(run, job.position())).flatten() {
            return Err((progress, Barred::Known(stands)));
        }
        // What it undoes is written down as it happens.
        if applies && job.request.run_id.is_some_and(|undone| self.turns.is_at_work(undone)) {
            self.metrics.put_off_total.with_label_values(&[WORKFLOWS, WAITS.reason]).inc();
            return Err((progress, Barred::Later { put_off: WAITS, state: None }));
        }
        // Whoever was shut while it slept does nothing, whatever became of the person and of its tenant.
        if let Some(barred) = self.turns.shut(job) {
            return Err((progress, barred));
        }
        loop {
            let run = self.workflows.run(&job.event, &job.request, progress, is_new, recorder, turn);
            let attempted = Box::pin(run).await;
            if attempted.next != Next::Stopped {
                return Ok(attempted);
            }
            if job.granted().is_none() {
                return Err((attempted.progress, turn.barred()));
            }
            // It had to stop in the middle: it claims afresh, and obeys.
            (progress, is_new) = (attempted.progress, false);
        }
    }

    /// Why a run may not act; what it has said of its end, if it would end otherwise now.
    pub(super) async fn unless_said(&self, job: &Job, progress: &Progress, barred: Barred) -> Barred {
        let run = job.event.run_id();
        // A message that was delivered before, or one that carries on what such a message said.
        let may_have_said = progress.uncounted_writes && is_end(&barred);
        let Some(woken) = may_have_said.then(|| self.turns.acted_since(run)).flatten() else { return barred };
        match self.said.end((run, job.replays), woken.max(progress.first_seen), job.person()).await {
            Ok(Some(end)) => Barred::Said(Box::new(end)),
            Ok(None) => barred,
            Err(error) if error.is_configuration() => {
                tracing::warn!(%error, "the history does not say whether the run has ended");
                barred
            }
            // The run does nothing any more: what it says can wait.
            Err(error) => {
                tracing::warn!(%error, "the history gave no answer: the message is put off");
                let queue = queue_of(job.event.kind);
                self.metrics.put_off_total.with_label_values(&[queue, HISTORY_UNREAD.reason]).inc();
                Barred::Later { put_off: HISTORY_UNREAD, state: Some(Stands::Waiting) }
            }
        }
    }

    /// What follows from a delivery that may not act.
    pub(super) fn barred(
        &self,
        job: &Job,
        progress: Progress,
        barred: Barred,
        turn: &Turn<'_>,
        outlet: &Outlet<'_>,
    ) -> Outbox {
        match barred {
            Barred::Later { put_off, state } => {
                self.later(job, progress, (put_off, state), turn, outlet.properties())
            }
            Barred::Braked(limit) => self.braked(job, progress, limit, turn, outlet.properties()),
            Barred::Known(stands) => self.duplicate(job, stands),
            Barred::Said(end) => self.ends_as_said(job, &progress, *end, turn, outlet),
            Barred::Superseded(by) => {
                let run =
                    RunFinished { state: State::Superseded, ended_by: Some(by), ..shut(job, &progress) };
                self.shut(job, run).closing(Some(turn.closing(
                    Stands::Superseded,
                    Reached::of(&progress),
                    None,
                )))
            }
            Barred::Cancelled(by) => {
                let run = RunFinished { state: State::Cancelled, ended_by: by, ..shut(job, &progress) };
                self.shut(job, run).closing(Some(turn.closing(
                    Stands::Cancelled,
                    Reached::of(&progress),
                    None,
                )))
            }
            Barred::Overtaken(names) => {
                let message = format!(
                    "newer changes have set {}, and this one sets more than that; publish an event with what still \
                     holds, or discard the dead letter",
                    names.join(", ")
                );
                let failure = Failure::new(Class::Blocked, "overtaken", message);
                self.blocked(job, &progress, failure, turn, outlet)
            }
            Barred::Conflict => {
                let message = "the identifiers of the person are those of two people, and a run for the other one is \
                               under way; correct them, or replay the dead letter when that run has ended";
                let failure = Failure::new(Class::Blocked, "identity_conflict", message);
                self.blocked(job, &progress, failure, turn, outlet)
            }
            Barred::TooLarge => {
                let message = "a change sets at most 100 properties and parameters; publish several events";
                let failure = Failure::rejected("too_many_names", message);
                let run =
                    RunFinished { state: State::Rejected, failure: Some(failure), ..ended(job, &progress) };
                self.shut(job, run)
            }
        }
    }

    /// The message comes again. If the run has come further than it says, the next one says that.
    fn later(
        &self,
        job: &Job,
        progress: Progress,
        (put_off, state): (PutOff, Option<Stands>),
        turn: &Turn<'_>,
        properties: &Properties,
    ) -> Outbox {
        let (outbox, reached) = if has_come_further(job, &progress) {
            let due = Some(Due::after(put_off.after));
            self.carry_on(job, progress, due, Vec::new(), properties)
        } else {
            let reached = Reached::of(&progress);
            (Outbox::of(Vec::new(), Onward::Again { after: put_off.after }), reached)
        };
        outbox.closing(state.map(|state| turn.closing(state, reached, None)))
    }

    /// The run asks again until the brake lets it through. That is reported once, and the next message knows that it was.
    ///
    /// After a crash between the two the same report is published again, under the same id.
    pub(super) fn braked(
        &self,
        job: &Job,
        mut progress: Progress,
        limit: BrakeLimit,
        turn: &Turn<'_>,
        properties: &Properties,
    ) -> Outbox {
        let now = Timestamp::now();
        let held_for = progress.braked_since.map(|since| now.duration_since(since));
        let held_for = held_for.and_then(|held_for| held_for.try_into().ok()).unwrap_or_default();
        let (tenant, brake) = turn.brake().unzip();
        let after = brake.map(|brake| brake.again_after(held_for)).unwrap_or(held_for);
        let tenant = tenant.unwrap_or_default();
        self.metrics.runs_braked_total.with_label_values(&[tenant]).inc();
        if progress.braked_since.is_some() {
            let put_off = PutOff { after, reason: "brake" };
            self.metrics.put_off_total.with_label_values(&[WORKFLOWS, put_off.reason]).inc();
            return self.later(job, progress, (put_off, Some(Stands::Braked)), turn, properties);
        }
        progress.braked_since = Some(now);
        progress.sleeps = progress.sleeps.saturating_add(1);
        let stages = progress.prepared.as_ref().map(|prepared| prepared.stages.as_slice());
        let waiting = RunWaiting {
            run_id: job.event.run_id(),
            workflow: job.workflow().to_owned(),
            stage: stages.and_then(<[_]>::first).map(|it| it.stage.clone()).unwrap_or_default(),
            until: now.checked_add(after).unwrap_or(Timestamp::MAX),
            sleeps: progress.sleeps,
            replays: progress.replays,
            reason: Some(reason(limit, tenant)),
            ledger: None,
            last_said_at: None,
            steps: Vec::new(),
        };
        let (due, results) = (Some(Due::after(after)), vec![job.result(waiting)]);
        let (outbox, reached) = self.carry_on(job, progress, due, results, properties);
        let state = match &outbox.onward {
            Onward::SetAside(_) => Stands::SetAside,
            _ => Stands::Braked,
        };
        outbox.closing(Some(turn.closing(state, reached, None)))
    }

    /// Nothing: the run is known. Whoever published its event again is told so; the copies that the broker and workers
    /// make are not worth a word.
    fn duplicate(&self, job: &Job, stands: Stands) -> Outbox {
        let event_type = job.event.kind.event_type();
        self.metrics.events_total.with_label_values(&[event_type, "duplicate"]).inc();
        let is_published = job.progress.is_none() && !job.may_have_begun;
        let run_id = job.event.run_id();
        let result = is_published.then(|| job.result(EventDuplicate { run_id, state: known(stands) }));
        Outbox::of(result.into_iter().collect(), Onward::Over)
    }

    /// The end of a run that others decided.
    fn shut(&self, job: &Job, run: RunFinished) -> Outbox {
        count_finished(&self.metrics, (self.tenant(job), job.workflow()), &run);
        Outbox::of(vec![job.result(run)], Onward::Over)
    }

    /// The end of a run as it was said. All of it may not have arrived: it is said again, under the same id.
    pub(super) fn ends_as_said(
        &self,
        job: &Job,
        progress: &Progress,
        end: RunFinished,
        turn: &Turn<'_>,
        outlet: &Outlet<'_>,
    ) -> Outbox {
        tracing::info!(state = end.state.as_str(), "the run has said its end before, and ends so");
        count_finished(&self.metrics, (self.tenant(job), job.workflow()), &end);
        let failure = end.failure.clone().filter(|failure| failure.class != Class::Rejected);
        let aside = failure.map(|failure| {
            let mut steps = end.steps.iter().rev();
            let step = steps.find(|step| step.failure.as_ref() == Some(&failure));
            Failed { step: step.map(|step| step.step.clone()), failure }
        });
        let stands = stands(end.state, aside.is_some());
        let aside = aside.map(|failed| self.set_aside(job, failed, progress, outlet.properties()));
        let onward = aside.map_or(Onward::Over, Onward::SetAside);
        let outbox = Outbox::of(vec![job.result(end)], onward);
        outbox.closing(Some(turn.closing(stands, Reached::of(progress), None)))
    }

    /// The dead letter of a run that a person has to decide about.
    fn blocked(
        &self,
        job: &Job,
        progress: &Progress,
        failure: Failure,
        turn: &Turn<'_>,
        outlet: &Outlet<'_>,
    ) -> Outbox {
        let run = failed(job, progress, failure.clone());
        count_finished(&self.metrics, (self.tenant(job), job.workflow()), &run);
        let aside = self.set_aside(job, Failed { step: None, failure }, progress, outlet.properties());
        let outbox = Outbox::of(vec![job.result(run)], Onward::SetAside(aside));
        outbox.closing(Some(turn.closing(Stands::SetAside, Reached::of(progress), None)))
    }
}

impl Turns {
    /// Since when a run may have ended: since it last woke, if it slept. Nothing if it has never acted.
    fn acted_since(&self, run: Uuid) -> Option<Timestamp> {
        let book = self.client.book();
        let known = book.ledger().person_of(run)?.run(run)?;
        known.held.then(|| Timestamp::from_microsecond(known.until).unwrap_or_default())
    }
}

/// Whether others decided how the run ends.
fn is_end(barred: &Barred) -> bool {
    use Barred::{Cancelled, Conflict, Overtaken, Superseded};
    matches!(barred, Superseded(_) | Cancelled(_) | Overtaken(_) | Conflict)
}

/// Where a run stands that ended so.
fn stands(end: State, is_set_aside: bool) -> Stands {
    match end {
        _ if is_set_aside => Stands::SetAside,
        State::Succeeded | State::Partial => Stands::Done,
        State::Failed | State::Rejected => Stands::Failed,
        State::Superseded => Stands::Superseded,
        State::Cancelled => Stands::Cancelled,
    }
}

/// Why the brake holds a run, in words that follow "waits for".
fn reason(BrakeLimit { limit, window }: BrakeLimit, tenant: &str) -> String {
    let window = brake::words(window);
    format!(
        "the brake: at most {limit} people of tenant {tenant} may begin to leave within {window}; if this one is to leave, \
         too, an operator lets it pass with `gatehouse brake allow`"
    )
}

/// Whether the run has come further than its message says.
fn has_come_further(job: &Job, progress: &Progress) -> bool {
    match &job.progress {
        Some(before) => {
            before.steps != progress.steps
                || before.waiting != progress.waiting
                || before.uncounted_writes != progress.uncounted_writes
        }
        None => !progress.steps.is_empty() || !progress.waiting.is_empty() || progress.uncounted_writes,
    }
}

/// The end of a run that others decided, with what it cannot give back by then.
fn shut(job: &Job, progress: &Progress) -> RunFinished {
    RunFinished { point_of_no_return: point_of_no_return(progress), ..ended(job, progress) }
}

fn ended(job: &Job, progress: &Progress) -> RunFinished {
    let workflow = Some(job.workflow().to_owned());
    RunFinished { workflow, finished_at: Timestamp::now(), ..finished(&job.event, progress) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_stands_as_it_said_and_a_dead_letter_can_be_replayed() {
        assert_eq!(stands(State::Succeeded, false), Stands::Done);
        assert_eq!(stands(State::Partial, false), Stands::Done);
        assert_eq!(stands(State::Partial, true), Stands::SetAside);
        assert_eq!(stands(State::Failed, true), Stands::SetAside);
        assert_eq!(stands(State::Rejected, false), Stands::Failed);
        assert_eq!(stands(State::Superseded, false), Stands::Superseded);
        assert_eq!(stands(State::Cancelled, false), Stands::Cancelled);
    }
}
