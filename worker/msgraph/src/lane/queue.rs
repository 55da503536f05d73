//! The waiting calls of one lane, and which of them may be sent.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::concurrency::Concurrency;
use super::limits::{self, CALLS_AT_A_TIME_IN_A_MAILBOX, Charge, Limits};
use super::priority::Priority;
use super::rate_limit::RateLimit;
use super::waiting::{Sequence, Waiting};
use crate::error::Error;
use crate::http::call::Call;
use crate::observer::Service;

/// Unused limits are forgotten when there are this many.
const MANY_LIMITS: usize = 1_000;

/// A waiting sequence of calls, and what it takes from the limits.
struct Queued {
    sequence: Sequence,
    priority: Priority,
    patience: Instant,
    /// The mailbox of the calls, and the key that is parked when Graph throttles them.
    mailbox: Option<String>,
    parked_with: String,
    charges: Vec<Charge>,
}

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

pub(super) struct Queue {
    service: Service,
    limits: Limits,
    queued: [VecDeque<Queued>; 3],
    concurrency: Concurrency,
    under_way: usize,
    rate_limits: HashMap<String, RateLimit>,
    /// Until when Graph throttles: the whole lane under the empty key, else a mailbox or a report.
    parked: HashMap<String, Instant>,
    /// Calls in progress by mailbox.
    mailboxes: HashMap<String, usize>,
}

impl Queue {
    pub(super) fn new(service: Service, limits: Limits) -> Self {
        Self {
            service,
            limits,
            queued: Default::default(),
            concurrency: Concurrency::default(),
            under_way: 0,
            rate_limits: HashMap::new(),
            parked: HashMap::new(),
            mailboxes: HashMap::new(),
        }
    }

    pub(super) fn service(&self) -> Service {
        self.service
    }

    pub(super) fn waiting(&self) -> usize {
        self.queued.iter().map(VecDeque::len).sum()
    }

    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    pub(super) fn push(&mut self, sequence: Sequence) {
        let Some(first) = sequence.first() else { return };
        let charges = sequence.iter().map(|waiting| &waiting.call);
        let charges = charges.flat_map(|call| self.limits.charges(self.service, &call.method, &call.path));
        let next = Queued {
            priority: first.call.priority,
            patience: first.patience,
            mailbox: self.mailbox(&first.call),
            parked_with: self.parked_with(&first.call),
            charges: charges.collect(),
            sequence,
        };
        self.keep(next);
    }

    /// Takes out the calls that may be sent now, by priority and then by arrival, and those that would wait too long.
    pub(super) fn release(&mut self, now: Instant) -> Released {
        self.parked.retain(|_, until| *until > now);
        self.forget_unused_limits(now);
        let mut released = Released::default();
        for next in std::mem::take(&mut self.queued).into_iter().flatten() {
            if next.sequence.iter().all(|waiting| waiting.reply.is_closed()) {
                continue;
            }
            let room_at = self.room_at(&next, now);
            if room_at > next.patience.max(now) {
                released.refused.extend(next.sequence.into_iter().map(|waiting| (waiting, room_at - now)));
            } else if room_at > now {
                released.room_at = Some(released.room_at.map_or(room_at, |other| other.min(room_at)));
                self.keep(next);
            } else if self.has_turn(&next) {
                self.begin(&next, now);
                released.sequences.push(next.sequence);
            } else {
                self.keep(next);
            }
        }
        released
    }

