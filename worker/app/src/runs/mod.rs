//! Runs: the work on events that request a workflow for a person.

pub mod access;
mod asleep;
pub mod attempt;
mod barred;
pub mod brake;
mod cancel;
mod claims;
mod effective;
mod granted;
mod job;
mod key;
mod prepare;
mod results;
mod right;
pub mod said;
pub mod snapshots;
pub mod turns;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actions::{PROTECTED, PROTECTION_UNKNOWN};
use broker::{Due, Message, Properties};
use jiff::Timestamp;
use messages::{Continuation, Event, EventKind, ResultData, ResultEvent, RunFinished};
use msgraph::{Seal, User, UserKey};
use outcome::{Class, Failure, Finished, Mode, Progress, State};
use workflow::{Because, Next, People};

use self::attempt::{Attempted, Failed, Workflows, finished};
use self::cancel::reached::Reached;
use self::job::Job;
use self::key::RunKey;
use self::results::{StepResults, count_finished};
use self::said::Said;
use self::turns::{Turn, Turns};
use crate::delivery::outbox::{self, Onward, Outbox, SetAside};
use crate::delivery::publishers::Publishers;
use crate::delivery::queues;
use crate::delivery::work::{Identity, Outlet, PutOff, Refused, Traced, Work};
use crate::operate::metrics::Metrics;

/// Runs the workflows that events request.
pub struct Runs {
    /// What there is to run, and where.
    pub workflows: Workflows,
    /// Who may ask for what.
    pub publishers: Publishers,
    /// Who acts for whom.
    pub turns: Arc<Turns>,
    /// What runs have said.
    pub said: Said,
    /// After how long a run that sleeps says so again.
    pub speaks_after: Duration,
    /// Seals names and texts that are kept for a restore; without it none are kept.
    pub seal: Option<Seal>,
    /// Counts.
    pub metrics: Arc<Metrics>,
}

impl Work for Arc<Runs> {
    const QUEUE: &'static str = queues::WORKFLOWS;

    type Job = Job;
    type Partial = Progress;

    fn decode(&self, message: &Message) -> Result<Job, Box<Refused>> {
        self.read(message, Self::QUEUE)
    }

    fn identity(&self, job: &Job) -> Identity {
        Identity {
            subject: job.event.run_id(),
            message: job.key().message_id(),
            event_type: job.event.kind.event_type(),
            made_at: job.is_event().then_some(job.event.time),
        }
    }

    /// A leaver nothing is done for yet.
    fn is_urgent(&self, job: &Job) -> bool {
        job.event.kind == EventKind::Offboarding
            && job.progress.as_ref().is_none_or(|progress| progress.steps.is_empty())
    }

    async fn may_begin(&self, job: &Job) -> Result<(), PutOff> {
        if job.request.mode == Mode::Plan {
            return self.may_begin_in_tenant(job).await;
        }
        self.turns.may_begin().await?;
        self.may_begin_in_tenant(job).await?;
        self.may_claim(&job.event).await
    }

    fn span(&self, job: &Job) -> tracing::Span {
        let Event { id, tenant, correlation_id, .. } = &job.event;
        let (tenant, correlation) = (tenant.as_deref(), correlation_id.as_deref());
        tracing::info_span!("run", run.id = %job.event.run_id(), event.id = %id, tenant, correlation.id = correlation)
    }

    fn traced<'a>(&'a self, job: &'a Job) -> Traced<'a> {
        let workflow = Some(self.workflow_label(job));
        self.traced_event(&job.event, workflow)
    }

