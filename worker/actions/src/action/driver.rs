//! How an action runs: written once, the same for all.

use futures_util::future::{join, join_all};
use msgraph::{Client, Priority};
use outcome::{Class, Failure, Mode};
use serde::Deserialize;
use serde_json::Value;
use workflow::step::BoxFuture;
use workflow::{Answer, Call, Earlier, Report, Step};

use super::Action;
use super::error::Error;
use super::facts::Fact;
use super::identity::Notices;
use super::person::PersonRef;
use super::plan::{Plan, Wait};
use super::view::View;
use super::world::World;
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
            let report = drive::<A>(&call, &graph).await.unwrap_or_else(Report::from);
            Report { request_ids: log.request_ids(), created: log.created_user(), ..report }
        })
    }
}

/// Observes, plans, and in [`Mode::Apply`] applies. Nothing else in this crate knows about modes.
///
/// A failed write is never a rejection: a run that has begun to write resumes from its dead letter.
async fn drive<A: Action>(call: &Call<'_, World>, graph: &Client) -> Result<Report, Error> {
    let params = decode::<A>(call.params)
        .map_err(|_| Error::Broken("the parameters were not checked before the run"))?;
    let notices = Notices::default();
    let view = View::of(call, graph.reader(), A::REMOVES_FOR_GOOD).noting(&notices);
    // Beside what the step reads, and before it writes. A plan is made where nobody is guarded.
    let (observed, asked) = join(A::observe(&params, view), ask::<A>(call, graph, true)).await;
    let observed = observed?;
    let Plan { sequences, mut left, wait, details } = A::plan(&params, &observed)?;
    left.extend(notices.take());
    let names: Vec<_> = sequences.iter().flatten().map(ToString::to_string).collect();
    let answer = match call.mode {
        _ if names.is_empty() && wait.is_none() => Answer::Unchanged,
        Mode::Plan => planned(names, wait.map(|wait| *wait)),
        Mode::Apply => {
            asked?;
            if let Err(failure) = keep::<A>(call, &observed, &sequences).await {
                return Ok(failure.into());
            }
            let spared = Fact::spared_by_all(sequences.iter().flatten().map(A::spares));
            let _forgotten_then = call.world.known().facts().forgetting(spared);
            let written = match wait {
                Some(wait) => begin::<A>(&sequences, *wait, graph).await,
                None => apply::<A>(&sequences, graph).await.map(|()| Answer::Changed(names)),
            };
            match written {
                Ok(answer) => answer,
                Err(error) => return Ok(error.of_write()),
            }
        }
    };
    Ok(Report { left, details, ..Report::of(answer) })
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

/// Makes the changes of a plan that waits, in the plan's order. Once one change has begun, the next look retries what
/// failed temporarily: a failed step would lose the note of what has begun.
async fn begin<A: Action>(
    sequences: &[Vec<A::Change>],
    mut wait: Wait,
    graph: &Client,
) -> Result<Answer, Error> {
    let sequences = join_all(sequences.iter().map(|changes| begin_sequence::<A>(changes, graph))).await;
    let (mut begun, mut errors) = (Vec::new(), Vec::new());
    for (change, outcome) in sequences.into_iter().flatten() {
        match outcome {
            Ok(note) => {
                begun.push(change.to_string());
                wait.notes.extend(note);
            }
            Err(error) => errors.push(error),
        }
    }
    match Error::all(errors) {
        Err(error) if begun.is_empty() || !error.is_retry() => Err(error),
        Err(error) => {
            let asked = Failure::from(error).retry_after.unwrap_or_default();
            Ok(waiting(begun, Wait { after: wait.after.max(asked), ..wait }))
        }
        Ok(()) => Ok(waiting(begun, wait)),
    }
}

/// A change, and its note or error.
type Begun<'a, C> = (&'a C, Result<Option<Value>, Error>);

/// Begins one change after the other, up to the first that fails.
async fn begin_sequence<'a, A: Action>(
    changes: &'a [A::Change],
    graph: &Client,
) -> Vec<Begun<'a, A::Change>> {
    let mut outcomes = Vec::with_capacity(changes.len());
    for change in changes {
        let outcome = A::begin(change, graph.writer()).await;
        let is_first = outcomes.is_empty();
        let outcome = outcome.map_err(|error| if is_first { error } else { error.after_another_write() });
        let has_failed = outcome.is_err();
        outcomes.push((change, outcome));
        if has_failed {
            break;
        }
    }
    outcomes
}

fn waiting(changes: Vec<String>, wait: Wait) -> Answer {
    let Wait { after, at_most, reason, notes, .. } = wait;
    Answer::Waiting { changes, wait: workflow::Wait { after, at_most, reason, memo: Value::Array(notes) } }
}

/// Makes the changes in the plan's order. A failure ends its own sequence; the others run to their end.
async fn apply<A: Action>(sequences: &[Vec<A::Change>], graph: &Client) -> Result<(), Error> {
    let sequences = sequences.iter().map(|changes| A::apply_sequence(changes, graph.writer()));
    Error::all(join_all(sequences).await.into_iter().filter_map(Result::err))
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
            if !params.waits || plan == Plan::nothing() {
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
        let emulator = Emulator::start(Options::new(Tenant::empty())).unwrap();
        let (world, attempt) = (World::of(&client(&emulator)), FirstAttempt::new());
        let call = attempt.call(&params, mode, memo, &world);
        Driver::<Jobs>(std::marker::PhantomData).run(call).await.answer
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
