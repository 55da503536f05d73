//! A line: waiting calls that need the same, in the order of their arrival. If its first may not go, none may.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::time::Instant;

use super::gates::{Gate, LineId, Place};
use super::keys::Key;
use super::priority::Priority;
use super::waiting::Sequence;

/// What decides when a call may go.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Terms {
    pub(super) priority: Priority,
    pub(super) mailbox: Option<Key>,
    /// The key that is parked when Graph throttles the call; none for the whole lane.
    pub(super) parked_with: Option<Key>,
    /// The units that it takes from each limit.
    pub(super) units: BTreeMap<Key, u32>,
}

impl Terms {
    /// Every key that they name.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.units.keys().copied().chain(self.mailbox).chain(self.parked_with)
    }
}

/// Where a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// To be looked at in the next release.
    Woken,
    /// Among those that wait for nothing but a turn.
    Ready(Place),
    /// At a gate.
    At(Gate, Place),
}

pub(super) struct Line {
    pub(super) terms: Arc<Terms>,
    pub(super) whereabouts: Whereabouts,
    /// The gate that it passed last, whose next line has to be looked at after this one.
    pub(super) came_through: Option<Gate>,
    sequences: BTreeMap<u64, (Instant, Sequence)>,
    by_patience: BTreeSet<(Instant, u64)>,
}

impl Line {
    pub(super) fn new(terms: Arc<Terms>) -> Self {
        Self {
            terms,
            whereabouts: Whereabouts::Woken,
            came_through: None,
            sequences: BTreeMap::new(),
            by_patience: BTreeSet::new(),
        }
    }

    pub(super) fn push(&mut self, arrival: u64, patience: Instant, sequence: Sequence) {
        self.sequences.insert(arrival, (patience, sequence));
        self.by_patience.insert((patience, arrival));
    }

    /// The arrival of its first.
    pub(super) fn first(&self) -> Option<u64> {
        self.sequences.first_key_value().map(|(arrival, _)| *arrival)
    }

    /// Whether its calls lock people out.
    pub(super) fn locks_out(&self) -> bool {
        self.terms.priority == Priority::LockOut
    }

    /// Its place among other lines.
    pub(super) fn place(&self, id: LineId) -> Option<Place> {
        Some((self.terms.priority, self.first()?, id))
    }

    /// Whether nobody waits for the first any more.
    pub(super) fn first_is_abandoned(&self) -> bool {
        let first = self.sequences.first_key_value();
        first.is_some_and(|(_, (_, first))| first.iter().all(|waiting| waiting.reply.is_closed()))
    }

    pub(super) fn pop(&mut self) -> Option<Sequence> {
        let (arrival, (patience, sequence)) = self.sequences.pop_first()?;
        self.by_patience.remove(&(patience, arrival));
        Some(sequence)
    }

    /// Takes out one whose patience ends before this time.
    pub(super) fn pop_impatient(&mut self, before: Instant) -> Option<Sequence> {
        let (patience, arrival) = *self.by_patience.first().filter(|(patience, _)| *patience < before)?;
        self.by_patience.remove(&(patience, arrival));
        self.sequences.remove(&arrival).map(|(_, sequence)| sequence)
    }

    /// When the least patient gives up.
    pub(super) fn patience(&self) -> Option<Instant> {
        self.by_patience.first().map(|(patience, _)| *patience)
    }
}
