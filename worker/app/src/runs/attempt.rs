//! One attempt at the run of an event: prepare, then plan or apply.

use std::collections::BTreeMap;
use std::sync::Arc;

use actions::{Protection, World};
use futures_util::future::join;
use jiff::Timestamp;
use messages::{
    Event, EventKind, LedgerWord, PersonRequest, ResultData, RunFinished, RunPlanned, WorkflowVersion,
};
use messages::{PlanRefusal, PlannedStep, RunProgress};
use msgraph::{Access, Client};
use outcome::{Class, Failure, Mode, Progress, Record, Start, State, decisive, state};
use workflow::run::Run;
use workflow::{Because, Definitions, Limits, Next, Prepared, Recorder, RetryPolicy, Roster, Takes, digest};

use super::asleep::waiting;
use super::effective::{self, is_unbegun, pending_until};
use super::job::workflow_of;
use super::prepare::more::{More, afresh, more};
use super::right::Right;
use super::snapshots::Snapshots;
use crate::settings::mail::Mail;
use crate::tenants::Tenants;

/// Everything an attempt needs that does not depend on the event.
pub struct Workflows {
    /// Where to work.
    pub tenants: Tenants,
    /// Whom no run changes, by tenant.
    pub protections: BTreeMap<String, Arc<Protection>>,
    /// Where mail about people may go, and who sends passes, by tenant.
    pub mail: BTreeMap<String, Mail>,
    /// What there is to run.
    pub definitions: Definitions,
    /// What steps there are.
    pub roster: Roster<World>,
    /// What each workflow takes, by its name.
    pub takes: BTreeMap<String, Takes>,
    /// How much one event may name.
    pub limits: Limits,
    /// What runs took, for a restore; nothing without a broker.
    pub snapshots: Option<Snapshots>,
    /// When to retry.
    pub policy: RetryPolicy,
}

/// What came of an attempt.
pub struct Attempted {
    /// How far the run has come.
    pub progress: Progress,
    /// What comes next.
    pub next: Next,
    /// What everybody should learn of it.
    pub result: Option<ResultData>,
    /// What an operator must act on before the run can resume.
    pub failed: Option<Failed>,
}

/// Why a run is set aside.
pub struct Failed {
    /// The step that failed for good; nothing if the run could not even be prepared.
    pub step: Option<String>,
    /// Why.
    pub failure: Failure,
}

impl Workflows {
    /// Runs an event's workflow from its progress. From its first attempt on the steps are those of the progress.
    pub async fn run(
        &self,
        event: &Event,
        request: &PersonRequest,
        mut progress: Progress,
        is_new: bool,
        recorder: &dyn Recorder,
        right: &dyn Right,
    ) -> Attempted {
        if is_new && request.expected_plan.is_some() {
            progress.approved = Some(false);
        }
        let graph = match self.graph(event) {
            Ok(graph) => graph,
            Err(failures) => return self.unprepared(event, progress, &failures, is_new),
        };
        let guarded = self.guarded(event);
        let mut world = guarded.world(graph);
        if request.mode == Mode::Apply {
            world = world.guarded(&guarded.protection, &progress.released);
        }
        match more(event, request, &progress, right, self.snapshots.as_ref()).await {
            More::Nothing => {}
            More::Something => progress = afresh(progress),
            More::Barred => return Attempted { progress, next: Next::Stopped, result: None, failed: None },
            More::Unread(failure) => return self.unprepared(event, progress, &[failure], false),
        }
        let steps = match progress.prepared.clone() {
            Some(steps) => Ok(steps),
            None => Box::pin(self.prepare(event, request, is_new, &world)).await,
        };
        let steps = match steps {
            Ok(steps) => steps,
            Err(failures) => return self.unprepared(event, progress, &failures, is_new),
        };
        progress.prepared = Some(steps.clone());
        let prepared = match Prepared::resumed(&steps, &self.roster, &progress) {
            Ok(prepared) => prepared,
            Err(failures) => return refused(event, progress, &failures, is_new),
        };
        let (policy, steps) = (self.policy, &steps.digest);
        let attempt = Attempt { event, prepared: &prepared, steps, graph, policy, guarded, world };
        match (request.mode, &request.expected_plan) {
            (Mode::Apply, Some(expected)) if progress.approved == Some(false) => {
                attempt.compare_plan(expected, progress, right).await
            }
            (Mode::Apply, _) if prepared.has_work() && is_unbegun(event, &progress) => {
                attempt.begin(progress, recorder, right).await
            }
            (Mode::Apply, _) => attempt.apply(progress, recorder, right).await,
            (Mode::Plan, _) => attempt.plan(progress).await,
        }
    }

