//! How an action runs: written once, the same for all.

use futures_util::future::join;
use msgraph::{Client, Priority};
use outcome::{Class, Failure, Mode};
use serde::Deserialize;
use serde_json::Value;
use workflow::step::BoxFuture;
use workflow::{Answer, Call, Earlier, Report, Step};

use super::Action;
use super::error::Error;
use super::identity::Notices;
use super::person::PersonRef;
use super::plan::{Plan, Wait};
use super::view::View;
use super::world::World;
use super::writes::{waiting, write};
use crate::protection::look;

/// An action in the roster, with its types erased.
pub struct Entry {
    /// The action's name.
    pub name: &'static str,
    /// What it makes true, in one sentence.
    pub makes_true: &'static str,
    /// The least Graph application permissions it needs.
    pub needs: &'static [&'static str],
    /// Permissions that show it more, each with what they show.
    pub adds: &'static [(&'static str, &'static str)],
    /// Whether it reads the organization, for which Graph takes fewer permissions than for people.
    pub reads_organization: bool,
    /// Whether it takes away what nobody can give back.
    pub removes_for_good: bool,
    /// The JSON Schema of its parameters.
    pub schema: fn() -> Value,
    /// What the engine runs.
    pub step: Box<dyn Step<World>>,
    #[cfg(test)]
    pub(crate) scenario: fn() -> crate::Scenario,
}

impl Entry {
    /// The entry of an action.
    pub(crate) fn of<A: Action>() -> Self {
        Self {
            name: A::NAME,
            makes_true: A::MAKES_TRUE,
            needs: A::NEEDS,
            adds: A::ADDS,
            reads_organization: A::READS_ORGANIZATION,
            removes_for_good: A::REMOVES_FOR_GOOD,
            schema: schema::<A>,
            step: Box::new(Driver::<A>(std::marker::PhantomData)),
            #[cfg(test)]
            scenario: A::scenario,
        }
    }
}

fn schema<A: Action>() -> Value {
    let mut schema = schemars::schema_for!(A::Params).to_value();
    if let Value::Object(fields) = &mut schema {
        fields.insert("title".to_owned(), A::NAME.into());
        fields.insert("description".to_owned(), format!("{}.", A::MAKES_TRUE).into());
    }
    schema
}

/// The people that parameters of this schema name.
fn people_in(params: &Value, schema: &Value) -> Vec<PersonRef> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let people = properties.filter(|(_, property)| {
        let options = property.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        let is_person = |option: &Value| option.get("$ref").is_some_and(|it| it == "#/$defs/PersonRef");
        options.chain([*property]).any(is_person)
    });
    people.filter_map(|(name, _)| PersonRef::deserialize(params.get(name)?).ok()).collect()
}

struct Driver<A>(std::marker::PhantomData<fn() -> A>);

impl<A: Action> Step<World> for Driver<A> {
    fn name(&self) -> &'static str {
        A::NAME
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        A::DEFAULTS
    }

    fn powerful(&self) -> &'static [&'static str] {
        A::POWERFUL
    }

    fn of_author(&self) -> &'static [&'static str] {
        A::OF_AUTHOR
    }

    fn schema(&self) -> Value {
        schema::<A>()
    }

    fn check(&self, params: &Value) -> Result<(), Failure> {
        decode::<A>(params).map(|_| ())
    }

    fn resolve<'a>(
        &'a self,
        params: &'a Value,
        literal: &'a [String],
        world: &'a World,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            // A lock-out may have to wait for the answers.
            let graph = world.client().with_priority(Priority::LockOut);
            let params = decode::<A>(params)?;
            let view = View::new(graph.reader(), Earlier::new(&[]), None).remembering(world.known());
            let view = view.written_out(literal);
            Ok(A::resolve(&params, view).await?)
        })
    }

    fn find_people<'a>(&'a self, call: Call<'a, World>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let graph = call.world.client().with_priority(A::PRIORITY);
            let view = View::of(&call, graph.reader(), false);
            for person in people_in(call.params, &schema::<A>()) {
                if call.people.is_sought_first(&person.reference()) {
                    // A refusal or an outage is the step's to report, when it runs.
                    let _not_yet = view.other(&person, &["id"]).await;
                }
            }
        })
    }

    fn may_change<'a>(&'a self, call: Call<'a, World>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if let Some(user) = PersonRef::in_parameter(call.params, "user") {
                call.world.known().facts().expect(&user.reference(), A::READS);
            }
            // A lock-out may have to wait for the answers.
            let graph = call.world.client().with_priority(Priority::LockOut);
            match ask::<A>(&call, &graph, false).await {
                Err(error) if look::has_refused(&error) => Err(error.into()),
                _ => Ok(()),
            }
        })
    }

    fn run<'a>(&'a self, call: Call<'a, World>) -> BoxFuture<'a, Report> {
        Box::pin(async move {
            let (graph, log) = call.world.client().with_priority(A::PRIORITY).logged();
            let report = drive::<A>(&call, &graph).await;
            Report { request_ids: log.request_ids(), created: log.created_user(), ..report }
        })
    }
}

