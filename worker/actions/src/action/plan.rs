//! What an action decides: the writes that are missing and their order, what stays, and what to wait for.

use std::time::Duration;

use outcome::Left;
use serde_json::{Map, Value};

/// The writes that are missing, what the action leaves alone, and what it waits for.
#[derive(Debug, PartialEq)]
pub struct Plan<C> {
    /// Side by side, and in each sequence one change after the other. None is empty.
    pub(super) sequences: Vec<Vec<C>>,
    /// What the action saw and leaves alone, with the reason.
    pub left: Vec<Left>,
    /// What to wait for after the changes. Without a wait the step ends.
    pub wait: Option<Box<Wait>>,
    /// Counts by name, for the step's result. No names or addresses.
    pub details: Map<String, Value>,
}

/// What an action waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// When to look again. Zero means at once, for the next portion of work.
    pub after: Duration,
    /// The longest time to wait in all.
    pub at_most: Duration,
    /// In words that follow "waits for"; objects by id, no names or addresses.
    pub reason: String,
    /// The notes of earlier looks that the next look needs. With new ones at most `workflow::MEMO_LIMIT_BYTES`.
    pub notes: Vec<Value>,
    /// The writes of later looks, a sentence each, so that a dry run shows all of them.
    pub later: Vec<String>,
}

impl<C> Plan<C> {
    /// The plan of an action that has nothing to change.
    pub fn nothing() -> Self {
        Self::sequences([])
    }

    /// A plan of changes that can be made at the same time: none needs another.
    pub fn together(changes: impl IntoIterator<Item = C>) -> Self {
        Self::sequences(changes.into_iter().map(|change| vec![change]))
    }

    /// A plan of changes that are made one after the other. The first failure ends it.
    pub fn in_order(changes: impl IntoIterator<Item = C>) -> Self {
        Self::sequences([changes.into_iter().collect()])
    }

    /// A plan of several sequences, such as one for each team: changes of one sequence are made in order, sequences
    /// side by side. A failure ends its own sequence only.
    pub fn sequences(sequences: impl IntoIterator<Item = Vec<C>>) -> Self {
        let sequences = sequences.into_iter().filter(|changes| !changes.is_empty()).collect();
        Self { sequences, left: Vec::new(), wait: None, details: Map::new() }
    }

    /// All changes, one sequence after the other: the order in which they are printed.
    pub fn changes(&self) -> impl Iterator<Item = &C> {
        self.sequences.iter().flatten()
    }

    /// This plan, which also leaves these things alone.
    #[must_use]
    pub fn leaving(mut self, left: impl IntoIterator<Item = Left>) -> Self {
        self.left.extend(left);
        self
    }

    /// This plan, followed by a wait.
    #[must_use]
    pub fn waiting(self, wait: Wait) -> Self {
        Self { wait: Some(Box::new(wait)), ..self }
    }

    /// This plan, followed by a wait if later looks have writes of their own; `wait` makes it of their sentences.
    #[must_use]
    pub fn waiting_for(self, later: Vec<String>, wait: impl FnOnce(Vec<String>) -> Wait) -> Self {
        if later.is_empty() { self } else { self.waiting(wait(later)) }
    }

    /// This plan with counts for the step's result.
    #[must_use]
    pub fn counting(self, counts: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let details = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        Self { details, ..self }
    }

    /// The same plan with each change turned into another type.
    pub fn map<D>(self, mut convert: impl FnMut(C) -> D) -> Plan<D> {
        let Self { sequences, left, wait, details } = self;
        let mut convert_all = |changes: Vec<C>| changes.into_iter().map(&mut convert).collect();
        Plan { sequences: sequences.into_iter().map(&mut convert_all).collect(), left, wait, details }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_keeps_its_order_and_no_empty_sequence() {
        assert_eq!(Plan::together([1, 2]).sequences, [[1], [2]]);
        assert_eq!(Plan::in_order([1, 2]).sequences, [[1, 2]]);
        let plan = Plan::sequences([vec![1, 2], vec![], vec![3]]);
        assert_eq!(plan.sequences, [vec![1, 2], vec![3]]);
        assert_eq!(plan.changes().collect::<Vec<_>>(), [&1, &2, &3]);
        assert_eq!(plan.map(|change| change * 2).sequences, [vec![2, 4], vec![6]]);
        assert_eq!(Plan::in_order([0; 0]), Plan::nothing());
    }
}