    async fn work(
        &self,
        job: &Job,
        partial: Option<Progress>,
        outlet: &Outlet<'_>,
    ) -> Result<Outbox, Progress> {
        let started = Instant::now();
        let turn = Turn::of(&self.turns, job).within(outlet);
        let seal = self.seal.as_ref();
        let tenant = self.tenant(job);
        let recorder = StepResults { metrics: &self.metrics, tenant, job, outlet, turn: &turn, seal };
        if let Some(partial) = &partial {
            // The last records may not have been published. A consumer that has them sees the same ids again.
            let came = job.progress.as_ref().map_or(0, |progress| progress.steps.len());
            let since = partial.steps.get(came..).unwrap_or_default();
            job.record(since);
            if recorder.report(since).await.is_err() {
                return Err(partial.clone());
            }
        }
        let is_new = partial.is_none() && job.progress.is_none();
        let progress = partial.unwrap_or_else(|| job.reached());
        let attempted = match self.attempt(job, progress, is_new, &recorder).await {
            Ok(attempted) => attempted,
            Err((progress, barred)) => {
                job.noticed(&People::of(&progress));
                let barred = Box::pin(self.unless_said(job, &progress, barred)).await;
                return Ok(self.barred(job, progress, barred, &turn, outlet));
            }
        };
        job.noticed(&People::of(&attempted.progress));
        if outlet.answers() && attempted.result.is_some() {
            self.look_up_name(job).await;
        }
        let rejected =
            matches!(&attempted.result, Some(ResultData::RunFinished(run)) if run.state == State::Rejected);
        let workflow = if rejected { "none" } else { self.workflow_label(job) };
        let seconds = started.elapsed().as_secs_f64();
        self.metrics.run_duration_seconds.with_label_values(&[workflow]).observe(seconds);
        let Attempted { progress, next, mut result, failed } = attempted;
        if let Some(ResultData::RunPlanned(plan)) = &mut result {
            plan.refusals.extend(self.turns.brake_refusal(&job.event).await);
        }
        match next {
            Next::Interrupted | Next::Stopped => {
                turn.give_back(Reached { leg: job.leg(), ..Reached::of(&progress) });
                Err(progress)
            }
            Next::Over | Next::Refused(_) => {
                if let Some(ResultData::RunFinished(run)) = &mut result {
                    run.shut = self.turns.shut_by(run.run_id);
                }
                let closing = turn.end(result.as_ref(), failed.is_some(), Reached::of(&progress));
                let outbox = self.end(job, workflow, &progress, result, failed, outlet.properties());
                Ok(outbox.closing(closing))
            }
            Next::Resume { at, because } => {
                self.count_resume((tenant, workflow), at, &because, &progress);
                Ok(self.resume(job, progress, (at, &because), result, outlet.properties(), &turn))
            }
        }
    }

    fn still_waits(&self, message: &Message, since: Timestamp) -> Option<ResultEvent> {
        self.still_asleep(message, since)
    }

    fn panicked(&self, job: &Job, message: &Message) -> Outbox {
        let failure = Failure::new(Class::Fault, "internal", "the worker panicked; its log has the place");
        let progress = job.reached();
        let result = failed(job, &progress, failure.clone());
        let aside = SetAside::as_it_came(failure, job.replays);
        // With what is done so far, a replay resumes there; without, it looks at everything again.
        let next = Some(&progress).filter(|progress| !progress.steps.is_empty());
        let next = next.and_then(|progress| self.dead(job, progress, &message.properties));
        let onward = Onward::SetAside(SetAside { next, ..aside });
        let closing = Turn::of(&self.turns, job).end(None, true, Reached::of(&progress));
        Outbox::of(vec![job.result(result)], onward).closing(closing)
    }
}

impl Runs {
    /// Reads a message of this queue.
    fn read(&self, message: &Message, queue: &str) -> Result<Job, Box<Refused>> {
        Job::decode(message, &self.publishers, queue, self.workflows.tenants.clock().now())
    }

    /// Whether this worker's clock is right enough for a claim.
    async fn may_claim(&self, event: &Event) -> Result<(), PutOff> {
        self.workflows.tenants.may_claim(event.tenant.as_deref()).await
    }

    /// Whether the tenant can be worked in.
    async fn may_begin_in_tenant(&self, job: &Job) -> Result<(), PutOff> {
        self.workflows.tenants.may_begin(job.event.tenant.as_deref()).await
    }