    /// Plans what is left of an event's workflow, whatever mode the event requests.
    pub async fn plan(&self, event: &Event, request: &PersonRequest, progress: Progress) -> Attempted {
        // The person who plans is present and can look again: nothing is postponed.
        let policy = RetryPolicy { max_attempts: 1, ..self.policy };
        let planned = async {
            let graph = self.graph(event)?;
            let guarded = self.guarded(event);
            let world = guarded.world(graph);
            let (known, fresh) =
                (progress.prepared.clone(), || Box::pin(self.prepare(event, request, true, &world)));
            let steps = if let Some(steps) = known { steps } else { fresh().await? };
            let prepared = Prepared::resumed(&steps, &self.roster, &progress)?;
            let steps = &steps.digest;
            let attempt = Attempt { event, prepared: &prepared, steps, graph, policy, guarded, world };
            Ok::<_, Vec<Failure>>(attempt.plan(progress.clone()).await)
        };
        let planned = planned.await;
        planned.unwrap_or_else(|failures| refused(event, progress, &failures, true))
    }

    /// Whom no run changes in the tenant of an event, and to which domains outside mail may go.
    fn guarded(&self, event: &Event) -> Guarded {
        let found = self.tenants.find(event.tenant.as_deref()).ok();
        let tenant = found.map(|(name, _)| name).unwrap_or_default();
        let protection = self.protections.get(tenant).cloned().unwrap_or_default();
        let outside = self.mail.get(tenant).map(|mail| mail.outside_domains.clone()).unwrap_or_default();
        Guarded { tenant: tenant.to_owned(), protection, outside }
    }

    /// The progress of a run whose steps were prepared here, as its message carries it.
    pub fn carried(&self, event: &Event, progress: &Progress) -> Option<RunProgress> {
        let definition = self.definitions.get(workflow_of(event))?;
        let workflow =
            WorkflowVersion { name: definition.name.clone(), digest: digest::of_definition(definition) };
        Some(RunProgress { run_id: event.run_id(), workflow, progress: progress.clone() })
    }

    fn graph(&self, event: &Event) -> Result<&Client, Vec<Failure>> {
        let found = self.tenants.find(event.tenant.as_deref());
        found.map(|(_, graph)| graph).map_err(|failure| vec![failure])
    }

    /// What comes after steps could not be made. If time may help, the run is tried again.
    fn unprepared(&self, event: &Event, progress: Progress, failures: &[Failure], is_new: bool) -> Attempted {
        let retry = failures.iter().find(|failure| failure.class == Class::Retry);
        let delay = retry.and_then(|failure| {
            self.policy.delay_after(progress.attempt, failure.retry_after, spread(event))
        });
        let (Some(failure), Some(delay)) = (retry, delay) else {
            return refused(event, progress, failures, is_new);
        };
        let at = Timestamp::now().checked_add(delay).unwrap_or(Timestamp::MAX);
        let next = Next::Resume { at, because: Because::Retry(failure.clone()) };
        let progress = Progress { attempt: progress.attempt.saturating_add(1), ..progress };
        Attempted { progress, next, result: None, failed: None }
    }
}

/// Where in the spread of a delay a run lies. Any even spread will do: the run's id is one, and needs no source of
/// randomness.
fn spread(event: &Event) -> f64 {
    f64::from(event.run_id().as_fields().0) / f64::from(u32::MAX)
}

/// One attempt at one run.
struct Attempt<'a> {
    event: &'a Event,
    prepared: &'a Prepared<'a, World>,
    /// The digest of the steps.
    steps: &'a str,
    graph: &'a Client,
    policy: RetryPolicy,
    guarded: Guarded,
    /// What the attempt acts on, with what was read to prepare it.
    world: World,
}

/// What no event decides.
struct Guarded {
    tenant: String,
    protection: Arc<Protection>,
    /// Domains outside to which mail may go.
    outside: Vec<String>,
}

impl Guarded {
    /// The tenant of this client, where nobody is protected.
    fn world(&self, graph: &Client) -> World {
        World::of(graph).mailing_to(&self.outside)
    }
}

