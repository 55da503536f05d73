//! The loop that takes deliveries, gives them to a handler, and never ends by itself.

use std::{
    ops::ControlFlow,
    pin::{Pin, pin},
    sync::Arc,
};

use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout_at},
};
use tokio_util::task::TaskTracker;

use super::delay::{self, Verdict};
use crate::{
    Cause, DeadLetter, Delivery, Error, Message, Observer, Outgoing, Publisher, Readiness, Receipt, Settings,
    dead_letters::letter,
    session::{Session, Setup, reconnect::Reconnect},
};

/// What is done with a delivery.
pub trait Handler: Send + Sync + 'static {
    /// Deals with one delivery: publishes what follows from it, then acknowledges it.
    ///
    /// Runs in a task of its own. Use the publisher given here, which belongs to the delivery's
    /// session; once that session is lost, publishing and acknowledging fail and the message comes again.
    fn handle(&self, delivery: Delivery, publisher: &Publisher) -> impl Future<Output = ()> + Send;
}

/// A worker on one queue.
pub struct Consumer {
    setup: Setup,
    readiness: Readiness,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Handlers that were still running when the grace was over; their messages come again.
    pub abandoned: usize,
}

impl Consumer {
    /// # Errors
    /// When the settings cannot work whatever the broker says: address, prefix, or unknown queue.
    pub fn new(settings: Settings, queue: &str, observer: Arc<dyn Observer>) -> Result<Self, Error> {
        settings.uri()?;
        let topology = Arc::new(settings.topology()?);
        let queue = topology.work_queue(queue)?;
        Ok(Self { setup: Setup { settings, topology, queue, observer }, readiness: Readiness::default() })
    }

    /// Tells whether there is a session.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Handles deliveries until `shutdown` completes; then takes no more, waits for the handlers within
    /// the grace, and closes.
    ///
    /// **Guarantees**
    /// - A session that breaks is replaced, for ever; only `shutdown` ends this.
    /// - At most `prefetch` handlers run, over all sessions together.
    /// - A handler is never aborted, and a panic in it ends its session, not this loop.
    /// - A message that is not due yet never reaches the handler.
    pub async fn serve<H: Handler>(self, handler: H, shutdown: impl Future<Output = ()> + Send) -> Ended {
        let mut shutdown = pin!(shutdown);
        let Self { setup, readiness } = self;
        let dispatcher = Dispatcher::new(setup, handler);
        let mut reconnect = Reconnect::default();
        let mut last_failure = String::new();
        let mut number = 0_u64;
        loop {
            let opened = tokio::select! {
                biased;
                () = &mut shutdown => break,
                opened = Session::open(&dispatcher.setup) => opened,
            };
            let wait = match opened {
                Ok(session) => {
                    number = number.saturating_add(1);
                    last_failure.clear();
                    readiness.up();
                    let opened_at = Instant::now();
                    if let ControlFlow::Break(deadline) =
                        dispatcher.work(session, number, shutdown.as_mut()).await
                    {
                        readiness.stopped();
                        return dispatcher.finish(deadline).await;
                    }
                    readiness.lost();
                    reconnect.after_session(opened_at.elapsed())
                }
                Err(error) => {
                    dispatcher.report_failure(&error, &mut last_failure);
                    reconnect.after_failure(&error)
                }
            };
            tokio::select! {
                () = &mut shutdown => break,
                () = sleep(wait) => {}
            }
        }
        readiness.stopped();
        let deadline = dispatcher.deadline();
        dispatcher.finish(deadline).await
    }
}

