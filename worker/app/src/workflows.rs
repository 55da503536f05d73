//! Running an event's workflow: the wire on one side, the engine on the other.

use std::time::Duration;

use jiff::Timestamp;
use messages::{Event, RunFinished, RunPlanned, RunState, RunWaiting, WorkflowVersion};
use msgraph::Client;
use serde_json::{Map, Value, json};
use workflow::progress::decisive;
use workflow::run::Run;
use workflow::step::BoxFuture;
use workflow::{
    Class, Definition, Definitions, Failure, Interrupted, Mode, Next, Outcome, Prepared, Progress, Record,
    Recorder, RetryPolicy, Roster, digest, prepare, state,
};

use crate::tenants::Tenants;
use crate::wire;

/// Everything a run needs that does not depend on the event.
pub struct Workflows {
    /// Where to work.
    pub tenants: Tenants,
    /// What there is to run.
    pub definitions: Definitions,
    /// What steps there are.
    pub roster: Roster<Client>,
    /// When to look again.
    pub policy: RetryPolicy,
}

/// What comes of an attempt at a run.
pub enum Conclusion {
    /// The run is over.
    Finished {
        /// Its result.
        result: RunFinished,
        /// What to set aside, if somebody has to act before it can go on.
        dead: Option<Box<Dead>>,
    },
    /// A plan was asked for and made.
    Planned(RunPlanned),
    /// The run goes on from its progress, not before `after`.
    Later {
        /// What to carry.
        progress: messages::Progress,
        /// How long to wait.
        after: Duration,
        /// The code of the failure that time is to mend, or of the pause.
        because: String,
    },
    /// The run sleeps: one of its steps or stages waits.
    Asleep {
        /// What to carry.
        progress: messages::Progress,
        /// When it goes on, no earlier.
        until: Timestamp,
        /// What is told of it; nothing if only what failed is left, and its wait has been told.
        waiting: Option<RunWaiting>,
        /// The code of a failure that time is to mend meanwhile.
        because: Option<String>,
    },
    /// Nobody could be told how far it came.
    Interrupted(Progress),
}

/// A run that is set aside.
pub struct Dead {
    /// Why.
    pub failure: Failure,
    /// The step that failed.
    pub step: String,
    /// How far it came, so that a replay goes on from there.
    pub progress: messages::Progress,
}

/// Where the plan of a run stands before it applies anything.
const PLAN_ACCEPTED: &str = "plan_accepted";

impl Workflows {
    /// Runs an event's workflow from `progress`, or from the start.
    pub async fn run(
        &self,
        event: &Event,
        replays: u32,
        progress: Option<Progress>,
        recorder: &dyn Recorder,
    ) -> Conclusion {
        let is_new = progress.is_none();
        let progress = progress.unwrap_or_else(|| Progress { replays, ..Progress::new(Timestamp::now()) });
        let (definition, graph, prepared) = match self.prepare(event) {
            Ok(ready) => ready,
            Err(failures) => return rejected(event, &progress, &failures),
        };
        let attempt = Attempt { event, definition, prepared: &prepared, graph, policy: self.policy };
        match event.data.mode {
            messages::Mode::Plan => attempt.plan(progress).await,
            messages::Mode::Apply => match &event.data.expected_plan {
                Some(expected) if is_new => attempt.compare_plan(expected, progress).await,
                _ => attempt.apply(progress, recorder).await,
            },
        }
    }

    /// Plans an event's workflow, whatever mode the event asks for.
    pub async fn plan(&self, event: &Event) -> Conclusion {
        let progress = Progress::new(Timestamp::now());
        match self.prepare(event) {
            Ok((definition, graph, prepared)) => {
                // Whoever plans is there and can look again: nothing is put off.
                let policy = RetryPolicy { max_attempts: 1, ..self.policy };
                Attempt { event, definition, prepared: &prepared, graph, policy }.plan(progress).await
            }
            Err(failures) => rejected(event, &progress, &failures),
        }
    }

    fn prepare<'a>(
        &'a self,
        event: &Event,
    ) -> Result<(&'a Definition, &'a Client, Prepared<'a, Client>), Vec<Failure>> {
        let (tenant, graph) = self.tenants.find(event.tenant.as_deref()).map_err(|failure| vec![failure])?;
        let definition = self.definitions.get(event.workflow()).ok_or_else(|| {
            let known: Vec<_> = self.definitions.iter().map(|definition| definition.name.as_str()).collect();
            let detail = format!("there is no workflow `{}`; known: {}", event.workflow(), known.join(", "));
            vec![Failure::rejected("unknown_workflow", detail)]
        })?;
        let prepared = prepare(definition, &self.roster, variables(event, tenant))?;
        Ok((definition, graph, prepared))
    }
}

