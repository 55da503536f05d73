//! How an action is run: written once, the same for all.

use futures_util::future::join_all;
use msgraph::Client;
use serde_json::Value;
use workflow::step::BoxFuture;
use workflow::{Call, Class, Failure, Mode, Outcome, Report, Step};

use crate::action::Action;
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

    fn parameters(&self) -> Vec<String> {
        let schema = schema::<A>();
        let properties = schema.get("properties").and_then(Value::as_object);
        properties.into_iter().flat_map(|properties| properties.keys().cloned()).collect()
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
    let observed = A::observe(&params, Reader::new(graph.reader(), call.earlier)).await?;
    let plan = A::plan(&params, &observed)?;
    let names: Vec<_> = plan.changes.iter().map(ToString::to_string).collect();
    let outcome = match call.mode {
        _ if names.is_empty() => Outcome::Unchanged,
        Mode::Plan => Outcome::Planned(names),
        Mode::Apply => {
            apply::<A>(&plan.changes, graph).await?;
            Outcome::Changed(names)
        }
    };
    Ok(Report { left: plan.left, ..Report::of(outcome) })
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