/// Where deliveries are handed out, over all sessions.
struct Dispatcher<H> {
    setup: Setup,
    handler: Arc<H>,
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl<H: Handler> Dispatcher<H> {
    fn new(setup: Setup, handler: H) -> Self {
        let permits = Arc::new(Semaphore::new(setup.settings.prefetch.get().into()));
        Self { setup, handler: Arc::new(handler), permits, tasks: TaskTracker::new() }
    }

    /// Works in one session until it ends or we are to stop.
    async fn work(
        &self,
        mut session: Session,
        number: u64,
        mut shutdown: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> ControlFlow<Instant> {
        let lifetime = session.lifetime.clone();
        tracing::info!(queue = %self.setup.queue, session = number, "broker session is up");
        self.setup.observer.session_started(number);
        let stop = tokio::select! {
            biased;
            () = &mut shutdown => true,
            () = lifetime.over() => false,
            () = self.take(&mut session) => false,
        };
        let mut next = ControlFlow::Continue(());
        if stop {
            let deadline = self.deadline();
            session.stop_taking().await;
            self.tasks.close();
            tokio::select! {
                _ = timeout_at(deadline, self.tasks.wait()) => {}
                () = lifetime.over() => {}
            }
            lifetime.end(Cause::Shutdown, "asked to stop");
            next = ControlFlow::Break(deadline);
        }
        let (cause, detail) = (lifetime.cause(), lifetime.detail());
        self.setup.observer.session_ended(cause);
        if cause == Cause::Shutdown {
            tracing::info!(queue = %self.setup.queue, session = number, "broker session closed");
        } else {
            tracing::warn!(queue = %self.setup.queue, session = number, %cause, detail, "broker session is lost; opening another");
        }
        session.close().await;
        next
    }

    /// Hands out deliveries until the consumer ends.
    async fn take(&self, session: &mut Session) {
        let mut blocked = session.publisher.blocked();
        loop {
            let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else { return };
            // What cannot be published cannot be finished, so nothing new is begun. An error here
            // means that the session has ended, which whoever polls us sees too.
            if blocked.wait_for(|blocked| !blocked).await.is_err() {
                return;
            }
            match session.consumer.next().await {
                Some(Ok(delivery)) => self.hand_out(delivery, session, permit),
                Some(Err(error)) => return session.lifetime.end(Cause::ConsumerLost, error),
                // Also what happens when the queue is deleted; connection and channel stay open then.
                None => return session.lifetime.end(Cause::ConsumerLost, "the broker ended the consumer"),
            }
        }
    }

    fn hand_out(&self, delivery: lapin::message::Delivery, session: &Session, permit: OwnedSemaphorePermit) {
        let observer = Arc::clone(&self.setup.observer);
        let (message, acker) = Message::from_lapin(delivery);
        observer.received(&self.setup.queue, message.redelivered);
        let receipt = Receipt::new(acker, session.lifetime.clone(), Arc::clone(&observer));
        let in_flight = InFlight::new(observer, self.setup.queue.clone(), permit);
        let (handler, publisher) = (Arc::clone(&self.handler), session.publisher.clone());
        self.tasks.spawn(async move {
            match delay::verdict(&message, Timestamp::now()) {
                Verdict::Due => handler.handle(Delivery::new(message, receipt), &publisher).await,
                early => in_flight.forward(early, Delivery::new(message, receipt), &publisher).await,
            }
        });
    }

    fn report_failure(&self, error: &Error, last: &mut String) {
        self.setup.observer.session_failed(error);
        let text = error.to_string();
        if *last != text {
            tracing::error!(queue = %self.setup.queue, error = %text, "no broker session; trying again until there is one");
            *last = text;
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.setup.settings.grace
    }

    async fn finish(self, deadline: Instant) -> Ended {
        self.tasks.close();
        // Handlers of a lost session run on; what is left of the grace is theirs too.
        let _ = timeout_at(deadline, self.tasks.wait()).await;
        Ended { abandoned: self.tasks.len() }
    }
}

/// Held by a handler's task. Released on any way out, a panic included.
struct InFlight {
    observer: Arc<dyn Observer>,
    queue: String,
    _permit: OwnedSemaphorePermit,
}

impl InFlight {
    fn new(observer: Arc<dyn Observer>, queue: String, permit: OwnedSemaphorePermit) -> Self {
        observer.in_flight(&queue, 1);
        Self { observer, queue, _permit: permit }
    }

    /// Sends a message that is not due to where it belongs: stored there first, then acknowledged here.
    async fn forward(&self, verdict: Verdict, delivery: Delivery, publisher: &Publisher) {
        let (message, receipt) = delivery.split();
        let outgoing = match verdict {
            Verdict::Early { due, hops } => {
                self.observer.redelayed(&self.queue);
                Outgoing::again(self.queue.clone(), due, hops, message)
            }
            Verdict::Due | Verdict::Endless => {
                self.observer.expired(&self.queue);
                let letter = DeadLetter::new(
                    letter::EXPIRED,
                    "it went round the delay without end; look at its due time",
                );
                Outgoing::dead(self.queue.clone(), &letter, &message)
            }
        };
        // On failure the receipt is dropped, the session ends, and the message comes again.
        if publisher.publish(&outgoing).await.is_ok() {
            let _ = receipt.ack().await;
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.observer.in_flight(&self.queue, -1);
        if std::thread::panicking() {
            self.observer.handler_panicked(&self.queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_without_its_work_queue_is_refused() {
        let url = || "amqp://localhost".to_owned().into();
        for queues in [Vec::new(), vec![crate::WorkQueue::new("orders", ["order.placed"])]] {
            let error = Consumer::new(Settings::new(url(), queues), "letters", Arc::new(())).err().unwrap();
            assert!(error.is_invalid() && error.to_string().contains("no work queue `letters`"), "{error}");
        }
    }
}