/// What templates may use.
fn variables(event: &Event, tenant: &str) -> Map<String, Value> {
    let about = json!({
        "id": event.id,
        "source": event.source,
        "type": event.kind.event_type(),
        "time": event.time.to_string(),
        "subject": event.subject,
    });
    let to_value = |value: serde_json::Result<Value>| value.unwrap_or_default();
    Map::from_iter([
        ("event".to_owned(), about),
        ("tenant".to_owned(), json!({ "name": tenant })),
        ("person".to_owned(), to_value(serde_json::to_value(&event.data.person))),
        ("manager".to_owned(), to_value(serde_json::to_value(&event.data.manager))),
        ("parameters".to_owned(), Value::Object(event.data.parameters.clone())),
    ])
}

/// One attempt at one run.
struct Attempt<'a> {
    event: &'a Event,
    definition: &'a Definition,
    prepared: &'a Prepared<'a, Client>,
    graph: &'a Client,
    policy: RetryPolicy,
}

impl Attempt<'_> {
    async fn plan(&self, progress: Progress) -> Conclusion {
        match self.advance(Mode::Plan, progress, &NoOne).await {
            Next::Over(progress) => Conclusion::Planned(self.planned(&progress)),
            // Nothing was written, so nothing is lost: the next attempt plans everything afresh.
            Next::Later { after, progress, because } => {
                self.later(after, &Progress { records: Vec::new(), ..progress }, because.code)
            }
            Next::Asleep { until, stage, progress, because } => self.asleep(until, stage, &progress, because),
            Next::Interrupted(progress) => Conclusion::Interrupted(progress),
        }
    }

    /// Goes on only if the tenant still asks for the plan that somebody agreed to. The answer is carried as
    /// progress before anything is written: once half of a plan is done, the rest of it is another plan.
    async fn compare_plan(&self, expected: &str, progress: Progress) -> Conclusion {
        match self.advance(Mode::Plan, progress.clone(), &NoOne).await {
            Next::Over(planned) if digest::of_plan(self.prepared, &planned.records) == expected => {
                self.later(Duration::ZERO, &progress, PLAN_ACCEPTED.to_owned())
            }
            Next::Over(planned) => {
                let found = digest::of_plan(self.prepared, &planned.records);
                let detail = format!("the plan is {found} by now; look at it again with mode `plan`");
                rejected(self.event, &progress, &[Failure::rejected("plan_changed", detail)])
            }
            Next::Later { after, progress, because } => {
                self.later(after, &Progress { records: Vec::new(), ..progress }, because.code)
            }
            Next::Asleep { until, stage, progress, because } => self.asleep(until, stage, &progress, because),
            Next::Interrupted(progress) => Conclusion::Interrupted(progress),
        }
    }

    async fn apply(&self, progress: Progress, recorder: &dyn Recorder) -> Conclusion {
        match self.advance(Mode::Apply, progress, recorder).await {
            Next::Over(progress) => self.finished(&progress),
            Next::Later { after, progress, because } => self.later(after, &progress, because.code),
            Next::Asleep { until, stage, progress, because } => self.asleep(until, stage, &progress, because),
            Next::Interrupted(progress) => Conclusion::Interrupted(progress),
        }
    }

    async fn advance(&self, mode: Mode, progress: Progress, recorder: &dyn Recorder) -> Next {
        // Any even spread will do; the run's id is one, and needs no source of chance.
        let spread = f64::from(self.event.run_id().as_fields().0) / f64::from(u32::MAX);
        let (prepared, world, policy) = (self.prepared, self.graph, self.policy);
        let run = Run { prepared, world, mode, policy, spread, clock: &Timestamp::now };
        run.advance(progress, recorder).await
    }

    fn finished(&self, progress: &Progress) -> Conclusion {
        let failed = decisive(&progress.records);
        let failure = failed.and_then(|record| match &record.outcome {
            Outcome::Failed(failure) => Some((record, failure)),
            _ => None,
        });
        let result = RunFinished {
            workflow: Some(self.definition.name.clone()),
            state: wire::run_state(state(&progress.records, self.prepared.is_complete(progress))),
            failure: failure.map(|(_, failure)| wire::failure(failure)),
            ..result(self.event, progress)
        };
        // What the publisher got wrong a replay would get wrong again.
        let for_others = failure.filter(|(_, failure)| failure.class != Class::Rejected);
        let dead = for_others.map(|(record, failure)| {
            let (failure, step) = (failure.clone(), record.step.clone());
            Box::new(Dead { failure, step, progress: self.carried(progress) })
        });
        Conclusion::Finished { result, dead }
    }

    fn planned(&self, progress: &Progress) -> RunPlanned {
        RunPlanned {
            run_id: self.event.run_id(),
            workflow: self.definition.name.clone(),
            steps: progress
                .records
                .iter()
                .map(|record| wire::planned_step(record, self.prepared.after(&record.stage)))
                .collect(),
            digest: digest::of_plan(self.prepared, &progress.records),
        }
    }

    fn later(&self, after: Duration, progress: &Progress, because: String) -> Conclusion {
        Conclusion::Later { progress: self.carried(progress), after, because }
    }

    fn asleep(
        &self,
        until: Timestamp,
        stage: String,
        progress: &Progress,
        because: Option<Failure>,
    ) -> Conclusion {
        let steps: Vec<_> = progress.open_waits(&stage).map(wire::waiting_step).collect();
        let starts = progress.starts.iter().any(|start| start.stage == stage && start.at == until);
        let waiting = RunWaiting {
            run_id: self.event.run_id(),
            workflow: self.definition.name.clone(),
            stage,
            until,
            sleeps: progress.sleeps,
            replays: progress.replays,
            steps,
        };
        let waiting = Some(waiting).filter(|waiting| starts || !waiting.steps.is_empty());
        let because = because.map(|failure| failure.code);
        Conclusion::Asleep { progress: self.carried(progress), until, waiting, because }
    }

    fn carried(&self, progress: &Progress) -> messages::Progress {
        let digest = digest::of_definition(self.definition);
        let workflow = WorkflowVersion { name: self.definition.name.clone(), digest };
        wire::progress_out(self.event.run_id(), workflow, progress)
    }
}

