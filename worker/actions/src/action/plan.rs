//! What an action decides: the writes that are missing, what is left alone, and what to wait for.

use std::time::Duration;

use serde_json::{Map, Value};
use workflow::Left;

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
