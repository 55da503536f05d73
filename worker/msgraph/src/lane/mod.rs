//! Lanes: one for each Microsoft service of a tenant. Calls wait there for their turn.
//!
//! **Guarantees**
//! - When Graph throttles, the lane sends nothing more to that service until Graph's wait is over. In Outlook it parks
//!   the mailbox instead of the service, because Graph counts by mailbox there; likewise a single report.
//! - The lane keeps its [share] of the published limits ([`limits`]) before Graph throttles.
//! - A mailbox has at most four calls in progress.
//! - A call of higher [`Priority`] overtakes every waiting call.
//! - A call that locks a person out is not put off for what others spent: a tenth of the directory's limits is kept for
//!   such calls ([`limits`]), they wait for no other call in progress, and they share no batch with others. Only
//!   Graph's own throttling, and the four calls of a mailbox, hold them back; and while a lane is parked for long, one of
//!   them asks every minute whether it still is.
//! - A caller that would wait longer than its patience gets an error at once and can postpone its work.
//! - Calls that wait at the same time are sent together ([`crate::http::batching`]), up to twenty. A call that
//!   arrives alone is sent at once; one that arrives while others are in progress waits at most [`LINGER`] for more.
//!
//! A sent call is completed even if its caller no longer waits.

mod concurrency;
mod gates;
mod keys;
pub(crate) mod limits;
mod line;
pub(crate) mod priority;
mod queue;
mod rate_limit;
mod share;
#[cfg(test)]
mod tests;
pub(crate) mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::Error;
use crate::http::batching::{LARGEST_BATCH, Order};
use crate::http::call::Call;
use crate::http::transport::Transport;
use crate::observer::Service;
use crate::token::access_token::Token;
use limits::Limits;
use priority::Priority;
use queue::{Queue, Released};
use waiting::{Answered, Sequence, Waiting};

/// How long a call waits for more calls while others are in progress.
const LINGER: Duration = Duration::from_millis(2);

/// What a lane has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Its service.
    pub service: Service,
    /// Calls that wait for their turn.
    pub waiting: usize,
    /// Calls that have been sent and have no answer yet.
    pub under_way: usize,
}

/// The lanes of a tenant.
pub struct Lanes([Arc<Lane>; Service::ALL.len()]);

impl Lanes {
    pub(crate) fn new(transport: &Arc<Transport>, limits: Limits, batching: bool) -> Self {
        let runtime = Handle::try_current().ok();
        Self(Service::ALL.map(|service| {
            let state = Mutex::new(State::new(Queue::new(service, limits)));
            let runtime = runtime.clone();
            Arc::new(Lane { transport: Arc::clone(transport), batching, runtime, state })
        }))
    }

    /// Of each service, how many calls wait and how many are under way. Calls that travel in order count as one.
    pub fn load(&self) -> Vec<Load> {
        let load = |lane: &Arc<Lane>| {
            let queue = &lane.state().queue;
            Load { service: queue.service(), waiting: queue.waiting(), under_way: queue.under_way() }
        };
        self.0.iter().map(load).collect()
    }

    /// The share of the limits in force.
    pub fn share(&self) -> f64 {
        let [lane, ..] = &self.0;
        lane.state().queue.share(Instant::now())
    }

    /// Takes this share of the limits, as if it had always been so: what other processes have spent does not count.
    pub fn assume_share(&self, share: f64) {
        for lane in &self.0 {
            let mut state = lane.state();
            state.queue.assume_share(share);
            lane.look(state);
        }
    }

    /// Goes to this share of the limits: at once if it is smaller, else after `grows_in`. In each limit it comes to count
    /// over the limit's span, in which the process has the pace of the new share but no burst.
    pub fn go_to_share(&self, share: f64, grows_in: Duration) {
        for lane in &self.0 {
            let mut state = lane.state();
            state.queue.go_to_share(share, Instant::now(), grows_in);
            lane.look(state);
        }
    }

