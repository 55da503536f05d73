//! The shape of every action.
//!
//! An action waits when it starts a job that runs on without it, or when it has more work than one look should do.
//! Its `plan` then adds a [`Wait`](plan::Wait), and [`Action::begin`] turns an answer that the next look needs into a
//! note. When the run resumes, [`View::notes`] returns all notes, and the plan names those it still needs. Notes can
//! be lost: the tenant decides, and notes only save work. A plan without a wait ends the step. A worker never sleeps
//! meanwhile; `workflow::wait` explains deadlines and replays.

pub mod backoff;
pub mod driver;
pub mod error;
pub mod facts;
mod identity;
pub mod looks;
pub mod manager;
pub mod parameters;
pub mod person;
pub(crate) mod pins;
pub mod plan;
pub mod register;
pub mod view;
pub mod world;
pub mod writes;

use std::fmt::Display;

use msgraph::{Priority, Writer};
use outcome::Taken;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use error::Error;
use facts::Fact;
use person::PersonRef;
use plan::Plan;
use view::View;
use writes::Made;

/// One thing that the worker can make true in the directory.
///
/// **Guarantees** that an action gives, and that the conformance suite tests for each: `plan` alone decides; a second
/// run plans nothing; a run that dies at any request and is repeated ends in the same state; a dry run prints exactly
/// what `apply` does.
pub trait Action: Send + Sync + 'static {
    /// The name on the wire, in logs and metrics, and of this action's file.
    const NAME: &'static str;
    /// What it makes true, in one sentence: a row of the table of actions.
    const MAKES_TRUE: &'static str;
    /// The least Graph application permissions it needs.
    const NEEDS: &'static [&'static str];
    /// Optional permissions, each with what it makes visible. Without one the action sees less, and reports that.
    const ADDS: &'static [(&'static str, &'static str)] = &[];
    /// Whether it reads the organization, for which Graph takes `User.Read.All` and not `User.ReadWrite.All`.
    const READS_ORGANIZATION: bool = false;
    /// Templates for parameters that the workflow leaves out.
    const DEFAULTS: &'static [(&'static str, &'static str)];

    /// The parameters that may name what gives power, such as groups that can hold roles, only where a workflow's author
    /// wrote it out.
    const POWERFUL: &'static [&'static str] = &[];

    /// The parameters that only a workflow's author may give, never an event.
    const OF_AUTHOR: &'static [&'static str] = &[];

    /// Whether it takes away what nobody can give back, such as rules and sign-in methods, or starts a term after which
    /// it is lost, as for a mailbox without a licence. Then it looks again after a pause whether the person has
    /// returned. Groups, teams and rights can be given back: the result lists them.
    const REMOVES_FOR_GOOD: bool = false;

    /// What it reads of the person of `user` before anything else: a step before it that reads anyway reads this in the
    /// same round trip.
    const READS: &'static [Fact] = &[];

    /// The priority of its requests where requests have to queue.
    const PRIORITY: Priority = Priority::Lifecycle;

    /// The request.
    type Params: DeserializeOwned + JsonSchema + Send + Sync;
    /// The current state, as far as the plan needs it.
    type Observed: Send + Sync;
    /// One missing write with all it needs. Prints as a short imperative sentence with ids.
    type Change: Display + Send + Sync;

    /// The people whom it changes: the one of the parameter `user`, or else whose account it would find. Whoever only
    /// receives something is not changed.
    fn changes(params: &Value) -> Vec<PersonRef> {
        match PersonRef::in_parameter(params, "user") {
            Some(user) => vec![user],
            None => PersonRef::of_account(params),
        }
    }

    /// Looks up what the parameters name besides the person to act on, such as groups, licences and other people, and
    /// rejects what does not exist. A run does this for all its steps at once, before it writes anything. An action that
    /// names nothing asks nothing.
    fn resolve(_: &Self::Params, _: View<'_>) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }

    /// Reads the state that the plan needs, and no more.
    fn observe(
        params: &Self::Params,
        graph: View<'_>,
    ) -> impl Future<Output = Result<Self::Observed, Error>> + Send;

    /// Decides what is missing. No clock, no network, no memory: the same state gives the same plan.
    fn plan(params: &Self::Params, observed: &Self::Observed) -> Result<Plan<Self::Change>, Error>;

    /// Makes one change.
    fn apply(change: &Self::Change, graph: Writer<'_>) -> impl Future<Output = Result<(), Error>> + Send;

    /// What these changes take away that somebody may want back: licences, memberships, settings. It is kept before the
    /// first of them is made. An action that only gives takes nothing.
    fn takes(_: &Self::Observed, _: &[&Self::Change]) -> Vec<Taken> {
        Vec::new()
    }

    /// What a change leaves as it is, so that later steps of the attempt need not read it again.
    fn spares(_: &Self::Change) -> &'static [Fact] {
        &[]
    }

    /// Makes the changes of one sequence of the plan, each after the one before, and notes each that is made. An action
    /// overrides this where a write needs the answer to an earlier one, or where Graph takes several writes in one
    /// request.
    fn apply_sequence(
        changes: &[Self::Change],
        graph: Writer<'_>,
        made: &mut Made,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            for (place, change) in changes.iter().enumerate() {
                let outcome = Self::apply(change, graph).await;
                outcome.map_err(|error| if place > 0 { error.after_another_write() } else { error })?;
                made.note(change);
            }
            Ok(())
        }
    }

    /// Makes one change after the other. If Graph refuses one object, the rest is still changed.
    fn apply_each(
        changes: &[Self::Change],
        graph: Writer<'_>,
        made: &mut Made,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            let mut errors = Vec::new();
            for change in changes {
                let Err(error) = Self::apply(change, graph).await else {
                    made.note(change);
                    continue;
                };
                let goes_on = error.is_of_one_object();
                errors.push(error);
                if !goes_on {
                    break;
                }
            }
            Error::all(errors)
        }
    }

    /// Makes one change of a plan that waits. Returns a note for the next look, such as the address of a job.
    fn begin(
        change: &Self::Change,
        graph: Writer<'_>,
    ) -> impl Future<Output = Result<Option<Value>, Error>> + Send {
        async move { Self::apply(change, graph).await.map(|()| None) }
    }

    /// A tenant and a request on which this action has something to do.
    #[cfg(test)]
    fn scenario() -> crate::Scenario;
}