impl Attempt<'_> {
    /// With the plan comes why nothing of it could be applied.
    async fn plan(&self, progress: Progress) -> Attempted {
        let ((planned, next), refusals) = join(self.look(progress.clone()), self.refusals(&progress)).await;
        let plan = || RunPlanned { refusals, ..self.planned(&planned) };
        let result = (next == Next::Over).then(|| plan().into());
        Attempted { progress: planned, next, result, failed: None }
    }

    /// Why the run could not begin: the tenant may only be read, or somebody whom it changes is protected.
    async fn refusals(&self, progress: &Progress) -> Vec<PlanRefusal> {
        let mut refusals = Vec::new();
        if self.graph.access() == Access::Read {
            let tenant = &self.guarded.tenant;
            let why = format!("the setting tenants.{tenant}.access is `read`, so nothing is written there");
            refusals.push(PlanRefusal::new("access_read_only", why));
        }
        let world = self.guarded.world(self.graph).guarded(&self.guarded.protection, &progress.released);
        if let (_, Next::Refused(failure)) =
            self.engine(Mode::Apply, &world).begin(progress.clone(), &()).await
        {
            refusals.push(PlanRefusal { code: failure.code, message: failure.message });
        }
        refusals
    }

    /// Looks at the tenant. The run is stored with what it has seen before it writes anything: a lost worker repeats
    /// what it does from there, with the same steps for the same people. A run whose date is to come sleeps until then.
    ///
    /// A lock-out goes on at once: to repeat it does no harm.
    async fn begin(self, progress: Progress, recorder: &dyn Recorder, right: &dyn Right) -> Attempted {
        let (mut progress, next) = self.engine(Mode::Apply, &self.world).begin(progress, recorder).await;
        progress.protected = self.world.refused();
        if matches!(next, Next::Over | Next::Refused(_) | Next::Interrupted) {
            return self.attempted(progress, next);
        }
        if let Some(start) = pending_until(self.event, &progress, Timestamp::now()) {
            return self.sleep(progress, start, right).await;
        }
        progress.first_sight = Some(self.server_time());
        if self.event.kind == EventKind::AccessRevoke {
            return self.apply(progress, recorder, right).await;
        }
        Attempted { progress, next, result: None, failed: None }
    }

    /// Nothing is kept but who and what is meant: when the run wakes, it begins.
    async fn sleep(&self, progress: Progress, start: Start, right: &dyn Right) -> Attempted {
        if !right.announce(&progress).await {
            return Attempted { progress, next: Next::Stopped, result: None, failed: None };
        }
        let because = Because::Wait { stage: start.stage.clone(), retry: None };
        let next = Next::Resume { at: start.at, because };
        self.attempted(effective::asleep(progress, start), next)
    }

    fn server_time(&self) -> Timestamp {
        let ours = || Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
        self.graph.server_time().unwrap_or_else(ours)
    }

    /// Resumes only if the tenant still needs the plan that the publisher approved.
    async fn compare_plan(&self, expected: &str, progress: Progress, right: &dyn Right) -> Attempted {
        let (planned, next) = self.look(progress.clone()).await;
        if next != Next::Over {
            return Attempted { progress: planned, next, result: None, failed: None };
        }
        let found = digest::of_plan(self.steps, &planned.steps);
        if found == expected {
            if let Some(start) = pending_until(self.event, &progress, Timestamp::now()) {
                let progress = Progress { people: planned.people, ..progress };
                return self.sleep(progress, start, right).await;
            }
            let next = Next::Resume { at: Timestamp::now(), because: Because::Begins };
            // The plan was approved for these people.
            let progress = Progress {
                people: planned.people,
                approved: Some(true),
                first_sight: Some(self.server_time()),
                ..progress
            };
            return Attempted { progress, next, result: None, failed: None };
        }
        let detail = format!("the plan has changed and is {found} now; look at it again with mode `plan`");
        refused(self.event, progress, &[Failure::rejected("plan_changed", detail)], true)
    }

    /// Acts, if it has the right to: nothing is written without.
    async fn apply(
        mut self,
        mut progress: Progress,
        recorder: &dyn Recorder,
        right: &dyn Right,
    ) -> Attempted {
        let Some(fence) = right.take(&progress).await else {
            return Attempted { progress, next: Next::Stopped, result: None, failed: None };
        };
        progress.ledger_unread |= right.is_unread();
        self.world = self.world.fenced(fence);
        let (mut progress, next) = self.engine(Mode::Apply, &self.world).advance(progress, recorder).await;
        progress.protected = self.world.refused();
        self.attempted(progress, next)
    }

    /// What follows from how far a run came.
    fn attempted(&self, progress: Progress, next: Next) -> Attempted {
        let (result, failed) = match &next {
            Next::Refused(failure) => {
                let workflow = Some(workflow_of(self.event).to_owned());
                let result = RunFinished {
                    workflow,
                    failure: Some(failure.clone()),
                    ..finished(self.event, &progress)
                };
                (Some(result.into()), Some(Failed { step: None, failure: failure.clone() }))
            }
            Next::Over => {
                let failed = decisive(&progress.steps).and_then(|record| {
                    let (step, failure) = (record.finished.step.clone(), record.finished.failure.clone()?);
                    Some(Failed { step: Some(step), failure })
                });
                let result = RunFinished {
                    workflow: Some(workflow_of(self.event).to_owned()),
                    state: state(&progress.steps, self.prepared.is_complete(&progress)),
                    failure: failed.as_ref().map(|failed| failed.failure.clone()),
                    ..finished(self.event, &progress)
                };
                // What the publisher got wrong, a replay would get wrong again. Such a run has written nothing.
                let failed = failed.filter(|failed| failed.failure.class != Class::Rejected);
                (Some(result.into()), failed)
            }
            Next::Resume { at, because: Because::Wait { stage, .. } } => {
                (waiting(self.event, self.prepared, stage, *at, &progress).map(ResultData::from), None)
            }
            Next::Resume { .. } | Next::Stopped | Next::Interrupted => (None, None),
        };
        Attempted { progress, next, result, failed }
    }

    /// Plans. An attempt that has to be repeated plans everything afresh: nothing was written, so nothing is lost.
    async fn look(&self, progress: Progress) -> (Progress, Next) {
        let world = self.guarded.world(self.graph);
        let (mut planned, next) = self.engine(Mode::Plan, &world).advance(progress, &()).await;
        if next != Next::Over {
            planned.steps.clear();
        }
        (planned, next)
    }

    fn engine<'b>(&'b self, mode: Mode, world: &'b World) -> Run<'b, World> {
        let (prepared, policy, spread) = (self.prepared, self.policy, spread(self.event));
        let dates = effective::dates(self.event);
        Run { prepared, world, mode, policy, spread, clock: &Timestamp::now, dates }
    }

    fn planned(&self, progress: &Progress) -> RunPlanned {
        let dates = effective::dates(self.event);
        let planned = |record: &Record| {
            let stage = record.finished.stage.as_str();
            let after = self.prepared.after(stage).map(|after| after.duration().as_secs());
            PlannedStep { starts_at: self.prepared.starts_at(stage, dates), ..PlannedStep::of(record, after) }
        };
        RunPlanned {
            run_id: self.event.run_id(),
            workflow: workflow_of(self.event).to_owned(),
            steps: progress.steps.iter().map(planned).collect(),
            digest: digest::of_plan(self.steps, &progress.steps),
            effective_at: dates.effective,
            late_by_seconds: effective::late_by_seconds(self.event, progress),
            refusals: Vec::new(),
        }
    }
}