    /// Sends calls of one service in their turn: one, or several that Graph carries out one after the other, each only
    /// if the one before it succeeded. The answers are in the order of the calls.
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
    /// Where the client was made. Whoever releases a call, it travels there: a caller may run on threads that give way
    /// to others, and what it releases may be somebody else's.
    runtime: Option<Handle>,
    state: Mutex<State>,
}

struct State {
    queue: Queue,
    /// A task will release calls in a moment.
    looks_soon: bool,
    /// When a task will release calls because a limit has room again.
    wakes_at: Option<Instant>,
    /// When the last trip of several calls ended: their callers tend to send the next calls together.
    had_company_at: Option<Instant>,
}

impl State {
    fn new(queue: Queue) -> Self {
        Self { queue, looks_soon: false, wakes_at: None, had_company_at: None }
    }
}

impl Lane {
    /// Queues a call and schedules its release.
    fn enter(self: &Arc<Self>, sequence: Sequence) {
        let goes_alone = sequence.iter().all(|waiting| waiting.call.relative.is_none());
        let mut state = self.state();
        state.queue.push(sequence);
        if !self.batching || goes_alone || state.queue.waiting() >= LARGEST_BATCH {
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
        self.spawn(async move {
            if alone {
                // Callers that are polled together with this one queue their calls first.
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(LINGER).await;
            }
            let mut state = lane.state();
            state.looks_soon = false;
            lane.look(state);
        });
    }

    /// Sends the calls that may be sent now.
    fn look(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let Released { sequences, refused, room_at } = state.queue.release(Instant::now());
        if let Some(at) = room_at
            && state.wakes_at.is_none_or(|wakes_at| at < wakes_at)
        {
            state.wakes_at = Some(at);
            let lane = Arc::clone(self);
            self.spawn(async move {
                tokio::time::sleep_until(at).await;
                let mut state = lane.state();
                state.wakes_at = state.wakes_at.filter(|wakes_at| *wakes_at > at);
                lane.look(state);
            });
        }
        drop(state);
        for (waiting, wait) in refused {
            let outcome = Err(Error::parked(wait, &waiting.call.context));
            // The caller may have gone.
            let _ = waiting.reply.send(Answered { outcome, token: None });
        }
        for (trip, order) in trips(sequences, self.batching) {
            self.spawn(Arc::clone(self).travel(trip, order));
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.runtime {
            Some(runtime) => drop(runtime.spawn(task)),
            None => drop(tokio::spawn(task)),
        }
    }

    /// Makes one round trip and reports its outcomes to the queue and the callers.
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
            // The caller may have gone.
            let _ = reply.send(Answered { outcome, token: Some(token.clone()) });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Groups calls into round trips: those that may share a batch, at most twenty. A sequence of several calls gets its
/// own trip, because in a batch either no call depends on another or each depends on the one before it. Lock-outs share
/// no trip with other calls: a batch is answered when its slowest part is.
fn trips(sequences: Vec<Sequence>, batching: bool) -> Vec<(Vec<Waiting>, Order)> {
    let (single, several): (Vec<_>, Vec<_>) = sequences.into_iter().partition(|sequence| sequence.len() == 1);
    let mut trips: Vec<_> = several.into_iter().map(|sequence| (sequence, Order::OneByOne)).collect();
    let (together, alone): (Vec<_>, Vec<_>) =
        single.into_iter().flatten().partition(|waiting| batching && waiting.call.relative.is_some());
    trips.extend(alone.into_iter().map(|waiting| (vec![waiting], Order::AtOnce)));
    let (lock_outs, others): (Vec<_>, Vec<_>) =
        together.into_iter().partition(|waiting| waiting.call.priority == Priority::LockOut);
    for together in [lock_outs, others] {
        let mut together = together.into_iter().peekable();
        while together.peek().is_some() {
            trips.push((together.by_ref().take(LARGEST_BATCH).collect(), Order::AtOnce));
        }
    }
    trips
}