    /// Looks up the user principal name of the person's account, for the publisher: a new account can have another name
    /// than the event asked for. If it cannot be read, the copy has the name from the event.
    async fn look_up_name(&self, job: &Job) {
        let found = self.workflows.tenants.find(job.event.tenant.as_deref());
        let (Ok((_, graph)), Some(person)) = (found, job.person()) else { return };
        let key = UserKey::Id(person.to_string());
        let account = graph.reader().user(&key, &["id", "userPrincipalName"]).await;
        if let Ok(Some(User { user_principal_name: Some(upn), .. })) = account {
            job.called(upn);
        }
    }

    /// What follows from a run that is over.
    fn end(
        &self,
        job: &Job,
        workflow: &str,
        progress: &Progress,
        result: Option<ResultData>,
        failed: Option<Failed>,
        properties: &Properties,
    ) -> Outbox {
        let tenant = self.tenant(job);
        match &result {
            Some(ResultData::RunFinished(run)) => count_finished(&self.metrics, (tenant, workflow), run),
            _ => {
                tracing::info!(workflow, "run planned");
                self.metrics.runs_total.with_label_values(&[tenant, workflow, "planned"]).inc();
            }
        }
        if let Some(Failed { failure, .. }) = &failed
            && [PROTECTED, PROTECTION_UNKNOWN].contains(&failure.code.as_str())
        {
            self.metrics.runs_refused_total.with_label_values(&[tenant, failure.code.as_str()]).inc();
        }
        let aside = failed.map(|failed| self.set_aside(job, failed, progress, properties));
        let onward = aside.map_or(Onward::Over, Onward::SetAside);
        Outbox::of(result.map(|data| job.result(data)).into_iter().collect(), onward)
    }

