//! Runs seen through their attempts: what is reported, carried and set aside.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actions::World;
use jiff::Timestamp;
use ledger::Timing;
use messages::{Event, ResultData, RunWaiting};
use msgraph::{Client as Graph, Fence};
use outcome::{Class, Failure, Outcome, Progress, State};
use serde_json::{Value, json};
use workflow::step::BoxFuture;
use workflow::{Answer, Because, Call, Definitions, Next, Report, RetryPolicy, Roster, Step};

use super::attempt::{Attempted, Workflows};
use super::brake::Brakes;
use super::prepare::variables::variables;
use super::right::Right;
use super::turns::{Turn, Turns};
use crate::delivery::publishers::Publishers;
use crate::delivery::work::Work;
use crate::ledger::client::Client;
use crate::ledger::log::Stream;
use crate::tenants::Tenants;
use crate::tenants::clock::Clock;

/// Lets every run act.
pub(super) struct Always;

impl Right for Always {
    fn take<'a>(&'a self, _: &'a Progress) -> BoxFuture<'a, Option<Arc<dyn Fence>>> {
        Box::pin(async { Some(Arc::new(Self) as Arc<dyn Fence>) })
    }

    fn announce<'a>(&'a self, _: &'a Progress) -> BoxFuture<'a, bool> {
        Box::pin(async { true })
    }
}

impl Fence for Always {
    fn may_send(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { true })
    }
}

/// A step with a defect.
struct Panics;

impl Step<World> for Panics {
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

    fn run<'a>(&'a self, _: Call<'a, World>) -> BoxFuture<'a, Report> {
        Box::pin(async { panic!("a defect") })
    }
}

/// A step that waits until it is given back what it knew.
struct Waits;

impl Step<World> for Waits {
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

    fn run<'a>(&'a self, call: Call<'a, World>) -> BoxFuture<'a, Report> {
        let wait = workflow::Wait {
            after: Duration::ZERO,
            at_most: Duration::from_secs(60),
            reason: "a job".to_owned(),
            memo: json!({ "job": 7 }),
        };
        let answer = match call.memo {
            Some(memo) if *memo == wait.memo => Answer::Unchanged,
            _ => Answer::Waiting { changes: vec!["begin the job".to_owned()], wait },
        };
        Box::pin(async { Report::of(answer) })
    }
}

/// When the events were made.
pub(super) const TIME: &str = "2026-03-02T09:00:00Z";

/// The client of a tenant that nobody answers for.
pub(super) fn nowhere() -> Graph {
    let settings = msgraph::Settings {
        graph_url: "http://127.0.0.1:1".into(),
        login_url: "http://127.0.0.1:1".into(),
        ..msgraph::Settings::new("t", "c", String::new().into())
    };
    Graph::new(settings, std::sync::Arc::new(())).unwrap()
}

pub(super) fn workflows(yaml: &str) -> Workflows {
    let client = nowhere();
    let steps: [Box<dyn Step<World>>; 2] = [Box::new(Panics), Box::new(Waits)];
    let roster = Roster::new(steps);
    Workflows {
        tenants: Tenants::of([("contoso".to_owned(), client)]),
        protections: BTreeMap::new(),
        mail: BTreeMap::new(),
        definitions: Definitions::read("w.yaml", yaml, &roster).unwrap(),
        roster,
        takes: std::collections::BTreeMap::new(),
        limits: workflow::Limits { list: 200, all_lists: 2_000 },
        snapshots: None,
        policy: RetryPolicy::default(),
    }
}

fn event(workflow: &str) -> Event {
    event_with(json!({ "person": { "upn": "ada@contoso.example" }, "workflow": workflow }))
}

pub(super) fn event_with(data: Value) -> Event {
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "/hr", "type": "gatehouse.offboarding.requested.v1",
        "time": TIME, "data": data,
    });
    let body = event.to_string();
    let content_type = Some(messages::CLOUDEVENT_CONTENT_TYPE);
    messages::decode(&messages::Incoming {
        content_type,
        routing_key: None,
        headers: &[],
        body: body.as_bytes(),
    })
    .unwrap()
}

pub(super) fn requested(event: &Event) -> messages::PersonRequest {
    match &event.request {
        messages::Request::Person(request) => (**request).clone(),
        messages::Request::Cancel(_) | messages::Request::Sync(_) => panic!("no person's request"),
    }
}

async fn run(workflows: &Workflows, event: &Event, progress: Option<Progress>) -> Attempted {
    let request = &requested(event);
    let is_new = progress.is_none();
    let progress = progress.unwrap_or_else(|| Progress::new(Timestamp::now()));
    let attempted = workflows.run(event, request, progress, is_new, &(), &Always).await;
    match attempted.next {
        // It has looked at the tenant, and is stored before it writes.
        Next::Resume { because: Because::Begins, .. } => {
            workflows.run(event, request, attempted.progress, false, &(), &Always).await
        }
        _ => attempted,
    }
}

