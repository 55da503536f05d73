//! The loop that takes deliveries and hands them to a handler until it is told to stop.

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

use super::{
    delay::{self, Verdict},
    storm,
};
use crate::{
    Cause, DeadLetter, Delivery, Error, Message, Observer, Outgoing, Publisher, Readiness, Receipt, Settings,
    dead_letters::letter,
    session::{Session, Setup, reconnect::Reconnect},
};

/// The work that one delivery causes.
pub trait Handler: Send + Sync + 'static {
    /// Handles one delivery: publishes the messages that follow from it, then acknowledges it.
    ///
    /// Runs in a task of its own. Use the given publisher, which belongs to the delivery's session; once
    /// that session is lost, publishing and acknowledging fail and the broker delivers the message again.
    fn handle(&self, delivery: Delivery, publisher: &Publisher) -> impl Future<Output = ()> + Send;

    /// What others should hear of a message that is not due and goes back to the delay, where it is since this time, or
    /// of which it was said then that it is. It is published before the message goes back; whoever says something here
    /// is asked again with the time of that. After a crash between the two it is said again in the same words.
    fn still_waits(&self, _message: &Message, _since: Timestamp) -> Option<Outgoing> {
        None
    }

    /// What tells others that the consumer itself sets a message aside. It is published when the dead letter
    /// is stored.
    fn announce(&self, _letter: &DeadLetter, _dead: &Outgoing) -> Option<Outgoing> {
        None
    }
}

/// The consumer of one work queue.
pub struct Consumer {
    setup: Setup,
    readiness: Readiness,
}

/// How [`Consumer::serve`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How many handlers still ran after the grace period; the broker delivers their messages again.
    pub abandoned: usize,
}

impl Consumer {
    /// A consumer of work queue `queue`, which has to be one of the settings' work queues.
    ///
    /// # Errors
    /// When the address, the prefix or a queue name is not valid, or `queue` is not a work queue.
    pub fn new(settings: Settings, queue: &str, observer: Arc<dyn Observer>) -> Result<Self, Error> {
        settings.addresses()?;
        let topology = Arc::new(settings.topology()?);
        let queue = topology.work_queue(queue)?;
        Ok(Self { setup: Setup { settings, topology, queue, observer }, readiness: Readiness::default() })
    }

    /// Reports whether a session is open.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Handles deliveries until `shutdown` completes. Then takes no more, waits for the handlers within the
    /// grace period, and closes.
    ///
    /// **Guarantees**
    /// - A session that breaks is always replaced; only `shutdown` ends the loop.
    /// - At most `prefetch` handlers run at once, over all sessions together.
    /// - A handler is never aborted. A panic in a handler ends its session, not the loop.
    /// - A message that is not due never reaches the handler, nor one that returned too often without being settled.
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

/// Hands deliveries to handlers, over all sessions.
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

