//! Lanes: one for each Microsoft service of a tenant, where calls wait for their turn.
//!
//! **Guarantees**
//! - When Graph asks to be left alone, nothing more is sent to that service until then, whoever asked. In Outlook the
//!   mailbox is parked and not the service, for there Graph counts by mailbox; likewise a single report.
//! - The published limits ([`limits`]) are kept before Graph has to say so.
//! - At most four calls are under way in a mailbox.
//! - A call of higher [`Priority`](priority::Priority) overtakes every call that waits.
//! - Whoever would wait longer than its patience is told so at once and can wait elsewhere, holding nothing.
//! - Calls that wait at the same time travel together ([`crate::http::batching`]), up to twenty. A call that comes alone is
//!   sent at once; one that comes while others are under way waits at most [`LINGER`] for company.
//!
//! A call that was sent is brought to its end, also when nobody waits for its answer any more.

mod concurrency;
pub(crate) mod limits;
pub(crate) mod priority;
mod queue;
mod rate_limit;
pub(crate) mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::Error;
use crate::http::batching::{LARGEST_BATCH, Order};
use crate::http::call::Call;
use crate::http::transport::Transport;
use crate::observer::Service;
use crate::token::access_token::Token;
use limits::Limits;
use queue::{Queue, Released};
use waiting::{Answered, Sequence, Waiting};

/// How long a call waits for company while others are under way.
const LINGER: Duration = Duration::from_millis(2);

/// The lanes of a tenant.
pub(crate) struct Lanes([Arc<Lane>; Service::ALL.len()]);

impl Lanes {
    pub(crate) fn new(transport: &Arc<Transport>, limits: Limits, batching: bool) -> Self {
        Self(Service::ALL.map(|service| {
            let state = Mutex::new(State::new(Queue::new(service, limits)));
            Arc::new(Lane { transport: Arc::clone(transport), batching, state })
        }))
    }

    /// Sends calls of one service in their turn: one, or several that Graph carries out one after the other, each only
    /// if the one before it went well. The answers come in the calls' order.
    pub(crate) async fn send(&self, calls: Vec<Call>, token: &Token, patience: Instant) -> Vec<Answered> {
        let Some(service) = calls.first().map(|call| call.service) else { return Vec::new() };
        let mut sequence = Vec::with_capacity(calls.len());
        let mut answers = Vec::with_capacity(calls.len());
        for call in calls {
            let (reply, answer) = oneshot::channel();
            answers.push((call.context.clone(), answer));
            sequence.push(Waiting { call, token: token.clone(), patience, reply });
        }
        if let Some(lane) = self.0.iter().find(|lane| lane.state().queue.service() == service) {
            lane.enter(sequence);
        }
        let mut answered = Vec::with_capacity(answers.len());
        for (context, answer) in answers {
            let lost = || Answered { outcome: Err(Error::lost(&context)), token: None };
            answered.push(answer.await.unwrap_or_else(|_| lost()));
        }
        answered
    }
}

struct Lane {
    transport: Arc<Transport>,
    batching: bool,
    state: Mutex<State>,
}

struct State {
    queue: Queue,
    /// Somebody will look at the queue in a moment.
    looks_soon: bool,
    /// When somebody will look at the queue because a limit has room again.
    wakes_at: Option<Instant>,
    /// When the last trip of several calls ended: those it carried tend to come back together.
    had_company_at: Option<Instant>,
}

impl State {
    fn new(queue: Queue) -> Self {
        Self { queue, looks_soon: false, wakes_at: None, had_company_at: None }
    }
}

impl Lane {
    /// Takes a call in and sees to it that it is looked at.
    fn enter(self: &Arc<Self>, sequence: Sequence) {
        let mut state = self.state();
        state.queue.push(sequence);
        if !self.batching || state.queue.waiting() >= LARGEST_BATCH {
            return self.look(state);
        }
        if state.looks_soon {
            return;
        }
        state.looks_soon = true;
        let recently = |at: Instant| at.elapsed() < LINGER;
        let alone = state.queue.under_way() == 0 && !state.had_company_at.is_some_and(recently);
        drop(state);
        let lane = Arc::clone(self);
        tokio::spawn(async move {
            if alone {
                // Whoever is polled together with this call enters before the queue is looked at.
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(LINGER).await;
            }
            let mut state = lane.state();
            state.looks_soon = false;
            lane.look(state);
        });
    }

    /// Sends what may be sent now.
    fn look(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let Released { sequences, refused, room_at } = state.queue.release(Instant::now());
        if let Some(at) = room_at
            && state.wakes_at.is_none_or(|wakes_at| at < wakes_at)
        {
            state.wakes_at = Some(at);
            let lane = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep_until(at).await;
                let mut state = lane.state();
                state.wakes_at = state.wakes_at.filter(|wakes_at| *wakes_at > at);
                lane.look(state);
            });
        }
        drop(state);
        for (waiting, wait) in refused {
            let outcome = Err(Error::parked(wait, &waiting.call.context));
            // Nobody may be waiting any more.
            let _ = waiting.reply.send(Answered { outcome, token: None });
        }
        for (trip, order) in trips(sequences, self.batching) {
            tokio::spawn(Arc::clone(self).travel(trip, order));
        }
    }

    /// One round trip, and what follows from it.
    async fn travel(self: Arc<Self>, trip: Vec<Waiting>, order: Order) {
        let Some(token) =
            trip.iter().map(|waiting| &waiting.token).max_by_key(|token| token.generation()).cloned()
        else {
            return;
        };
        let (calls, replies): (Vec<_>, Vec<_>) =
            trip.into_iter().map(|waiting| (waiting.call, waiting.reply)).unzip();
        let outcomes = self.transport.round_trip(&calls, order, &token).await;
        {
            let mut state = self.state();
            let now = Instant::now();
            for (call, outcome) in calls.iter().zip(&outcomes) {
                state.queue.finished(call, outcome.as_ref().err(), now);
            }
            if calls.len() > 1 {
                state.had_company_at = Some(now);
            }
            self.look(state);
        }
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            // Nobody may be waiting any more.
            let _ = reply.send(Answered { outcome, token: Some(token.clone()) });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which calls travel together: those that may, twenty at most. A sequence of several travels by itself, because
/// Graph takes a batch in which either no call waits for another or each for the one before it.
fn trips(sequences: Vec<Sequence>, batching: bool) -> Vec<(Vec<Waiting>, Order)> {
    let (single, several): (Vec<_>, Vec<_>) = sequences.into_iter().partition(|sequence| sequence.len() == 1);
    let mut trips: Vec<_> = several.into_iter().map(|sequence| (sequence, Order::OneByOne)).collect();
    let (together, alone): (Vec<_>, Vec<_>) =
        single.into_iter().flatten().partition(|waiting| batching && waiting.call.relative.is_some());
    trips.extend(alone.into_iter().map(|waiting| (vec![waiting], Order::AtOnce)));
    let mut together = together.into_iter().peekable();
    while together.peek().is_some() {
        trips.push((together.by_ref().take(LARGEST_BATCH).collect(), Order::AtOnce));
    }
    trips
}