/// Observes, plans, and in [`Mode::Apply`] applies. Nothing else in this crate knows about modes.
///
/// A failed write is never a rejection: a run that has begun to write resumes from its dead letter.
async fn drive<A: Action>(call: &Call<'_, World>, graph: &Client) -> Report {
    let notices = Notices::default();
    let mut report = look_and_act::<A>(call, graph, &notices).await.unwrap_or_else(Report::from);
    report.left.extend(notices.take());
    report
}

/// Its report. Once there is a plan, a failure's report has what the plan leaves as well.
async fn look_and_act<A: Action>(
    call: &Call<'_, World>,
    graph: &Client,
    notices: &Notices,
) -> Result<Report, Error> {
    let params = decode::<A>(call.params)
        .map_err(|_| Error::Broken("the parameters were not checked before the run"))?;
    let view = View::of(call, graph.reader(), A::REMOVES_FOR_GOOD).noting(notices);
    // Beside what the step reads, and before it writes. A plan is made where nobody is guarded.
    let (observed, asked) = join(A::observe(&params, view), ask::<A>(call, graph, true)).await;
    let observed = observed?;
    let Plan { sequences, left, wait, details } = A::plan(&params, &observed)?;
    let names = || sequences.iter().flatten().map(ToString::to_string).collect();
    let report = match call.mode {
        _ if sequences.is_empty() && wait.is_none() => Report::of(Answer::Unchanged),
        Mode::Plan => Report::of(planned(names(), wait.map(|wait| *wait))),
        Mode::Apply => match may_write::<A>(call, &observed, &sequences, asked).await {
            Ok(()) => write::<A>(call, &sequences, wait.map(|wait| *wait), graph).await,
            Err(refused) => refused,
        },
    };
    Ok(Report { left, details, ..report })
}

/// Whether the changes may begin: nobody is protected from them, and what they take away is kept.
async fn may_write<A: Action>(
    call: &Call<'_, World>,
    observed: &A::Observed,
    sequences: &[Vec<A::Change>],
    asked: Result<(), Error>,
) -> Result<(), Report> {
    asked.map_err(Report::from)?;
    keep::<A>(call, observed, sequences).await.map_err(Report::from)
}

/// Keeps what the changes take away. A worker that is lost after this kept something that is still there; one that is
/// lost before has taken nothing.
async fn keep<A: Action>(
    call: &Call<'_, World>,
    observed: &A::Observed,
    sequences: &[Vec<A::Change>],
) -> Result<(), Failure> {
    let changes: Vec<_> = sequences.iter().flatten().collect();
    match A::takes(observed, &changes) {
        taken if taken.is_empty() => Ok(()),
        taken => call.recorder.taking(A::NAME, &taken).await,
    }
}

/// Refuses somebody whom the action would change and may not.
async fn ask<A: Action>(call: &Call<'_, World>, graph: &Client, before_write: bool) -> Result<(), Error> {
    let Some(guard) = call.world.guard() else { return Ok(()) };
    let view = View::of(call, graph.reader(), false);
    for person in A::changes(call.params) {
        look::check(guard, &person, view, before_write).await?;
    }
    Ok(())
}

/// The answer of a dry run: the writes of this look and of later ones. If there are none, the wait itself.
fn planned(mut names: Vec<String>, mut wait: Option<Wait>) -> Answer {
    names.extend(wait.iter_mut().flat_map(|wait| std::mem::take(&mut wait.later)));
    match wait {
        Some(wait) if names.is_empty() => waiting(names, wait),
        _ => Answer::Planned(names),
    }
}