#[tokio::test]
async fn a_panic_of_a_step_is_set_aside_with_its_progress_and_a_reason() {
    let workflows = workflows("w: { stages: [{ name: a, steps: [panics] }] }");
    let attempted = run(&workflows, &event("w"), None).await;
    let Some(ResultData::RunFinished(result)) = attempted.result else { panic!("should be over") };
    let failed = attempted.failed.unwrap();
    assert_eq!((result.state, failed.failure.code.as_str()), (State::Partial, "internal"));
    assert_eq!((failed.step.as_deref(), attempted.progress.steps.len()), (Some("panics"), 1));
}

#[tokio::test]
async fn a_rejected_run_is_no_dead_letter() {
    let workflows = workflows("w: { stages: [] }");
    let attempted = run(&workflows, &event("nobody"), None).await;
    let Some(ResultData::RunFinished(result)) = attempted.result else { panic!("should be over") };
    assert!(attempted.failed.is_none());
    assert_eq!(result.state, State::Rejected);
    assert_eq!(result.failure.unwrap().message, "there is no workflow `nobody`; known: w");
}

#[tokio::test]
async fn a_run_that_sleeps_reports_it_and_resumes_with_its_memo() {
    let workflows =
        workflows("w: { stages: [{ name: a, steps: [waits] }, { name: b, after: 30d, steps: [waits] }] }");
    let pause = async |progress| {
        let attempted = run(&workflows, &event("w"), progress).await;
        let Next::Resume { at, because: Because::Wait { .. } } = attempted.next else {
            panic!("should sleep: {:?}", attempted.next)
        };
        let Some(ResultData::RunWaiting(waiting)) = attempted.result else { panic!("should report it") };
        let event = event("w");
        let progress = workflows.carried(&event, &attempted.progress).unwrap();
        let continuation = messages::Continuation { event, progress }.to_bytes().unwrap();
        let progress = messages::Continuation::from_bytes(&continuation).unwrap().progress.progress;
        (progress, waiting, at)
    };
    let (progress, first, _) = pause(None).await;
    assert_eq!((first.stage.as_str(), first.sleeps, first.steps.len()), ("a", 1, 1));
    assert_eq!(first.steps[0].changes, ["begin the job"]);
    let (progress, second, until) = pause(Some(progress)).await;
    assert_eq!((second.stage.as_str(), second.sleeps, second.steps.len()), ("b", 2, 0));
    assert!(until > Timestamp::now() + jiff::SignedDuration::from_hours(29 * 24));
    let finished = progress.steps.iter().map(|record| &record.finished);
    let done: Vec<_> = finished.map(|step| (step.outcome, step.changes)).collect();
    assert_eq!(done, [(Outcome::Changed, 1)], "the writes before the wait count");
    let id = |waiting: &RunWaiting| {
        messages::ResultEvent::new(messages::Cause::default(), Timestamp::now(), waiting.clone()).id
    };
    assert_ne!(id(&first), id(&second));
}

#[tokio::test]
async fn a_plan_shows_the_delay_and_its_digest_covers_it() {
    let digests = ["30d", "31d"].map(async |after| {
        let yaml = format!("w: {{ stages: [{{ name: a, after: {after}, steps: [waits] }}] }}");
        let event = event("w");
        let (request, progress) = (&requested(&event), Progress::new(Timestamp::now()));
        let planned = workflows(&yaml).plan(&event, request, progress).await;
        let Some(ResultData::RunPlanned(plan)) = planned.result else { panic!("a plan never waits") };
        assert_eq!(plan.steps[0].outcome, Outcome::Waiting);
        (plan.steps[0].after_seconds, plan.digest)
    });
    let [thirty, thirty_one] = digests;
    let ((thirty, one), (thirty_one, other)) = (thirty.await, thirty_one.await);
    assert_eq!((thirty, thirty_one), (Some(30 * 86_400), Some(31 * 86_400)));
    assert_ne!(one, other);
}

/// Longer than any test takes.
const SPEAKS_AFTER: std::time::Duration = std::time::Duration::from_secs(3_600);

fn runs_of(workflows: Workflows) -> Arc<super::Runs> {
    let metrics = Arc::new(crate::operate::metrics::Metrics::new().unwrap());
    let broker = broker::Settings::new("amqp://localhost".to_owned().into(), Vec::new());
    let publishers = Publishers::new(BTreeMap::new(), broker.topology().unwrap(), None, 400);
    let brakes = Brakes::new(BTreeMap::new(), &workflows.tenants);
    let said = super::Said::new(broker.clone());
    let client = Client::new(Stream::new(broker), "worker".to_owned(), Timing::default());
    let turns = Arc::new(Turns::new(client, BTreeMap::new(), brakes, Clock::default(), Arc::clone(&metrics)));
    let seal = None;
    Arc::new(super::Runs { workflows, publishers, turns, said, speaks_after: SPEAKS_AFTER, seal, metrics })
}