fn rejected(event: &Event, progress: &Progress, failures: &[Failure]) -> Conclusion {
    let messages: Vec<_> = failures.iter().map(|failure| failure.message.as_str()).collect();
    let failure = failures.first().map(|first| Failure { message: messages.join("; "), ..first.clone() });
    let result = RunFinished {
        workflow: Some(event.workflow().to_owned()),
        state: RunState::Rejected,
        failure: failure.as_ref().map(wire::failure),
        ..result(event, progress)
    };
    Conclusion::Finished { result, dead: None }
}

fn result(event: &Event, progress: &Progress) -> RunFinished {
    RunFinished {
        run_id: event.run_id(),
        workflow: None,
        state: RunState::Failed,
        started_at: progress.first_seen,
        finished_at: Timestamp::now(),
        attempts: progress.attempt,
        replays: progress.replays,
        steps: progress.records.iter().map(wire::finished_step).collect(),
        failure: None,
        violations: Vec::new(),
    }
}

/// For plans, whose steps are no news.
struct NoOne;

impl Recorder for NoOne {
    fn recorded<'a>(&'a self, _: &'a [Record]) -> BoxFuture<'a, Result<(), Interrupted>> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use workflow::{Call, Report, Step};

    /// A step with a defect.
    struct Panics;

    impl Step<Client> for Panics {
        fn name(&self) -> &'static str {
            "panics"
        }

