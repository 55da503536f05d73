//! How an action is run: written once, the same for all.

use futures_util::future::join_all;
use msgraph::Client;
use serde_json::Value;
use workflow::step::BoxFuture;
use workflow::{Call, Class, Failure, Mode, Outcome, Report, Step};

use crate::action::{Action, Plan, Wait};
use crate::error::Error;
use crate::person::Reader;

/// An action in the roster, its types erased.
pub struct Entry {
    /// The action's name.
    pub name: &'static str,
    /// What it makes true, in one sentence.
    pub makes_true: &'static str,
    /// The least Graph application permissions it needs.
    pub needs: &'static [&'static str],
    /// The JSON Schema of its parameters.
    pub schema: fn() -> Value,
    /// What the engine runs.
    pub step: Box<dyn Step<Client>>,
    #[cfg(test)]
    pub(crate) scenario: fn() -> crate::handlers::conformance::Scenario,
}

impl Entry {
    /// The entry of an action.
    pub fn of<A: Action>() -> Self {
        Self {
            name: A::NAME,
            makes_true: A::MAKES_TRUE,
            needs: A::NEEDS,
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

struct Driver<A>(std::marker::PhantomData<fn() -> A>);

impl<A: Action> Step<Client> for Driver<A> {
    fn name(&self) -> &'static str {
        A::NAME
    }

    fn defaults(&self) -> &'static [(&'static str, &'static str)] {
        A::DEFAULTS
    }

    fn schema(&self) -> Value {
        schema::<A>()
    }

    fn check(&self, params: &Value) -> Result<(), Failure> {
        decode::<A>(params).map(|_| ())
    }

    fn run<'a>(&'a self, call: Call<'a, Client>) -> BoxFuture<'a, Report> {
        Box::pin(async move {
            let (graph, log) = call.world.with_priority(A::PRIORITY).logged();
            let report = drive::<A>(&call, &graph).await.unwrap_or_else(|error| Failure::from(error).into());
            Report { request_ids: log.request_ids(), ..report }
        })
    }
}

/// Observe, plan, and in [`Mode::Apply`] apply. Nothing else in this crate knows of modes.
async fn drive<A: Action>(call: &Call<'_, Client>, graph: &Client) -> Result<Report, Error> {
    let params =
        decode::<A>(call.params).map_err(|_| Error::Broken("parameters were not checked before the run"))?;
    let reader = Reader::new(graph.reader(), call.earlier, call.memo).replayed(call.replays);
    let observed = A::observe(&params, reader).await?;
    let Plan { changes, left, wait, details } = A::plan(&params, &observed)?;
    let names: Vec<_> = changes.iter().map(ToString::to_string).collect();
    let outcome = match call.mode {
        _ if names.is_empty() && wait.is_none() => Outcome::Unchanged,
        Mode::Plan => planned(names, wait.map(|wait| *wait)),
        Mode::Apply => match wait {
            Some(wait) => begin::<A>(&changes, *wait, graph).await?,
            None => {
                apply::<A>(&changes, graph).await?;
                Outcome::Changed(names)
            }
        },
    };
    Ok(Report { left, details, ..Report::of(outcome) })
}

/// A plan says what would be written, now and after waiting; where that is nothing more, what is waited for.
fn planned(mut names: Vec<String>, mut wait: Option<Wait>) -> Outcome {
    names.extend(wait.iter_mut().flat_map(|wait| std::mem::take(&mut wait.later)));
    match wait {
        Some(wait) if names.is_empty() => waiting(names, wait),
        _ => Outcome::Planned(names),
    }
}

/// Makes the changes of a plan that waits. Once one has begun, what time mends in another is left to the next look:
/// a failure would lose the note of what has begun.
async fn begin<A: Action>(changes: &[A::Change], mut wait: Wait, graph: &Client) -> Result<Outcome, Error> {
    let begins = changes.iter().map(|change| async move { (change, A::begin(change, graph.writer()).await) });
    let outcomes = if A::TOGETHER {
        join_all(begins).await
    } else {
        let mut outcomes = Vec::with_capacity(changes.len());
        for begin in begins {
            let outcome = begin.await;
            let is_over = outcome.1.is_err();
            outcomes.push(outcome);
            if is_over {
                break;
            }
        }
        outcomes
    };
    let (mut begun, mut errors) = (Vec::new(), Vec::new());
    for (change, outcome) in outcomes {
        match outcome {
            Ok(note) => {
                begun.push(change.to_string());
                wait.notes.extend(note);
            }
            Err(error) => errors.push(error),
        }
    }
    match errors.into_iter().min_by_key(Error::is_retry) {
        Some(error) if begun.is_empty() || !error.is_retry() => Err(error),
        Some(error) => {
            let asked = Failure::from(error).retry_after.unwrap_or_default();
            Ok(waiting(begun, Wait { after: wait.after.max(asked), ..wait }))
        }
        None => Ok(waiting(begun, wait)),
    }
}

fn waiting(changes: Vec<String>, wait: Wait) -> Outcome {
    let Wait { after, at_most, reason, notes, .. } = wait;
    Outcome::Waiting { changes, wait: workflow::Wait { after, at_most, reason, memo: Value::Array(notes) } }
}

/// Makes the changes. Of those that go together each is brought to its end, whatever becomes of the others; what
/// somebody has to mend is told before what time mends.
async fn apply<A: Action>(changes: &[A::Change], graph: &Client) -> Result<(), Error> {
    if !A::TOGETHER {
        return A::apply_in_order(changes, graph.writer()).await;
    }
    let outcomes = join_all(changes.iter().map(|change| A::apply(change, graph.writer()))).await;
    let errors = outcomes.into_iter().filter_map(Result::err);
    errors.min_by_key(Error::is_retry).map_or(Ok(()), Err)
}

fn decode<A: Action>(params: &Value) -> Result<A::Params, Failure> {
    serde_json::from_value(params.clone()).map_err(|error| {
        Failure::new(Class::Rejected, "invalid_parameters", without_value(&error.to_string()))
    })
}

/// What was expected, without the value that came instead: it can be a person's.
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use crate::handlers::conformance::Scenario;
    use msgraph::{Priority, Settings, Writer};
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;
    use workflow::Earlier;