/// The record of a step that has written something.
fn waited() -> outcome::Record {
    let finished = outcome::Finished {
        stage: "a".into(),
        step: "waits".into(),
        action: "waits".into(),
        outcome: Outcome::Changed,
        changes: 1,
        left: Vec::new(),
        failure: None,
        reason: None,
    };
    outcome::Record { finished, told: outcome::Told::default() }
}

/// The run of this event as its continuation, written by a worker with these workflows.
fn continuation_of(workflows: &Workflows, event: Event, progress: &Progress) -> broker::Message {
    let progress = workflows.carried(&event, progress).unwrap();
    let properties = broker::Properties {
        content_type: Some(messages::Continuation::CONTENT_TYPE.to_owned()),
        ..broker::Properties::default()
    };
    let body = messages::Continuation { event, progress }.to_bytes().unwrap();
    broker::Message { body, properties, origin: broker::Origin::Worker, ..broker::Message::default() }
}

#[tokio::test]
async fn a_run_that_can_no_longer_be_prepared_keeps_its_progress_and_a_replay_resumes_it() {
    const YAML: &str = "w: { stages: [{ name: a, steps: [waits] }, { name: b, steps: [waits] }] }";
    let mut progress = Progress::new(Timestamp::now());
    progress.record(waited());
    let event = |tenant: &str| {
        let mut event = event("w");
        event.tenant = Some(tenant.to_owned());
        event
    };
    let rows = [
        ("unknown_workflow", "v: { stages: [] }", "contoso"),
        ("unknown_tenant", YAML, "fabrikam"),
        (
            "template_failed",
            "w: { stages: [{ name: b, steps: [{ waits: { a: '{{ person.room }}' } }] }] }",
            "contoso",
        ),
    ];
    for (code, yaml, tenant) in rows {
        let now = workflows(yaml);
        let attempted = run(&now, &event(tenant), Some(progress.clone())).await;
        let Some(ResultData::RunFinished(result)) = &attempted.result else { panic!("{code}: no end") };
        let failure = result.failure.as_ref().unwrap();
        assert_eq!(
            (result.state, failure.class, failure.code.as_str()),
            (State::Failed, Class::Blocked, code)
        );
        assert_eq!(result.steps.len(), 1, "{code}");
        let runs = runs_of(now);
        let job = runs.decode(&continuation_of(&workflows(YAML), event(tenant), &progress)).unwrap();
        let failed = attempted.failed.unwrap();
        let aside = runs.set_aside(&job, failed, &attempted.progress, &broker::Properties::default());
        let replayed = messages::Continuation::from_bytes(&aside.next.unwrap().body).unwrap();
        assert_eq!(replayed.progress.progress.steps.len(), 1, "{code}: the dead letter has the progress");
        // The same at its first delivery is the event's mistake.
        let attempted = run(&runs.workflows, &event(tenant), None).await;
        let Some(ResultData::RunFinished(result)) = attempted.result else { panic!("{code}: no end") };
        assert_eq!((result.state, attempted.failed.is_some()), (State::Rejected, false), "{code}");
    }
    let attempted = run(&workflows(YAML), &event("contoso"), Some(progress)).await;
    assert_eq!(attempted.progress.waiting[0].stage, "b", "the replay skips what is done");
}

#[tokio::test]
async fn a_run_whose_progress_fits_into_no_message_reports_its_end() {
    use crate::delivery::outbox::Onward;

    let runs = runs_of(workflows("w: { stages: [{ name: a, steps: [waits] }] }"));
    let job = runs.decode(&message_of(&event("w"))).unwrap();
    let mut progress = Progress::new(Timestamp::now());
    let mut record = waited();
    record.finished.reason = Some("x".repeat(140_000));
    progress.record(record);
    let because = Because::Begins;
    let (turn, properties) = (Turn::of(&runs.turns, &job), broker::Properties::default());
    let outbox = runs.resume(&job, progress, (Timestamp::now(), &because), None, &properties, &turn);
    let ResultData::RunFinished(result) = &outbox.results[0].data else { panic!("no end") };
    let code = result.failure.as_ref().unwrap().code.as_str();
    assert_eq!((result.state, code, result.steps.len()), (State::Failed, "progress_too_large", 1));
    assert!(matches!(outbox.onward, Onward::SetAside(_)));
}

