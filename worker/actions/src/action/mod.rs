//! The shape of every action.
//!
//! An action that begins what goes on without it, or has more to do than one look should, waits: its `plan` answers
//! with a [`Wait`](plan::Wait) (`Plan::of(changes).waiting(wait)`), and what a write's answer has to tell the next look comes from
//! [`Action::begin`] as a note. On waking, [`View::notes`] gives all notes back; the plan names those still needed.
//! Notes can be lost, so the tenant decides and notes only spare it work. A plan without a wait ends the step. A
//! worker never sleeps for it; what deadlines and replays mean is said in `workflow::wait`.

pub mod driver;
pub mod error;
pub mod parameters;
pub mod person;
pub mod plan;
pub mod view;

use std::fmt::Display;

use futures_util::future::join_all;
use msgraph::{Priority, Writer};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use error::Error;
use plan::Plan;
use view::View;

/// One thing the worker can make true in the directory.
///
/// **Guarantees asked of it**, and shown for each by the conformance suite: `plan` alone decides; a second run
/// plans nothing; a run that dies at any request and is run again ends in the same place; what a dry run
/// prints is what `apply` does.
pub trait Action: Send + Sync + 'static {
    /// The name on the wire, in logs and metrics, and of this action's file.
    const NAME: &'static str;
    /// What it makes true, in one sentence: a row of the README.
    const MAKES_TRUE: &'static str;
    /// The least Graph application permissions it needs.
    const NEEDS: &'static [&'static str];
    /// What fills a parameter that the workflow leaves out.
    const DEFAULTS: &'static [(&'static str, &'static str)];

    /// What its requests go before when requests have to wait.
    const PRIORITY: Priority = Priority::Lifecycle;
    /// Whether its changes may be made at the same time. Else each waits for the one before it.
    const TOGETHER: bool = false;

    /// What was asked.
    type Params: DeserializeOwned + JsonSchema + Send + Sync;
    /// What is so.
    type Observed: Send + Sync;
    /// One write that is missing, and all it needs. Prints as a short imperative sentence with ids.
    type Change: Display + Send + Sync;

    /// Looks, and only at what the plan needs.
    fn observe(
        params: &Self::Params,
        graph: View<'_>,
    ) -> impl Future<Output = Result<Self::Observed, Error>> + Send;

    /// Decides what is missing. No clock, no network, no memory: the same view gives the same plan.
    fn plan(params: &Self::Params, observed: &Self::Observed) -> Result<Plan<Self::Change>, Error>;

    /// Makes one change.
    fn apply(change: &Self::Change, graph: Writer<'_>) -> impl Future<Output = Result<(), Error>> + Send;

    /// Makes changes that wait for each other. An action whose changes Graph takes in order and in one go sends them so.
    fn apply_in_order(
        changes: &[Self::Change],
        graph: Writer<'_>,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            for change in changes {
                Self::apply(change, graph).await?;
            }
            Ok(())
        }
    }

    /// Makes one change of a plan that waits, and notes what the next look has to know, such as the address of a job.
    fn begin(
        change: &Self::Change,
        graph: Writer<'_>,
    ) -> impl Future<Output = Result<Option<Value>, Error>> + Send {
        async move { Self::apply(change, graph).await.map(|()| None) }
    }

    /// A tenant and a request on which this action has something to do.
    #[cfg(test)]
    fn scenario() -> crate::conformance::Scenario;
}

/// Makes changes of which only those about one thing wait for each other. Changes about one thing stand together. Each
/// thing is brought as far as it goes, whatever becomes of the others; what somebody has to mend is told first.
pub async fn apply_by<A: Action>(
    changes: &[A::Change],
    thing: impl Fn(&A::Change) -> &str,
    graph: Writer<'_>,
) -> Result<(), Error> {
    let things = changes.chunk_by(|one, next| thing(one) == thing(next)).map(async |changes| {
        for change in changes {
            A::apply(change, graph).await?;
        }
        Ok(())
    });
    let errors = join_all(things).await.into_iter().filter_map(Result::err);
    errors.min_by_key(Error::is_retry).map_or(Ok(()), Err)
}
