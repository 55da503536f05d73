//! The waiting calls of one lane, and which of them may be sent.
//!
//! Calls that need the same form a [`Line`]; a line that may not go waits at a [`Gate`]. A release looks at lines whose
//! gate opened, whose mailbox ended a call or that got a new call, and never at every waiting call: its cost grows with
//! what it releases.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::concurrency::Concurrency;
use super::gates::{Gate, Gates, LineId, Place};
use super::keys::{Key, Keys};
use super::limits::{self, LONGEST_SPAN, Limits};
use super::line::{Line, Terms, Whereabouts};
use super::priority::{PROBE_EVERY, Priority};
use super::rate_limit::Wanted;
use super::share::Share;
use super::waiting::{Sequence, Waiting};
use crate::error::Error;
use crate::http::call::Call;
use crate::observer::Service;

/// The result of a release.
#[derive(Default)]
pub(super) struct Released {
    /// To be sent now.
    pub(super) sequences: Vec<Sequence>,
    /// Calls that would wait longer than their patience, with the wait.
    pub(super) refused: Vec<(Waiting, Duration)>,
    /// When the next of the others may be sent, as far as time decides.
    pub(super) room_at: Option<Instant>,
}

/// When a probe that found no room in a limit, or no turn in its mailbox, is tried again.
const NO_ROOM: Duration = Duration::from_secs(1);

/// The time for which Graph throttles a lane.
#[derive(Clone, Copy)]
struct Parked {
    until: Instant,
    /// When the next lock-out may go all the same.
    probe_at: Instant,
}

pub(super) struct Queue {
    service: Service,
    limits: Limits,
    share: Share,
    keys: Keys,
    concurrency: Concurrency,
    under_way: usize,
    /// Those of them that lock a person out.
    lock_outs_under_way: usize,
    /// Until when Graph throttles the whole lane.
    parked: Option<Parked>,
    /// Every line has a call that waits.
    lines: HashMap<LineId, Line>,
    by_terms: HashMap<Arc<Terms>, LineId>,
    by_patience: BTreeSet<(Instant, LineId)>,
    woken: Vec<LineId>,
    ready: BTreeSet<Place>,
    gates: Gates,
    waiting: usize,
    /// How many sequences have arrived.
    arrived: u64,
    /// How often a line was looked at.
    #[cfg(test)]
    pub(super) looks: usize,
}

impl Queue {
    pub(super) fn new(service: Service, limits: Limits) -> Self {
        Self {
            service,
            limits,
            share: Share::new(limits.share),
            keys: Keys::new(),
            concurrency: Concurrency::default(),
            under_way: 0,
            lock_outs_under_way: 0,
            parked: None,
            lines: HashMap::new(),
            by_terms: HashMap::new(),
            by_patience: BTreeSet::new(),
            woken: Vec::new(),
            ready: BTreeSet::new(),
            gates: Gates::default(),
            waiting: 0,
            arrived: 0,
            #[cfg(test)]
            looks: 0,
        }
    }

