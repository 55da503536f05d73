//! The shape of every action.
//!
//! An action that begins what goes on without it, or has more to do than one look should, waits: its `plan` answers
//! with a [`Wait`] (`Plan::of(changes).waiting(wait)`), and what a write's answer has to tell the next look comes from
//! [`Action::begin`] as a note. On waking, [`Reader::notes`] gives all notes back; the plan names those still needed.
//! Notes can be lost, so the tenant decides and notes only spare it work. A plan without a wait ends the step. A
//! worker never sleeps for it; what deadlines and replays mean is said in `workflow::wait`.

use std::fmt::Display;
use std::time::Duration;

use futures_util::future::join_all;
use msgraph::{Priority, Writer};
use outcome::Left;
use schemars::JsonSchema;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::{Map, Value};

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

    /// Makes one change of a plan that waits, and notes what the next look has to know, such as the address of a job.
    fn begin(
        change: &Self::Change,
        graph: Writer<'_>,
    ) -> impl Future<Output = Result<Option<Value>, Error>> + Send {
        async move { Self::apply(change, graph).await.map(|()| None) }
    }

    /// A tenant and a request on which this action has something to do.
    #[cfg(test)]
    fn scenario() -> crate::handlers::conformance::Scenario;
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

/// Reads a list that means everything where it is left out. An expression that turned out empty is no such list: an
/// empty one means nothing, and one that is null is a mistake.
pub fn given<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Vec::deserialize(deserializer).map(Some)
}

/// What a plan says: the writes that are missing, in order, and what is left alone.
#[derive(Debug, PartialEq)]
pub struct Plan<C> {
    /// Applied in this order, unless the action says that they may go together.
    pub changes: Vec<C>,
    /// Seen, left alone, and said so.
    pub left: Vec<Left>,
    /// What has to be waited for after the changes; nothing ends the step.
    pub wait: Option<Box<Wait>>,
    /// What was counted, by name: for the step's result. No names or addresses.
    pub details: Map<String, Value>,
}

/// What an action waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// When to look again. Zero is at once: there is another portion of work.
    pub after: Duration,
    /// How long it may wait in all.
    pub at_most: Duration,
    /// In words that follow "waits for"; objects by id, no names or addresses.
    pub reason: String,
    /// The notes of earlier looks that the next one needs. With new ones at most `workflow::MEMO_LIMIT_BYTES`.
    pub notes: Vec<Value>,
    /// The writes that later looks will make, a sentence each, so that a plan tells all there is to come.
    pub later: Vec<String>,
}

impl<C> Plan<C> {
    /// A plan of these changes that leaves nothing.
    pub fn of(changes: impl IntoIterator<Item = C>) -> Self {
        Self { changes: changes.into_iter().collect(), left: Vec::new(), wait: None, details: Map::new() }
    }

    /// This plan, and after it a wait.
    #[must_use]
    pub fn waiting(self, wait: Wait) -> Self {
        Self { wait: Some(Box::new(wait)), ..self }
    }

    /// This plan, and what was counted for it.
    #[must_use]
    pub fn counting(self, counts: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let details = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        Self { details, ..self }
    }

    /// The same plan, its changes told in another way.
    pub fn map<D>(self, tell: impl FnMut(C) -> D) -> Plan<D> {
        let Self { changes, left, wait, details } = self;
        Plan { changes: changes.into_iter().map(tell).collect(), left, wait, details }
    }

    /// The plan of an action that finds everything as asked.
    pub fn nothing() -> Self {
        Self::of([])
    }
}
