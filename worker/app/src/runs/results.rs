//! What is reported of runs: a result for each step, counts, and one log line each.

use messages::{ResultEvent, RunFinished, StepFinished};
use msgraph::Seal;
use outcome::{Class, Failure, Outcome, Record, Taken};
use workflow::step::{Answer, BoxFuture, Report};
use workflow::{Interrupted, People, Recorder};

use super::job::Job;
use super::snapshots::keep;
use super::turns::Turn;
use crate::delivery::work::Outlet;
use crate::operate::metrics::Metrics;
use crate::traces::span::{self, About, Span};

/// Reports steps as their stage ends.
pub struct StepResults<'a> {
    /// Counts.
    pub metrics: &'a Metrics,
    /// The name of the tenant, as a label.
    pub tenant: &'a str,
    /// The job whose steps these are.
    pub job: &'a Job,
    /// Where to report them.
    pub outlet: &'a Outlet<'a>,
    /// Whether the run may go on.
    pub turn: &'a Turn<'a>,
    /// Seals what is kept for a restore.
    pub seal: Option<&'a Seal>,
}

impl StepResults<'_> {
    /// Publishes a result for each of these records.
    pub async fn report(&self, records: &[Record]) -> Result<(), Interrupted> {
        let Self { job, outlet, .. } = self;
        let attempt = job.progress.as_ref().map_or(1, |progress| progress.attempt);
        let (run_id, workflow) = (job.event.run_id(), job.workflow());
        let step = |record| StepFinished::of(record, run_id, workflow, attempt, job.replays);
        let results: Vec<ResultEvent> = records.iter().map(|record| job.result(step(record))).collect();
        outlet.report(&results).await.map_err(|_| Interrupted)
    }
}

impl Recorder for StepResults<'_> {
    fn recorded<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Result<(), Interrupted>> {
        Box::pin(async move {
            self.job.record(records);
            for record in records {
                count_step(self.metrics, self.tenant, record);
                record.told.created.iter().for_each(|id| self.job.created(id));
            }
            self.report(records).await
        })
    }

    fn found(&self, people: &People) {
        self.job.noticed(people);
    }

    fn may_go_on<'a>(&'a self, people: &'a People) -> BoxFuture<'a, bool> {
        Box::pin(self.turn.may_go_on(people))
    }

    fn taking<'a>(&'a self, action: &'a str, taken: &'a [Taken]) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(keep::keep(self.job, action, taken, self.seal, self.outlet))
    }

    fn during<'a>(
        &'a self,
        step: &'a str,
        action: &'a str,
        work: BoxFuture<'a, Report>,
    ) -> BoxFuture<'a, Report> {
        let span = Span::below_current(&About::Step { step, action });
        Box::pin(async move {
            let report = span.around(work).await;
            span.note("gatehouse.outcome", report.answer.outcome().as_str());
            if let Answer::Failed(failure) = &report.answer {
                span.fail(&failure.code);
            }
            report
        })
    }

    fn stores_each_stage(&self) -> bool {
        self.job.is_suspect
    }
}

fn count_step(metrics: &Metrics, tenant: &str, Record { finished, told }: &Record) {
    let (action, outcome) = (finished.action.as_str(), finished.outcome);
    metrics.steps_total.with_label_values(&[tenant, action, outcome.as_str()]).inc();
    if outcome != Outcome::Skipped {
        metrics.step_duration_seconds.with_label_values(&[action]).observe(told.took.as_secs_f64());
    }
    let duration_ms = u64::try_from(told.took.as_millis()).unwrap_or(u64::MAX);
    if let Some(failure) = &finished.failure {
        let labels = [tenant, action, failure.class.as_str(), failure.code.as_str()];
        metrics.step_failures_total.with_label_values(&labels).inc();
        tracing::warn!(
            action,
            step.name = finished.step,
            outcome = outcome.as_str(),
            code = failure.code,
            error = failure.message,
            duration_ms,
            request.id = failure.request_id,
            "step finished"
        );
    } else {
        tracing::info!(
            action,
            step.name = finished.step,
            outcome = outcome.as_str(),
            changes = finished.changes,
            duration_ms,
            "step finished"
        );
    }
}

/// Counts and logs the end of a run.
pub fn count_finished(metrics: &Metrics, (tenant, workflow): (&str, &str), run: &RunFinished) {
    let state = run.state.as_str();
    metrics.runs_total.with_label_values(&[tenant, workflow, state]).inc();
    if let Some(span) = span::current() {
        span.note("gatehouse.run.state", state);
    }
    match &run.failure {
        None => tracing::info!(workflow, state, "run finished"),
        Some(failure) if failure.class == Class::Rejected => {
            let (code, error) = (failure.code.as_str(), failure.message.as_str());
            tracing::warn!(workflow, state, code, error, "run finished");
        }
        Some(failure) => {
            let (code, error) = (failure.code.as_str(), failure.message.as_str());
            tracing::error!(workflow, state, code, error, "run finished");
        }
    }
}
