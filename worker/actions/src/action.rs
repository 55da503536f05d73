//! The shape of every action.

use std::fmt::Display;

use msgraph::{Priority, Writer};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use workflow::Left;

use crate::error::Error;
use crate::person::Reader;

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
        graph: Reader<'_>,
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

    /// A tenant and a request on which this action has something to do.
    #[cfg(test)]
    fn scenario() -> crate::handlers::conformance::Scenario;
}

/// What a plan says: the writes that are missing, in order, and what is left alone.
#[derive(Debug, PartialEq)]
pub struct Plan<C> {
    /// Applied in this order, unless the action says that they may go together.
    pub changes: Vec<C>,
    /// Seen, left alone, and said so.
    pub left: Vec<Left>,
}

impl<C> Plan<C> {
    /// A plan of these changes that leaves nothing.
    pub fn of(changes: impl IntoIterator<Item = C>) -> Self {
        Self { changes: changes.into_iter().collect(), left: Vec::new() }
    }

    /// The plan of an action that finds everything as asked.
    pub fn nothing() -> Self {
        Self::of([])
    }
}