    pub(super) fn service(&self) -> Service {
        self.service
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    /// The share of the limits in force.
    pub(super) fn share(&self, now: Instant) -> f64 {
        self.share.now(now)
    }

    /// Takes this share of the limits, as if it had always been so.
    pub(super) fn assume_share(&mut self, share: f64) {
        self.share = Share::new(share);
        self.wake_all();
    }

    /// Goes to this share of the limits: at once if it is smaller, else after `grows_in`.
    pub(super) fn go_to_share(&mut self, share: f64, now: Instant, grows_in: Duration) {
        if self.share.go_to(share, now, grows_in, LONGEST_SPAN) {
            self.wake_all();
        }
    }

    pub(super) fn push(&mut self, sequence: Sequence) {
        let Some(first) = sequence.first() else { return };
        let patience = first.patience;
        let id = self.line(&sequence, &first.call);
        self.arrived += 1;
        self.waiting += 1;
        let arrival = self.arrived;
        self.change(id, |line| line.push(arrival, patience, sequence));
        self.wake(id);
    }

    /// Takes out the calls that may be sent now, by priority and then by arrival, and those that would wait too long.
    pub(super) fn release(&mut self, now: Instant) -> Released {
        self.keys.forget_unused(now);
        let mut released = Released::default();
        if let Some(parked) = self.parked.filter(|parked| parked.until > now) {
            self.release_parked(parked, now, &mut released);
            return released;
        }
        while let Some(gate) = self.gates.due(now) {
            self.open(gate);
        }
        loop {
            while let Some(id) = self.woken.pop() {
                if self.may_go(id, now, &mut released) {
                    self.make_ready(id);
                }
            }
            let Some((_, _, id)) = self.first_with_a_turn() else { break };
            if self.may_go(id, now, &mut released) {
                released.sequences.extend(self.begin(id, now));
            }
        }
        released.room_at = self.gates.next_opens_at();
        released
    }

    /// While the lane is parked: takes out a lock-out as a probe once a minute, and the calls that would wait too long.
    fn release_parked(&mut self, parked: Parked, now: Instant, released: &mut Released) {
        let Parked { until, probe_at } = parked;
        let mut lock_outs: Vec<_> = self.lines.iter().filter(|(_, line)| line.locks_out()).collect();
        lock_outs.sort_by_key(|(_, line)| line.first());
        let lock_outs: Vec<_> = lock_outs.into_iter().map(|(id, _)| *id).collect();
        let mut next_probe = probe_at;
        if probe_at <= now && !lock_outs.is_empty() {
            let probe = lock_outs.iter().find_map(|id| {
                self.wake(*id);
                if self.may_go(*id, now, released) { self.begin(*id, now) } else { None }
            });
            next_probe = now + if probe.is_some() { PROBE_EVERY } else { NO_ROOM };
            self.parked = Some(Parked { until, probe_at: next_probe });
            released.sequences.extend(probe);
        }
        for id in lock_outs {
            self.refuse(id, next_probe.min(until), now, released);
            self.retire_if_empty(id);
        }
        let impatient = |(patience, _): &(Instant, LineId)| *patience < until;
        let impatient: Vec<_> = self.by_patience.iter().copied().take_while(impatient).collect();
        for (_, id) in impatient {
            if self.lines.get(&id).is_some_and(|line| !line.locks_out()) {
                self.refuse(id, until, now, released);
                self.retire_if_empty(id);
            }
        }
        let probes = self.lines.values().any(Line::locks_out);
        let room_at = if probes { next_probe.min(until) } else { until };
        released.room_at = Some(room_at).filter(|_| self.waiting > 0);
    }

    /// Records how a call ended.
    pub(super) fn finished(&mut self, call: &Call, error: Option<&Error>, now: Instant) {
        self.under_way = self.under_way.saturating_sub(1);
        if call.priority == Priority::LockOut {
            self.lock_outs_under_way = self.lock_outs_under_way.saturating_sub(1);
        }
        if let Some(mailbox) = self.mailbox(call) {
            self.keys.end_in_mailbox(mailbox);
            self.open(Gate::Turn(mailbox));
        }
        let Some(error) = error else {
            if let Some(parked) = self.parked.as_mut().filter(|_| call.priority == Priority::LockOut) {
                // Lock-outs may go again, one after the other.
                parked.probe_at = now;
            }
            return self.concurrency.went_well();
        };
        if error.asks_to_slow_down() {
            self.concurrency.refused(now);
            if let Some(wait) = error.retry_after().filter(|wait| !wait.is_zero()) {
                match self.parked_with(call) {
                    Some(key) => self.keys.park(key, now + wait),
                    None => self.park(now + wait, now),
                }
            }
        }
    }

    /// Parks the lane until then. Probes keep their pace.
    fn park(&mut self, until: Instant, now: Instant) {
        let parked = self.parked.filter(|parked| parked.until > now);
        self.parked = Some(match parked {
            Some(parked) => Parked { until: parked.until.max(until), ..parked },
            None => Parked { until, probe_at: now + PROBE_EVERY },
        });
    }

    /// The line of calls that need the same as these.
    fn line(&mut self, sequence: &Sequence, first: &Call) -> LineId {
        let mut units = BTreeMap::new();
        for Waiting { call, .. } in sequence {
            for charge in self.limits.charges(self.service, &call.method, &call.path) {
                *units.entry(self.keys.limit(&charge)).or_default() += charge.units;
            }
        }
        let (mailbox, parked_with) = (self.mailbox(first), self.parked_with(first));
        let terms = Terms { priority: first.priority, mailbox, parked_with, units };
        if let Some(id) = self.by_terms.get(&terms) {
            return *id;
        }
        let (id, terms) = (LineId(self.arrived), Arc::new(terms));
        terms.keys().for_each(|key| self.keys.hold(key));
        self.by_terms.insert(Arc::clone(&terms), id);
        self.lines.insert(id, Line::new(terms));
        self.woken.push(id);
        id
    }

    /// Changes a line and keeps the order by patience.
    fn change<T>(&mut self, id: LineId, change: impl FnOnce(&mut Line) -> T) -> Option<T> {
        let line = self.lines.get_mut(&id)?;
        let before = line.patience();
        let changed = change(line);
        let after = line.patience();
        if before != after {
            before.map(|before| self.by_patience.remove(&(before, id)));
            after.map(|after| self.by_patience.insert((after, id)));
        }
        Some(changed)
    }

    /// Has a line looked at in the next release, or in this one.
    fn wake(&mut self, id: LineId) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        match std::mem::replace(&mut line.whereabouts, Whereabouts::Woken) {
            Whereabouts::Woken => return,
            Whereabouts::Ready(place) => {
                self.ready.remove(&place);
            }
            Whereabouts::At(gate, place) => {
                line.came_through = Some(gate);
                self.gates.leave(gate, place);
            }
        }
        self.woken.push(id);
    }

