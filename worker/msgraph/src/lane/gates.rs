//! Gates: where lines wait for room in a limit, for the end of a parked time, or for their turn in a mailbox.
//!
//! A gate that opens lets its first line through; the next follows when that one has been looked at. So a gate with
//! a thousand lines costs no more than those that go.

use std::collections::{BTreeSet, HashMap};

use tokio::time::Instant;

use super::keys::Key;
use super::priority::Priority;

/// The number of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LineId(pub(super) u64);

/// A line's place among others: by priority, then by the arrival of its first call.
pub(super) type Place = (Priority, u64, LineId);

/// What a line waits for. Lines at one gate have to wait equally long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Gate {
    /// Room for this many units in a limit, of all of it or of what is not kept for lock-outs.
    Room { limit: Key, units: u32, locks_out: bool },
    /// The end of the time for which Graph throttles a mailbox or a report.
    Parked(Key),
    /// The end of a call in the mailbox.
    Turn(Key),
}

#[derive(Default)]
struct Crowd {
    places: BTreeSet<Place>,
    opens_at: Option<Instant>,
}

#[derive(Default)]
pub(super) struct Gates {
    crowds: HashMap<Gate, Crowd>,
    timers: BTreeSet<(Instant, Gate)>,
}

impl Gates {
    /// Puts a line at a gate. Without a time, something else than time opens it.
    pub(super) fn wait(&mut self, gate: Gate, place: Place, opens_at: Option<Instant>) {
        let crowd = self.crowds.entry(gate).or_default();
        crowd.places.insert(place);
        if let (None, Some(at)) = (crowd.opens_at, opens_at) {
            crowd.opens_at = Some(at);
            self.timers.insert((at, gate));
        }
    }

    /// Takes a line away from a gate.
    pub(super) fn leave(&mut self, gate: Gate, place: Place) {
        if let Some(crowd) = self.crowds.get_mut(&gate) {
            crowd.places.remove(&place);
        }
        self.close_if_empty(gate);
    }

    /// The first line at a gate.
    pub(super) fn first(&self, gate: Gate) -> Option<LineId> {
        self.crowds.get(&gate)?.places.first().map(|(_, _, line)| *line)
    }

    /// A gate whose time has come.
    pub(super) fn due(&mut self, now: Instant) -> Option<Gate> {
        let (at, gate) = *self.timers.first().filter(|(at, _)| *at <= now)?;
        self.timers.remove(&(at, gate));
        if let Some(crowd) = self.crowds.get_mut(&gate) {
            crowd.opens_at = None;
        }
        Some(gate)
    }

    /// When the next gate opens, as far as time decides.
    pub(super) fn next_opens_at(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    fn close_if_empty(&mut self, gate: Gate) {
        if self.crowds.get(&gate).is_some_and(|crowd| crowd.places.is_empty())
            && let Some(Crowd { opens_at: Some(at), .. }) = self.crowds.remove(&gate)
        {
            self.timers.remove(&(at, gate));
        }
    }
}