    /// What a trace may tell of the work on this event.
    fn traced_event<'a>(&'a self, event: &'a Event, workflow: Option<&'a str>) -> Traced<'a> {
        let tenant = self.workflows.tenants.label(event.tenant.as_deref());
        Traced { traceparent: event.traceparent.as_deref(), run: event.run_id(), tenant, workflow }
    }

    /// The name of the workflow that a job is for, as a label: one that no workflow has is the publisher's.
    fn workflow_label<'a>(&self, job: &'a Job) -> &'a str {
        let is_known = job.is_prepared() || self.workflows.definitions.get(job.workflow()).is_some();
        if is_known { job.workflow() } else { "none" }
    }

    /// The name of the tenant that a job is for, as a label.
    fn tenant(&self, job: &Job) -> &str {
        self.workflows.tenants.label(job.event.tenant.as_deref())
    }

    fn count_resume(
        &self,
        (tenant, workflow): (&str, &str),
        at: Timestamp,
        because: &Because,
        progress: &Progress,
    ) {
        let retry = match because {
            Because::Begins => None,
            Because::Retry(failure) => {
                let retry_after_ms = delay(at).as_millis() as u64;
                let (code, attempt) = (failure.code.as_str(), progress.attempt);
                tracing::warn!(workflow, code, retry_after_ms, attempt, "run postponed");
                Some(failure)
            }
            Because::Wait { retry, .. } => {
                let code = retry.as_ref().map(|failure| failure.code.as_str());
                tracing::info!(workflow, code, until = %at, sleeps = progress.sleeps, "run asleep");
                self.metrics.sleeps_total.with_label_values(&[workflow]).inc();
                retry.as_ref()
            }
        };
        if let Some(failure) = retry {
            self.metrics.retries_total.with_label_values(&[tenant, failure.code.as_str()]).inc();
        }
    }

    /// What follows from a run that resumes.
    fn resume(
        &self,
        job: &Job,
        progress: Progress,
        (at, because): (Timestamp, &Because),
        result: Option<ResultData>,
        properties: &Properties,
        turn: &Turn<'_>,
    ) -> Outbox {
        let due = match because {
            Because::Begins => None,
            Because::Retry(_) => Some(Due::after(delay(at))),
            // Somebody chose the time that is waited for: no step is woken before it.
            Because::Wait { .. } => Some(Due::at(at).with_tolerance(Duration::ZERO)),
        };
        let due = due.filter(|_| at > Timestamp::now());
        let results = result.map(|data| job.result(data)).into_iter().collect();
        let (outbox, reached) = self.carry_on(job, progress, due, results, properties);
        let closing = match &outbox.onward {
            Onward::SetAside(_) => turn.end(None, true, reached),
            _ => turn.goes_on(because, at, reached),
        };
        outbox.closing(closing)
    }

    /// A message with the event and how far its run has come, on its next leg. The run's dead letter, if no message can
    /// hold that.
    fn carry_on(
        &self,
        job: &Job,
        mut progress: Progress,
        due: Option<Due>,
        results: Vec<ResultEvent>,
        properties: &Properties,
    ) -> (Outbox, Reached) {
        progress.leg = progress.leg.saturating_add(1);
        let body = match self.continuation(job, &progress) {
            Ok(body) => body,
            // The run goes no further: it reports its end, and not that it sleeps.
            Err(failure) => {
                let run = failed(job, &progress, failure.clone());
                count_finished(&self.metrics, (self.tenant(job), job.workflow()), &run);
                let onward = Onward::SetAside(SetAside::as_it_came(failure, job.replays));
                let reached = Reached { leg: job.leg(), ..Reached::of(&progress) };
                return (Outbox::of(vec![job.result(run)], onward), reached);
            }
        };
        let key = RunKey::of_continuation(job.event.run_id(), &progress);
        let next = outbox::Next { body, properties: job.properties(properties, key.message_id()) };
        (Outbox::of(results, Onward::Resume { next, due }), Reached::of(&progress))
    }

    /// The run as a dead letter that a replay resumes where it failed.
    fn set_aside(&self, job: &Job, failed: Failed, progress: &Progress, properties: &Properties) -> SetAside {
        let mut records = progress.steps.iter().rev().map(|record| &record.finished);
        let is_it =
            |record: &&Finished| record.failure.is_some() && Some(&record.step) == failed.step.as_ref();
        SetAside {
            action: records.find(is_it).map(|record| record.action.clone()),
            failure: failed.failure,
            step: failed.step,
            attempts: Some(progress.attempt),
            first_failed_at: Some(progress.first_seen),
            replays: job.replays,
            // Without its progress a replay starts over, which is slower and just as right.
            next: self.dead(job, progress, properties),
            beginning_only: false,
        }
    }

    /// The message of a dead letter. An operator names it by its run, however often that dies.
    fn dead(&self, job: &Job, progress: &Progress, properties: &Properties) -> Option<outbox::Next> {
        let properties = job.properties(properties, job.event.run_id());
        Some(outbox::Next { body: self.continuation(job, progress).ok()?, properties })
    }

    fn continuation(&self, job: &Job, progress: &Progress) -> Result<Vec<u8>, Failure> {
        let before = job.carried(progress);
        let carried = match before {
            Some(before) if job.is_prepared() => Some(before),
            // A run whose workflow has been removed keeps its progress.
            before => self.workflows.carried(&job.event, progress).or(before),
        };
        let progress = carried.ok_or_else(|| {
            let message = format!("there is no workflow `{}` any more", job.workflow());
            Failure::new(Class::Fault, "internal", message)
        })?;
        let continuation = Continuation { event: job.event.clone(), progress };
        continuation
            .to_bytes()
            .map_err(|error| Failure::new(Class::Fault, "progress_too_large", error.to_string()))
    }
}

/// The result of a run that ends now because of this, whatever its steps say.
fn failed(job: &Job, progress: &Progress, failure: Failure) -> RunFinished {
    let workflow = Some(job.workflow().to_owned());
    RunFinished { workflow, failure: Some(failure), ..finished(&job.event, progress) }
}

/// How long it is from now until then.
fn delay(at: Timestamp) -> Duration {
    at.duration_since(Timestamp::now()).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests;
