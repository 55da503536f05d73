//! The limits, mailboxes and reports that calls name, as numbers, and what is known of each.

use std::collections::HashMap;

use tokio::time::Instant;

use super::limits::{CALLS_AT_A_TIME_IN_A_MAILBOX, Charge};
use super::rate_limit::{RateLimit, Wanted};
use super::share::Share;

/// Unused keys are forgotten when there are at least this many.
const MANY: usize = 1_000;

/// The number of a limit, a mailbox or a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(u64);

/// What is known of a key.
#[derive(Default)]
struct State {
    limit: Option<RateLimit>,
    /// Until when Graph throttles it.
    parked: Option<Instant>,
    /// Its calls in progress, if it is a mailbox.
    under_way: usize,
    /// How many lines of waiting calls name it.
    lines: usize,
}

impl State {
    fn is_unused(&mut self, now: Instant) -> bool {
        self.lines == 0
            && self.under_way == 0
            && self.parked.is_none_or(|until| until <= now)
            && self.limit.as_mut().is_none_or(|limit| limit.is_empty(now))
    }
}

/// Every key in use.
pub(super) struct Keys {
    numbers: HashMap<String, Key>,
    states: HashMap<Key, State>,
    next: u64,
    forgets_at: usize,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self { numbers: HashMap::new(), states: HashMap::new(), next: 0, forgets_at: MANY }
    }

    /// The number of a name.
    pub(super) fn key(&mut self, name: &str) -> Key {
        if let Some(key) = self.numbers.get(name) {
            return *key;
        }
        let key = Key(self.next);
        self.next += 1;
        self.numbers.insert(name.to_owned(), key);
        self.states.insert(key, State::default());
        key
    }

    /// The number of a charge's limit.
    pub(super) fn limit(&mut self, charge: &Charge) -> Key {
        let key = self.key(&charge.key);
        if let Some(state) = self.states.get_mut(&key) {
            let new = || RateLimit::new(charge.limit);
            state.limit.get_or_insert_with(new);
        }
        key
    }

    /// Records that a line of waiting calls names the key, or no longer does.
    pub(super) fn hold(&mut self, key: Key) {
        self.change(key, |state| state.lines += 1);
    }

    pub(super) fn let_go(&mut self, key: Key) {
        self.change(key, |state| state.lines = state.lines.saturating_sub(1));
    }

    /// When the share of the limit has room for this; `now` if it has.
    pub(super) fn room_at(&mut self, key: Key, now: Instant, wanted: Wanted, share: &Share) -> Instant {
        let limit = self.states.get_mut(&key).and_then(|state| state.limit.as_mut());
        limit.map_or(now, |limit| limit.room_at(now, wanted, share))
    }

    pub(super) fn take(&mut self, key: Key, now: Instant, wanted: Wanted) {
        if let Some(limit) = self.states.get_mut(&key).and_then(|state| state.limit.as_mut()) {
            limit.take(now, wanted);
        }
    }

    pub(super) fn park(&mut self, key: Key, until: Instant) {
        self.change(key, |state| state.parked = state.parked.max(Some(until)));
    }

    /// Until when the key is parked, if it is.
    pub(super) fn parked(&self, key: Key) -> Option<Instant> {
        self.states.get(&key)?.parked
    }

    pub(super) fn mailbox_has_turn(&self, mailbox: Key) -> bool {
        self.states.get(&mailbox).is_none_or(|state| state.under_way < CALLS_AT_A_TIME_IN_A_MAILBOX)
    }

    pub(super) fn begin_in_mailbox(&mut self, mailbox: Key, calls: usize) {
        self.change(mailbox, |state| state.under_way += calls);
    }

    pub(super) fn end_in_mailbox(&mut self, mailbox: Key) {
        self.change(mailbox, |state| state.under_way = state.under_way.saturating_sub(1));
    }

    /// Forgets unused keys, seldom enough that each new key pays for it.
    pub(super) fn forget_unused(&mut self, now: Instant) {
        if self.states.len() < self.forgets_at {
            return;
        }
        self.states.retain(|_, state| !state.is_unused(now));
        self.numbers.retain(|_, key| self.states.contains_key(key));
        self.forgets_at = MANY.max(self.states.len() * 2);
    }

    fn change(&mut self, key: Key, change: impl FnOnce(&mut State)) {
        if let Some(state) = self.states.get_mut(&key) {
            change(state);
        }
    }
}