    /// Records how a call ended.
    pub(super) fn finished(&mut self, call: &Call, error: Option<&Error>, now: Instant) {
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(mailbox) = self.mailbox(call)
            && let Some(calls) = self.mailboxes.get_mut(&mailbox)
        {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                self.mailboxes.remove(&mailbox);
            }
        }
        let Some(error) = error else { return self.concurrency.went_well() };
        if error.asks_to_slow_down() {
            self.concurrency.refused(now);
            if let Some(wait) = error.retry_after().filter(|wait| !wait.is_zero()) {
                let until = self.parked.entry(self.parked_with(call)).or_insert(now);
                *until = (*until).max(now + wait);
            }
        }
    }

    fn keep(&mut self, next: Queued) {
        let [lock_out, lifecycle, sync] = &mut self.queued;
        let queued = match next.priority {
            Priority::LockOut => lock_out,
            Priority::Lifecycle => lifecycle,
            Priority::Sync => sync,
        };
        queued.push_back(next);
    }

    /// When the limits allow the calls, as far as known.
    fn room_at(&mut self, next: &Queued, now: Instant) -> Instant {
        let parked = ["", next.parked_with.as_str()].into_iter().filter_map(|name| self.parked.get(name));
        let mut at = parked.fold(now, |at, until| at.max(*until));
        for charge in &next.charges {
            if let Some(limit) = self.rate_limits.get_mut(&charge.key) {
                at = at.max(limit.room_at(now, charge.units));
            }
        }
        at
    }

    /// Whether the number of calls in progress allows another.
    fn has_turn(&self, next: &Queued) -> bool {
        let in_mailbox = next.mailbox.as_ref().and_then(|mailbox| self.mailboxes.get(mailbox));
        self.under_way < self.concurrency.calls()
            && in_mailbox.is_none_or(|calls| *calls < CALLS_AT_A_TIME_IN_A_MAILBOX)
    }

    fn begin(&mut self, next: &Queued, now: Instant) {
        self.under_way += next.sequence.len();
        if let Some(mailbox) = &next.mailbox {
            *self.mailboxes.entry(mailbox.clone()).or_default() += next.sequence.len();
        }
        for charge in &next.charges {
            let limit = self.rate_limits.entry(charge.key.clone());
            limit.or_insert_with(|| RateLimit::new(charge.limit, charge.span)).take(now, charge.units);
        }
    }

    /// The key to park when Graph throttles this call.
    fn parked_with(&self, call: &Call) -> String {
        match self.service {
            Service::Exchange => self.mailbox(call).unwrap_or_default(),
            Service::Reports => {
                let charges = self.limits.charges(self.service, &call.method, &call.path);
                charges.into_iter().next().map(|charge| charge.key).unwrap_or_default()
            }
            _ => String::new(),
        }
    }

    fn mailbox(&self, call: &Call) -> Option<String> {
        if self.service != Service::Exchange {
            return None;
        }
        let segments: Vec<&str> = call.path.split(['/', '?']).filter(|segment| !segment.is_empty()).collect();
        limits::mailbox_of(&segments).map(str::to_owned)
    }

    fn forget_unused_limits(&mut self, now: Instant) {
        if self.rate_limits.len() > MANY_LIMITS {
            self.rate_limits.retain(|_, limit| !limit.is_empty(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::{Method, Url};
    use tokio::sync::oneshot;

    use super::*;
    use crate::error::answer::Answer;
    use crate::error::context::{Context, Peer};
    use crate::token::access_token::Token;

    /// A call that waits as long as it has to; its number is the attempt.
    fn waiting(
        priority: Priority,
        path: &str,
        number: u32,
    ) -> (Waiting, oneshot::Receiver<super::super::waiting::Answered>) {
        let (method, address, request_id) = (Method::GET, String::new(), number.to_string());
        let context = Context { peer: Peer::Graph, method, address, request_id };
        let call = Call {
            service: Service::Exchange,
            priority,
            method: Method::GET,
            url: Url::parse("https://graph.contoso.example/v1.0").unwrap(),
            path: path.to_owned(),
            relative: Some(path.to_owned()),
            body: None,
            is_file: false,
            extra_headers: Vec::new(),
            wants_answer: true,
            attempt: number,
            context,
        };
        let (reply, answer) = oneshot::channel();
        let patience = Instant::now() + Duration::from_secs(3_600);
        (Waiting { call, token: Token::empty(), patience, reply }, answer)
    }

    fn numbers(sequences: &[Sequence]) -> Vec<u32> {
        sequences.iter().flatten().map(|waiting| waiting.call.attempt).collect()
    }

    #[tokio::test]
    async fn a_lock_out_overtakes_what_waits_and_sync_comes_last() {
        let mut queue = Queue::new(Service::Exchange, Limits::default());
        let order = [Priority::Sync, Priority::Lifecycle, Priority::LockOut, Priority::Lifecycle];
        let mut answers = Vec::new();
        for (number, priority) in (0..).zip(order) {
            let (waiting, answer) = waiting(priority, "/users/ada/messages", number);
            queue.push(vec![waiting]);
            answers.push(answer);
        }
        assert_eq!(numbers(&queue.release(Instant::now()).sequences), [2, 1, 3, 0]);
    }

    #[tokio::test]
    async fn a_mailbox_has_four_calls_at_a_time_and_is_parked_alone() {
        let mut queue = Queue::new(Service::Exchange, Limits::default());
        let mut answers = Vec::new();
        let mut push = |queue: &mut Queue, path: &str, number| {
            let (waiting, answer) = waiting(Priority::Lifecycle, path, number);
            queue.push(vec![waiting]);
            answers.push(answer);
        };
        (0..6).for_each(|number| push(&mut queue, "/users/ada/messages", number));
        push(&mut queue, "/users/grace/messages", 6);
        let now = Instant::now();
        let first = queue.release(now).sequences;
        assert_eq!(numbers(&first), [0, 1, 2, 3, 6]);

        let throttled =
            Answer { status: Some(429), retry_after: Some(Duration::from_secs(10)), ..Answer::default() };
        let throttled = Error::refused(throttled, &first[0][0].call.context);
        queue.finished(&first[0][0].call, Some(&throttled), now);
        queue.finished(&first[4][0].call, None, now);
        push(&mut queue, "/users/grace/messages", 7);
        let released = queue.release(now);
        assert_eq!(numbers(&released.sequences), [7], "one mailbox is parked, the other is not");
        assert_eq!(released.room_at, Some(now + Duration::from_secs(10)));
        let later = queue.release(now + Duration::from_secs(10)).sequences;
        assert_eq!(numbers(&later), [4]);
    }
}
