//! Making the changes of a plan, and telling which were made.

use std::fmt::Display;

use futures_util::future::join_all;
use msgraph::Client;
use outcome::Failure;
use serde_json::Value;
use workflow::{Answer, Call, Report};

use super::Action;
use super::error::Error;
use super::facts::Fact;
use super::plan::Wait;
use super::world::World;

/// The changes of a sequence that have been made, a sentence each: what a step that fails has changed until then.
#[derive(Debug, Default)]
pub struct Made(Vec<String>);

impl Made {
    /// Notes a change that has been made.
    pub fn note(&mut self, change: &impl Display) {
        self.0.push(change.to_string());
    }
}

/// Makes the changes of a plan.
pub(super) async fn write<A: Action>(
    call: &Call<'_, World>,
    sequences: &[Vec<A::Change>],
    wait: Option<Wait>,
    graph: &Client,
) -> Report {
    let spared = Fact::spared_by_all(sequences.iter().flatten().map(A::spares));
    let _forgotten_then = call.world.known().facts().forgetting(spared);
    let (made, written) = match wait {
        Some(wait) => begin::<A>(sequences, wait, graph).await,
        None => apply::<A>(sequences, graph).await,
    };
    match written {
        Ok(answer) => Report::of(answer),
        Err(error) => Report { made, ..error.of_write() },
    }
}

/// Makes the changes in the plan's order. A failure ends its own sequence; the others run to their end.
async fn apply<A: Action>(
    sequences: &[Vec<A::Change>],
    graph: &Client,
) -> (Vec<String>, Result<Answer, Error>) {
    let sequences = sequences.iter().map(|changes| async move {
        let mut made = Made::default();
        (A::apply_sequence(changes, graph.writer(), &mut made).await, made)
    });
    let (outcomes, made): (Vec<_>, Vec<_>) = join_all(sequences).await.into_iter().unzip();
    let made = made.into_iter().flat_map(|made| made.0).collect();
    match Error::all(outcomes.into_iter().filter_map(Result::err)) {
        Ok(()) => (Vec::new(), Ok(Answer::Changed(made))),
        Err(error) => (made, Err(error)),
    }
}

/// Makes the changes of a plan that waits, in the plan's order. Once one change has begun, the next look retries what
/// failed temporarily: a failed step would lose the note of what has begun.
async fn begin<A: Action>(
    sequences: &[Vec<A::Change>],
    mut wait: Wait,
    graph: &Client,
) -> (Vec<String>, Result<Answer, Error>) {
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
        Err(error) if begun.is_empty() || !error.is_retry() => (begun, Err(error)),
        Err(error) => {
            let asked = Failure::from(error).retry_after.unwrap_or_default();
            (Vec::new(), Ok(waiting(begun, Wait { after: wait.after.max(asked), ..wait })))
        }
        Ok(()) => (Vec::new(), Ok(waiting(begun, wait))),
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

/// The answer of a step that has made these changes and waits.
pub(super) fn waiting(changes: Vec<String>, wait: Wait) -> Answer {
    let Wait { after, at_most, reason, notes, .. } = wait;
    Answer::Waiting { changes, wait: workflow::Wait { after, at_most, reason, memo: Value::Array(notes) } }
}