/// The end of a run that cannot be prepared. The event is at fault only if it is new: a run that has begun, or that
/// another worker may have begun, was prepared before, so an operator has removed something, and the run is set aside
/// with its progress.
fn refused(event: &Event, progress: Progress, failures: &[Failure], is_new: bool) -> Attempted {
    let messages: Vec<_> = failures.iter().map(|failure| failure.message.as_str()).collect();
    let failure = failures.first().map(|first| Failure { message: messages.join("; "), ..first.clone() });
    let is_rejected =
        is_new && progress.replays == 0 && !progress.uncounted_writes && failures.iter().all(is_publishers);
    let (state, failure) = match failure {
        Some(failure) if !is_rejected => (State::Failed, Some(for_operator(failure))),
        failure => (State::Rejected, failure),
    };
    let result = RunFinished {
        workflow: Some(workflow_of(event).to_owned()),
        state,
        failure: failure.clone(),
        ..finished(event, &progress)
    };
    let failed =
        failure.filter(|failure| !is_publishers(failure)).map(|failure| Failed { step: None, failure });
    Attempted { progress, next: Next::Over, result: Some(result.into()), failed }
}

fn is_publishers(failure: &Failure) -> bool {
    failure.class == Class::Rejected
}

fn for_operator(failure: Failure) -> Failure {
    let message =
        format!("the run cannot be prepared: {}; correct this, then replay the dead letter", failure.message);
    Failure { message, ..failure }.blocked()
}

/// The result of a run that ends now, as far as its progress tells it: a failed one.
pub fn finished(event: &Event, progress: &Progress) -> RunFinished {
    RunFinished {
        started_at: progress.first_seen,
        attempts: progress.attempt,
        steps: progress.steps.iter().map(|record| record.finished.clone()).collect(),
        late_by_seconds: effective::late_by_seconds(event, progress),
        ledger: ledger_word(progress),
        ..RunFinished::of_nothing(event.run_id(), State::Failed, Timestamp::now(), progress.replays)
    }
}

pub(super) fn ledger_word(progress: &Progress) -> Option<LedgerWord> {
    progress.ledger_unread.then_some(LedgerWord::Unread)
}