    /// Begins two jobs and waits until both have been looked at.
    struct Jobs;

    #[derive(Deserialize, JsonSchema)]
    struct Two {}

    static BUSY: AtomicBool = AtomicBool::new(false);

    impl Action for Jobs {
        const NAME: &'static str = "jobs";
        const MAKES_TRUE: &'static str = "Two jobs have run";
        const NEEDS: &'static [&'static str] = &[];
        const DEFAULTS: &'static [(&'static str, &'static str)] = &[];
        const PRIORITY: Priority = Priority::Lifecycle;

        type Params = Two;
        type Observed = Vec<u64>;
        type Change = u64;

        async fn observe(_: &Two, graph: Reader<'_>) -> Result<Vec<u64>, Error> {
            Ok(graph.notes())
        }

        fn plan(_: &Two, known: &Vec<u64>) -> Result<Plan<u64>, Error> {
            let missing: Vec<_> = [1, 2].into_iter().filter(|job| !known.contains(job)).collect();
            if missing.is_empty() {
                return Ok(Plan::nothing());
            }
            Ok(Plan::of(missing).waiting(Wait {
                after: Duration::from_secs(60),
                at_most: Duration::from_secs(3600),
                reason: "2 jobs".to_owned(),
                notes: known.iter().map(|job| json!(job)).collect(),
                later: vec!["3".to_owned()],
            }))
        }

        async fn apply(change: &u64, graph: Writer<'_>) -> Result<(), Error> {
            Self::begin(change, graph).await.map(drop)
        }

        async fn begin(change: &u64, _: Writer<'_>) -> Result<Option<Value>, Error> {
            match change {
                2 if BUSY.load(Ordering::Relaxed) => Err(Error::StalePlan("it is busy")),
                job => Ok(Some(json!(job))),
            }
        }

        fn scenario() -> Scenario {
            Scenario::new(json!({}))
        }
    }

    #[tokio::test]
    async fn what_has_begun_is_noted_whatever_becomes_of_the_rest() {
        let settings = Settings {
            graph_url: "http://127.0.0.1:1".into(),
            login_url: "http://127.0.0.1:1".into(),
            ..Settings::new("t", "c", String::new().into())
        };
        let graph = Client::new(settings, Arc::new(())).unwrap();
        let look = async |memo: Option<&Value>, mode| {
            let (params, earlier) = (json!({}), Earlier::new(&[]));
            let call = Call { params: &params, mode, earlier, memo, replays: 0, world: &graph };
            Driver::<Jobs>(std::marker::PhantomData).run(call).await.outcome
        };
        assert_eq!(look(None, Mode::Plan).await, Outcome::Planned(vec!["1".into(), "2".into(), "3".into()]));
        BUSY.store(true, Ordering::Relaxed);
        let Outcome::Waiting { changes, wait } = look(None, Mode::Apply).await else { panic!("should wait") };
        assert_eq!((changes, &wait.memo), (vec!["1".to_owned()], &json!([1])));
        let Outcome::Failed(failure) = look(Some(&wait.memo), Mode::Apply).await else { panic!("is busy") };
        assert_eq!(failure.class, Class::Retry, "nothing has begun in this look, so nothing can be lost");
        BUSY.store(false, Ordering::Relaxed);
        let Outcome::Waiting { changes, wait } = look(Some(&wait.memo), Mode::Apply).await else {
            panic!("should wait")
        };
        assert_eq!((changes, &wait.memo), (vec!["2".to_owned()], &json!([1, 2])));
        assert_eq!(look(Some(&wait.memo), Mode::Apply).await, Outcome::Unchanged);
        assert_eq!(look(Some(&json!("of another form")), Mode::Plan).await.changes().len(), 3);
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