    /// Works in one session until it ends or `shutdown` completes.
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
            lifetime.end(Cause::Shutdown, "the program asked it to stop");
            next = ControlFlow::Break(deadline);
        }
        let (cause, detail) = (lifetime.cause(), lifetime.detail());
        self.setup.observer.session_ended(cause);
        if cause == Cause::Shutdown {
            tracing::info!(queue = %self.setup.queue, session = number, "broker session closed");
        } else {
            tracing::warn!(queue = %self.setup.queue, session = number, %cause, detail, "broker session lost; opening another");
        }
        session.close().await;
        next
    }

    /// Takes deliveries until the broker ends the consumer.
    async fn take(&self, session: &mut Session) {
        let mut blocked = session.publisher.blocked();
        loop {
            let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else { return };
            // While nothing can be published no work can finish, so none is started. An error means that
            // the session has ended, which the caller notices itself.
            if blocked.wait_for(|blocked| !blocked).await.is_err() {
                return;
            }
            match session.consumer.next().await {
                Some(Ok(delivery)) => self.hand_out(delivery, session, permit),
                Some(Err(error)) => return session.lifetime.end(Cause::ConsumerLost, error),
                // Also reached when the queue is deleted, which leaves connection and channel open.
                None => return session.lifetime.end(Cause::ConsumerLost, "the broker ended the consumer"),
            }
        }
    }

    fn hand_out(&self, delivery: lapin::message::Delivery, session: &Session, permit: OwnedSemaphorePermit) {
        let observer = Arc::clone(&self.setup.observer);
        let (message, acker) = Message::from_lapin(delivery);
        let message = message.judged(&self.setup.topology, self.setup.settings.keys.as_ref());
        observer.received(&self.setup.queue, message.redelivered);
        let receipt = Receipt::new(acker, session.lifetime.clone(), Arc::clone(&observer));
        let in_flight = InFlight::new(observer, self.setup.queue.clone(), permit);
        let (handler, publisher) = (Arc::clone(&self.handler), session.publisher.clone());
        self.tasks.spawn(async move {
            let verdict =
                storm::verdict(&message).unwrap_or_else(|| delay::verdict(&message, Timestamp::now()));
            match verdict {
                Verdict::Due => handler.handle(Delivery::new(message, receipt), &publisher).await,
                early => {
                    let since = delay::since(&message).filter(|_| matches!(early, Verdict::Early { .. }));
                    let word = since.and_then(|since| handler.still_waits(&message, since));
                    let delivery = Delivery::new(message, receipt);
                    in_flight.forward((early, word), delivery, handler.as_ref(), &publisher).await;
                }
            }
        });
    }

    fn report_failure(&self, error: &Error, last: &mut String) {
        self.setup.observer.session_failed(error);
        let text = error.to_string();
        if *last != text {
            tracing::error!(queue = %self.setup.queue, error = %text, "no broker session; retrying until one opens");
            *last = text;
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.setup.settings.grace
    }

    async fn finish(self, deadline: Instant) -> Ended {
        self.tasks.close();
        // Handlers of a lost session still run and have the rest of the grace period.
        let _ = timeout_at(deadline, self.tasks.wait()).await;
        Ended { abandoned: self.tasks.len() }
    }
}

/// Held by a handler's task and released when it ends, also by a panic.
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

    /// Sends a message that is not due back to the delay, or sets it aside: publishes first, then acknowledges. The word
    /// about it goes out before.
    async fn forward(
        &self,
        (verdict, word): (Verdict, Option<Outgoing>),
        delivery: Delivery,
        handler: &impl Handler,
        publisher: &Publisher,
    ) {
        let (message, receipt) = delivery.split();
        let mut announcement = None;
        let mut set_aside = |class: &str, reason: &str| {
            self.observer.set_aside(&self.queue, class);
            let letter = DeadLetter::new(class, reason);
            let dead = Outgoing::dead(self.queue.clone(), &letter, &message);
            announcement = handler.announce(&letter, &dead);
            dead
        };
        let outgoing = match verdict {
            Verdict::Early { due, hops } => {
                self.observer.redelayed(&self.queue);
                let again = Outgoing::again(self.queue.clone(), due, hops, message);
                if word.is_some() { again.said_at(Timestamp::now()) } else { again }
            }
            Verdict::Suspect(suspicion) => Outgoing::suspect(self.queue.clone(), suspicion, message),
            Verdict::Crashing => {
                let reason = "the message returned to its queue too often without being settled, at last while it was \
                              worked on alone; its workers may have crashed";
                set_aside(letter::CRASH_LOOP, reason)
            }
            Verdict::Due | Verdict::Endless => {
                let reason = "the message passed through the delay too often; check its due time";
                set_aside(letter::EXPIRED, reason)
            }
        };
        let queue = &self.queue;
        let full =
            |error: &Error| tracing::warn!(queue, %error, "a message waits until there is room for it");
        // On failure the receipt is dropped, the session ends, and the broker delivers the message again.
        for outgoing in word.iter().chain([&outgoing]).chain(&announcement) {
            if publisher.insist(outgoing, full).await.is_err() {
                return;
            }
        }
        let _ = receipt.ack().await;
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