#[tokio::test]
async fn each_message_of_a_run_has_the_next_leg() {
    use crate::delivery::outbox::Onward;

    let runs = runs_of(workflows("w: { stages: [{ name: a, steps: [waits] }] }"));
    let job = runs.decode(&message_of(&event("w"))).unwrap();
    let (turn, properties) = (Turn::of(&runs.turns, &job), broker::Properties::default());
    let wait = || Because::Wait { stage: "a".to_owned(), retry: None };
    let retry = || Because::Retry(Failure::new(Class::Retry, "code", "message"));
    for because in [Because::Begins, retry(), wait()] {
        let progress = Progress { leg: 4, ..Progress::new(Timestamp::now()) };
        let outbox = runs.resume(&job, progress, (Timestamp::now(), &because), None, &properties, &turn);
        let Onward::Resume { next, .. } = outbox.onward else { panic!("no message") };
        let carried = messages::Continuation::from_bytes(&next.body).unwrap();
        assert_eq!(carried.progress.progress.leg, 5, "{because:?}");
    }
}

#[tokio::test]
async fn a_run_that_the_brake_holds_says_so_once_and_asks_again() {
    use crate::delivery::outbox::Onward;

    let runs = runs_of(workflows("w: { stages: [{ name: lock out, steps: [waits] }] }"));
    let mut progress = Progress { leg: 1, ..Progress::new(Timestamp::now()) };
    progress.prepared = run(&runs.workflows, &event("w"), None).await.progress.prepared;
    let message = continuation_of(&runs.workflows, event("w"), &progress);
    let limit = ledger::BrakeLimit { limit: 20, window: 86_400 };
    let held = |message: &broker::Message| {
        let job = runs.decode(message).unwrap();
        let turn = Turn::of(&runs.turns, &job);
        runs.braked(&job, job.reached(), limit, &turn, &message.properties)
    };
    let first = held(&message);
    let Some(ResultData::RunWaiting(waiting)) = first.results.first().map(|result| &result.data) else {
        panic!("it says that it waits");
    };
    let reason = waiting.reason.as_deref().unwrap();
    assert!(reason.starts_with("the brake: at most 20 people of tenant contoso"), "{reason}");
    assert_eq!((waiting.stage.as_str(), waiting.sleeps, first.results.len()), ("lock out", 1, 1));
    let Onward::Resume { next, due: Some(_) } = first.onward else { panic!("a message carries it on") };
    let again = broker::Message { body: next.body, properties: next.properties, ..message.clone() };
    let second = held(&again);
    assert!(second.results.is_empty());
    let Onward::Again { after } = second.onward else { panic!("the same message comes again") };
    assert_eq!(after.as_secs(), 60);
    // The broker has delivered it before a worker was lost: the same report, under the same id.
    let repeated = held(&message);
    assert_eq!(repeated.results[0].id, first.results[0].id);
    assert_eq!(runs.metrics.runs_braked_total.with_label_values(&["contoso"]).get(), 3);
}

fn message_of(event: &Event) -> broker::Message {
    let (body, origin) = (event.raw.to_string().into_bytes(), broker::Origin::Worker);
    broker::Message { body, origin, ..broker::Message::default() }
}

#[tokio::test]
async fn a_panic_outside_of_steps_reports_the_steps_already_done_and_a_replay_resumes_there() {
    use crate::delivery::outbox::Onward;

    let workflows = workflows("w: { stages: [{ name: a, steps: [waits] }] }");
    let runs = runs_of(workflows);
    let message = message_of(&event("w"));
    let job = runs.decode(&message).unwrap();
    job.record(&[waited()]);

    let outbox = runs.panicked(&job, &message);

    let ResultData::RunFinished(result) = &outbox.results[0].data else { panic!("no end") };
    assert_eq!((result.state, result.failure.as_ref().unwrap().code.as_str()), (State::Failed, "internal"));
    assert_eq!(result.steps.len(), 1);
    let Onward::SetAside(aside) = outbox.onward else { panic!("not set aside") };
    let replayed = messages::Continuation::from_bytes(&aside.next.unwrap().body).unwrap();
    assert_eq!(replayed.progress.progress.steps.len(), 1);
}

#[test]
fn templates_may_use_the_fields_of_event_and_tenant_that_a_run_has_and_no_others() {
    let event = event("w");
    let request = &requested(&event);
    let variables = variables(&event, request, ("contoso", ""));
    let roster: Roster<World> = Roster::new([Box::new(Waits) as Box<dyn Step<World>>]);
    let check = |when: &str| {
        let yaml = format!("w: {{ stages: [{{ name: a, when: {when}, steps: [waits] }}] }}");
        Definitions::read("w.yaml", &yaml, &roster)
    };
    for name in ["event", "tenant"] {
        for field in variables[name].as_object().unwrap().keys() {
            check(&format!("{name}.{field}")).unwrap();
        }
        check(&format!("{name}.colour")).unwrap_err();
    }
}