fn decode<A: Action>(params: &Value) -> Result<A::Params, Failure> {
    serde_json::from_value(params.clone()).map_err(|error| {
        Failure::new(Class::Rejected, "invalid_parameters", without_value(&error.to_string()))
    })
}

/// What the decoder expected, without the value it got: the value can be personal.
fn without_value(error: &str) -> String {
    let quotes_a_value = ["invalid type: ", "invalid value: ", "unknown variant "]
        .iter()
        .any(|start| error.starts_with(start));
    match error.find(", expected ") {
        Some(at) if quotes_a_value => error.get(at + 2..).unwrap_or(error).to_owned(),
        _ => error.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::time::Duration;

    use crate::Scenario;
    use crate::conformance::call::FirstAttempt;
    use crate::conformance::client::client;
    use msgraph::Writer;
    use msgraph_emulator::{Emulator, Options, Tenant};
    use outcome::{Left, Needs, Outcome};
    use schemars::JsonSchema;
    use serde_json::json;

    /// Starts jobs in the order of `order` and waits until each is noted.
    struct Jobs;

    #[derive(Deserialize, JsonSchema)]
    struct Params {
        /// Sequences of jobs.
        order: Vec<Vec<u64>>,
        /// Jobs that are busy: to start one fails temporarily.
        #[serde(default)]
        busy: Vec<u64>,
        /// Jobs that are forbidden: to start one is for an operator to allow.
        #[serde(default)]
        forbidden: Vec<u64>,
        /// Whether to wait for them.
        #[serde(default)]
        waits: bool,
    }

    struct Job {
        number: u64,
        is_busy: bool,
        is_forbidden: bool,
    }

    impl std::fmt::Display for Job {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{}", self.number)
        }
    }

    static STARTED: Mutex<Vec<u64>> = Mutex::new(Vec::new());

    impl Action for Jobs {
        const NAME: &'static str = "jobs";
        const MAKES_TRUE: &'static str = "The jobs have run";
        const NEEDS: &'static [&'static str] = &[];
        const DEFAULTS: &'static [(&'static str, &'static str)] = &[];
        const PRIORITY: Priority = Priority::Lifecycle;

        type Params = Params;
        type Observed = Vec<u64>;
        type Change = Job;

        async fn observe(_: &Params, graph: View<'_>) -> Result<Vec<u64>, Error> {
            Ok(graph.notes())
        }

        fn plan(params: &Params, known: &Vec<u64>) -> Result<Plan<Job>, Error> {
            let job = |number: &u64| Job {
                number: *number,
                is_busy: params.busy.contains(number),
                is_forbidden: params.forbidden.contains(number),
            };
            let missing = |jobs: &Vec<u64>| jobs.iter().filter(|job| !known.contains(job)).map(job).collect();
            let plan = Plan::sequences(params.order.iter().map(missing));
            let left =
                Left { code: "idle".to_owned(), detail: "job 0 is idle".to_owned(), needs: Needs::Nobody };
            let plan = plan.leaving([left]).counting([("known", json!(known.len()))]);
            if !params.waits || plan.sequences.is_empty() {
                return Ok(plan);
            }
            Ok(plan.waiting(Wait {
                after: Duration::from_secs(60),
                at_most: Duration::from_secs(3600),
                reason: "jobs".to_owned(),
                notes: known.iter().map(|job| json!(job)).collect(),
                later: vec!["later".to_owned()],
            }))
        }

        async fn apply(job: &Job, graph: Writer<'_>) -> Result<(), Error> {
            Self::begin(job, graph).await.map(drop)
        }

        async fn begin(job: &Job, _: Writer<'_>) -> Result<Option<Value>, Error> {
            match job {
                Job { is_busy: true, .. } => Err(Error::StalePlan("it is busy")),
                Job { is_forbidden: true, .. } => Err(Error::blocked("forbidden", "allow it")),
                Job { number, .. } => {
                    STARTED.lock().unwrap().push(*number);
                    Ok(Some(json!(number)))
                }
            }
        }

        fn scenario() -> Scenario {
            Scenario::new(json!({ "order": [] }))
        }
    }

    impl PartialEq for Job {
        fn eq(&self, other: &Self) -> bool {
            self.number == other.number
        }
    }

    async fn look(params: Value, memo: Option<&Value>, mode: Mode) -> Answer {
        report_of(params, memo, mode).await.answer
    }

    async fn report_of(params: Value, memo: Option<&Value>, mode: Mode) -> Report {
        let emulator = Emulator::start(Options::new(Tenant::empty())).unwrap();
        let (world, attempt) = (World::of(&client(&emulator)), FirstAttempt::new());
        let call = attempt.call(&params, mode, memo, &world);
        Driver::<Jobs>(std::marker::PhantomData).run(call).await
    }

    #[tokio::test]
    async fn a_failure_tells_what_was_made_and_what_is_left() {
        let jobs = |first: u64, forbidden: u64, waits: bool| {
            let order = [[first, first + 1], [first + 2, first + 3]];
            json!({ "order": order, "forbidden": [forbidden], "waits": waits })
        };
        let rows = [
            (jobs(300, 301, false), vec!["300", "302", "303"]),
            (jobs(310, 310, false), vec!["312", "313"]),
            (jobs(320, 321, true), vec!["320", "322", "323"]),
            (jobs(330, 330, true), vec!["332", "333"]),
            (json!({ "order": [[340]], "forbidden": [340] }), vec![]),
        ];
        for (params, made) in rows {
            let report = report_of(params, None, Mode::Apply).await;
            assert_eq!(report.answer.outcome(), Outcome::Failed, "{report:?}");
            assert_eq!((report.made, report.left.len()), (made.iter().map(ToString::to_string).collect(), 1));
            assert_eq!((report.details["known"].clone(), report.may_have_written), (json!(0), true));
        }
    }

    #[tokio::test]
    async fn a_job_that_has_begun_is_noted_even_if_another_fails() {
        let jobs = |busy: &[u64]| json!({ "order": [[1, 2]], "waits": true, "busy": busy });
        let plan = look(jobs(&[]), None, Mode::Plan).await;
        assert_eq!(plan, Answer::Planned(vec!["1".into(), "2".into(), "later".into()]));
        let Answer::Waiting { changes, wait } = look(jobs(&[2]), None, Mode::Apply).await else {
            panic!("should wait")
        };
        assert_eq!((changes, &wait.memo), (vec!["1".to_owned()], &json!([1])));
        let Answer::Failed(failure) = look(jobs(&[2]), Some(&wait.memo), Mode::Apply).await else {
            panic!("is busy")
        };
        assert_eq!(failure.class, Class::Retry, "nothing has begun in this look, so nothing can be lost");
        let Answer::Waiting { changes, wait } = look(jobs(&[]), Some(&wait.memo), Mode::Apply).await else {
            panic!("should wait")
        };
        assert_eq!((changes, &wait.memo), (vec!["2".to_owned()], &json!([1, 2])));
        assert_eq!(look(jobs(&[]), Some(&wait.memo), Mode::Apply).await, Answer::Unchanged);
        let unknown = json!("of another form");
        assert_eq!(look(jobs(&[]), Some(&unknown), Mode::Plan).await.changes().len(), 3);
    }

    #[tokio::test]
    async fn a_failure_ends_its_sequence_only_and_the_one_to_fix_is_reported() {
        let jobs = |first: u64, waits: bool| {
            let order = [[first, first + 1], [first + 2, first + 3], [first + 4, first + 5]];
            let (busy, forbidden) = ([first], [first + 3]);
            json!({ "order": order, "busy": busy, "forbidden": forbidden, "waits": waits })
        };
        for (first, waits) in [(100, false), (200, true)] {
            let Answer::Failed(failure) = look(jobs(first, waits), None, Mode::Apply).await else {
                panic!("one is forbidden")
            };
            assert_eq!((failure.class, failure.code.as_str()), (Class::Blocked, "forbidden"));
            let started = STARTED.lock().unwrap().clone();
            let mut started: Vec<_> =
                started.into_iter().filter(|job| (first..first + 6).contains(job)).collect();
            started.sort_unstable();
            assert_eq!(started, [first + 2, first + 4, first + 5]);
        }
    }

    #[test]
    fn a_refused_parameter_is_not_quoted() {
        let rows = [
            (r#"invalid type: string "Ada", expected a boolean"#, "expected a boolean"),
            ("unknown variant `Ada`, expected `a` or `b`", "expected `a` or `b`"),
            ("missing field `user`", "missing field `user`"),
            ("unknown field `usr`, expected `user`", "unknown field `usr`, expected `user`"),
        ];
        for (error, expected) in rows {
            assert_eq!(without_value(error), expected);
        }
    }
}