    /// Has every line looked at: when there is room in a limit has changed.
    fn wake_all(&mut self) {
        let lines: Vec<_> = self.lines.keys().copied().collect();
        lines.into_iter().for_each(|id| self.wake(id));
    }

    /// Lets the first line at a gate through.
    fn open(&mut self, gate: Gate) {
        if let Some(id) = self.gates.first(gate) {
            self.wake(id);
        }
    }

    fn make_ready(&mut self, id: LineId) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        let Some(place) = line.place(id) else { return };
        if let Whereabouts::Ready(before) =
            std::mem::replace(&mut line.whereabouts, Whereabouts::Ready(place))
        {
            self.ready.remove(&before);
        }
        self.ready.insert(place);
    }

    /// The first line whose calls the number of calls in progress allows. A lock-out waits for no other call.
    fn first_with_a_turn(&self) -> Option<Place> {
        let first = self.ready.first().copied()?;
        let under_way = match first {
            (Priority::LockOut, ..) => self.lock_outs_under_way,
            _ => self.under_way,
        };
        (under_way < self.concurrency.calls()).then_some(first)
    }

    /// Whether the first call of a line may go, as far as limits and its mailbox decide. If not, the line waits at a
    /// gate, and those that would wait too long are refused.
    fn may_go(&mut self, id: LineId, now: Instant, released: &mut Released) -> bool {
        #[cfg(test)]
        {
            self.looks += 1;
        }
        while self.lines.get(&id).is_some_and(Line::first_is_abandoned) {
            self.waiting -= 1;
            self.change(id, Line::pop);
        }
        let Some(terms) = self.lines.get(&id).map(|line| Arc::clone(&line.terms)) else { return false };
        let (room_at, gate) = self.room(&terms, now);
        if room_at > now {
            self.refuse(id, room_at, now, released);
        }
        if self.retire_if_empty(id) {
            return false;
        }
        let turn = terms.mailbox.filter(|mailbox| !self.keys.mailbox_has_turn(*mailbox)).map(Gate::Turn);
        let Some(gate) = gate.or(turn) else { return true };
        self.stop_at(id, gate, Some(room_at).filter(|at| *at > now));
        false
    }

    /// When limits and parked times allow calls on these terms, and the gate that opens last.
    fn room(&mut self, terms: &Terms, now: Instant) -> (Instant, Option<Gate>) {
        let locks_out = terms.priority == Priority::LockOut;
        let mut latest = (now, None);
        let parked = terms.parked_with.and_then(|key| Some((self.keys.parked(key)?, Gate::Parked(key))));
        let rooms = terms.units.iter().map(|(limit, units)| {
            let at = self.keys.room_at(*limit, now, Wanted { units: *units, locks_out }, &self.share);
            (at, Gate::Room { limit: *limit, units: *units, locks_out })
        });
        for (at, gate) in rooms.chain(parked) {
            if at > latest.0 {
                latest = (at, Some(gate));
            }
        }
        latest
    }

    /// Refuses the calls of a line whose patience ends before it may go.
    fn refuse(&mut self, id: LineId, room_at: Instant, now: Instant, released: &mut Released) {
        while let Some(Some(sequence)) = self.change(id, |line| line.pop_impatient(room_at)) {
            self.waiting -= 1;
            released.refused.extend(sequence.into_iter().map(|waiting| (waiting, room_at - now)));
        }
    }

    fn stop_at(&mut self, id: LineId, gate: Gate, opens_at: Option<Instant>) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        let Some(place) = line.place(id) else { return };
        if let Whereabouts::Ready(place) = line.whereabouts {
            self.ready.remove(&place);
        }
        line.whereabouts = Whereabouts::At(gate, place);
        let came_through = line.came_through.take().filter(|other| *other != gate);
        self.gates.wait(gate, place, opens_at);
        came_through.into_iter().for_each(|gate| self.open(gate));
    }

    /// Takes out the first call of a line, to be sent.
    fn begin(&mut self, id: LineId, now: Instant) -> Option<Sequence> {
        let sequence = self.change(id, Line::pop)??;
        let line = self.lines.get_mut(&id)?;
        let (terms, came_through) = (Arc::clone(&line.terms), line.came_through.take());
        self.waiting -= 1;
        self.under_way += sequence.len();
        if terms.priority == Priority::LockOut {
            self.lock_outs_under_way += sequence.len();
        }
        terms.mailbox.into_iter().for_each(|mailbox| self.keys.begin_in_mailbox(mailbox, sequence.len()));
        let locks_out = terms.priority == Priority::LockOut;
        for (limit, units) in &terms.units {
            self.keys.take(*limit, now, Wanted { units: *units, locks_out });
        }
        if !self.retire_if_empty(id) {
            self.make_ready(id);
        }
        came_through.into_iter().for_each(|gate| self.open(gate));
        Some(sequence)
    }

    /// Drops a line without calls, and lets the next through the gate that it passed. Returns whether it did.
    fn retire_if_empty(&mut self, id: LineId) -> bool {
        if self.lines.get(&id).is_none_or(|line| line.first().is_some()) {
            return false;
        }
        let Some(line) = self.lines.remove(&id) else { return true };
        match line.whereabouts {
            Whereabouts::Woken => {}
            Whereabouts::Ready(place) => {
                self.ready.remove(&place);
            }
            Whereabouts::At(gate, place) => self.gates.leave(gate, place),
        }
        self.by_terms.remove(&line.terms);
        line.terms.keys().for_each(|key| self.keys.let_go(key));
        line.came_through.into_iter().for_each(|gate| self.open(gate));
        true
    }

    /// The key to park when Graph throttles this call; none for the whole lane.
    fn parked_with(&mut self, call: &Call) -> Option<Key> {
        match self.service {
            Service::Exchange => self.mailbox(call),
            Service::Reports => {
                let charges = self.limits.charges(self.service, &call.method, &call.path);
                charges.first().map(|charge| self.keys.limit(charge))
            }
            _ => None,
        }
    }

    fn mailbox(&mut self, call: &Call) -> Option<Key> {
        if self.service != Service::Exchange {
            return None;
        }
        let segments: Vec<&str> = call.path.split(['/', '?']).filter(|segment| !segment.is_empty()).collect();
        limits::mailbox_of(&segments).map(|mailbox| self.keys.key(mailbox))
    }
}