        fn defaults(&self) -> &'static [(&'static str, &'static str)] {
            &[]
        }

        fn schema(&self) -> Value {
            json!({ "type": "object" })
        }

        fn check(&self, _: &Value) -> Result<(), Failure> {
            Ok(())
        }

        fn run<'a>(&'a self, _: Call<'a, Client>) -> BoxFuture<'a, Report> {
            Box::pin(async { panic!("a defect") })
        }
    }

    /// A step that waits until it is given back what it knew.
    struct Waits;

    impl Step<Client> for Waits {
        fn name(&self) -> &'static str {
            "waits"
        }

        fn defaults(&self) -> &'static [(&'static str, &'static str)] {
            &[]
        }

        fn schema(&self) -> Value {
            json!({ "type": "object" })
        }

        fn check(&self, _: &Value) -> Result<(), Failure> {
            Ok(())
        }

        fn run<'a>(&'a self, call: Call<'a, Client>) -> BoxFuture<'a, Report> {
            let wait = workflow::Wait {
                after: Duration::ZERO,
                at_most: Duration::from_secs(60),
                reason: "a job".to_owned(),
                memo: json!({ "job": 7 }),
            };
            let outcome = match call.memo {
                Some(memo) if *memo == wait.memo => Outcome::Unchanged,
                _ => Outcome::Waiting { changes: vec!["begin the job".to_owned()], wait },
            };
            Box::pin(async { Report::of(outcome) })
        }
    }

    fn workflows(yaml: &str) -> Workflows {
        let settings = msgraph::Settings {
            graph_url: "http://127.0.0.1:1".into(),
            login_url: "http://127.0.0.1:1".into(),
            ..msgraph::Settings::new("t", "c", String::new().into())
        };
        let client = Client::new(settings, std::sync::Arc::new(())).unwrap();
        let steps: [Box<dyn Step<Client>>; 2] = [Box::new(Panics), Box::new(Waits)];
        let roster = Roster::new(steps);
        Workflows {
            tenants: Tenants::of([("contoso".to_owned(), client)]),
            definitions: Definitions::read("w.yaml", yaml, &roster).unwrap(),
            roster,
            policy: RetryPolicy::default(),
        }
    }

    fn event(workflow: &str) -> Event {
        let event = json!({
            "specversion": "1.0", "id": "1", "source": "/hr", "type": "gatehouse.offboarding.requested.v1",
            "time": "2026-03-02T09:00:00Z",
            "data": { "person": { "upn": "ada@contoso.example" }, "workflow": workflow },
        });
        let body = event.to_string();
        let content_type = Some(messages::CLOUDEVENT_CONTENT_TYPE);
        messages::decode(&messages::Incoming { content_type, headers: &[], body: body.as_bytes() }).unwrap()
    }

    #[tokio::test]
    async fn a_panic_is_set_aside_with_its_progress_and_a_reason() {
        let workflows = workflows("w: { stages: [{ name: a, steps: [panics] }] }");
        let Conclusion::Finished { result, dead: Some(dead) } =
            workflows.run(&event("w"), 0, None, &NoOne).await
        else {
            panic!("should be set aside")
        };
        assert_eq!((result.state, dead.failure.code.as_str()), (RunState::Partial, "internal"));
        assert_eq!((dead.step.as_str(), dead.progress.steps.len()), ("panics", 1));
    }

    #[tokio::test]
    async fn what_the_publisher_got_wrong_is_no_dead_letter() {
        let workflows = workflows("w: { stages: [] }");
        let Conclusion::Finished { result, dead } = workflows.run(&event("nobody"), 0, None, &NoOne).await
        else {
            panic!("should be over")
        };
        assert!(dead.is_none());
        assert_eq!(result.state, RunState::Rejected);
        assert_eq!(result.failure.unwrap().message, "there is no workflow `nobody`; known: w");
    }

    #[tokio::test]
    async fn a_run_that_sleeps_says_so_and_wakes_with_what_it_knew() {
        let workflows = workflows(
            "w: { stages: [{ name: a, steps: [waits] }, { name: b, after: 30d, steps: [waits] }] }",
        );
        let pause = async |progress| {
            let Conclusion::Asleep { progress, waiting: Some(waiting), until, .. } =
                workflows.run(&event("w"), 0, progress, &NoOne).await
            else {
                panic!("should sleep")
            };
            let event = event("w");
            let continuation = messages::Continuation { event, progress }.to_bytes().unwrap();
            let progress = messages::Continuation::from_bytes(&continuation).unwrap().progress;
            (wire::progress_in(&progress), waiting, until)
        };
        let (progress, first, _) = pause(None).await;
        assert_eq!((first.stage.as_str(), first.sleeps, first.steps.len()), ("a", 1, 1));
        assert_eq!(first.steps[0].changes, ["begin the job"]);
        let (progress, second, until) = pause(Some(progress)).await;
        assert_eq!((second.stage.as_str(), second.sleeps, second.steps.len()), ("b", 2, 0));
        assert!(until > Timestamp::now() + jiff::SignedDuration::from_hours(29 * 24));
        let done: Vec<_> =
            progress.records.iter().map(|record| (record.outcome.kind(), record.changes)).collect();
        assert_eq!(done, [(workflow::OutcomeKind::Changed, 1)], "what was done before the wait counts");
        let id = |waiting: &RunWaiting| {
            let data = messages::ResultData::RunWaiting(waiting.clone());
            messages::ResultEvent::new(messages::Cause::default(), Timestamp::now(), data).id
        };
        assert_ne!(id(&first), id(&second));
    }

    #[tokio::test]
    async fn a_plan_shows_the_delay_and_its_digest_covers_it() {
        let digests = ["30d", "31d"].map(async |after| {
            let yaml = format!("w: {{ stages: [{{ name: a, after: {after}, steps: [waits] }}] }}");
            let Conclusion::Planned(plan) = workflows(&yaml).plan(&event("w")).await else {
                panic!("a plan never waits")
            };
            assert_eq!(plan.steps[0].outcome, messages::Outcome::Waiting);
            (plan.steps[0].after_seconds, plan.digest)
        });
        let [thirty, thirty_one] = digests;
        let ((thirty, one), (thirty_one, other)) = (thirty.await, thirty_one.await);
        assert_eq!((thirty, thirty_one), (Some(30 * 86_400), Some(31 * 86_400)));
        assert_ne!(one, other);
    }
}
