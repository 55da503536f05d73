//! Publishing: the broker stores each message, or the caller gets an error.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use lapin::{
    Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::{
    sync::{Semaphore, SemaphorePermit, watch},
    time::Instant,
};

use super::{late::Late, outgoing::Encoded};
use crate::{
    Cause, Error, Observer, Outgoing, Published, Topology,
    message::signature::Keys,
    session::{connection::BrokerConnection, lifetime::SessionLifetime},
};

/// The waits before a refused message is offered again: half a minute in total.
const REFUSED_WAITS_SECONDS: [u64; 5] = [1, 2, 4, 8, 15];

/// Publishes messages within one session. Cheap to clone; any number of publishes may run at once.
///
/// Each publish has a channel to itself until its confirm arrives. lapin attaches a returned message to the
/// channel's next confirm, whichever publish that belongs to. So with several publishes on one channel, a
/// message that no queue received can look confirmed (lapin 4.12.3, measured 2026-11-21).
#[derive(Clone)]
pub struct Publisher(Arc<Inner>);

struct Inner {
    connection: Arc<BrokerConnection>,
    topology: Arc<Topology>,
    keys: Option<Keys>,
    lifetime: SessionLifetime,
    observer: Arc<dyn Observer>,
    blocked: watch::Receiver<bool>,
    timeout: Duration,
    slots: Semaphore,
    late: Late,
    idle: Mutex<Vec<Channel>>,
}

/// What a publisher needs besides its connection.
pub(crate) struct PublishSettings {
    pub(crate) topology: Arc<Topology>,
    pub(crate) keys: Option<Keys>,
    pub(crate) lifetime: SessionLifetime,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) timeout: Duration,
    pub(crate) channels: u16,
}

impl Publisher {
    pub(crate) fn new(connection: Arc<BrokerConnection>, settings: PublishSettings) -> Self {
        let blocked = connection.watch(settings.lifetime.clone(), Arc::clone(&settings.observer));
        Self(Arc::new(Inner {
            connection,
            topology: settings.topology,
            keys: settings.keys,
            lifetime: settings.lifetime,
            late: Late::new(Arc::clone(&settings.observer)),
            observer: settings.observer,
            blocked,
            timeout: settings.timeout,
            slots: Semaphore::new(settings.channels.into()),
            idle: Mutex::default(),
        }))
    }

    /// Publishes a message and waits until the broker has stored it.
    ///
    /// If a queue refuses the message because it is full, offers it again for half a minute. While the broker
    /// blocks publishers, waits without limit. A result that is not confirmed in time, because the history is slow, goes
    /// to the queue of late results as well; its confirm is enough.
    ///
    /// **Guarantees**: `Ok` means that every queue the message was routed to has stored it, on a majority of
    /// its replicas, or that the queue of late results has, from which the broker sends it to all of them. Dropping the future leaves the outcome unknown and does not affect other publishes.
    ///
    /// # Errors
    /// - [`Error::is_invalid`]: the message is not valid. Nothing was sent.
    /// - [`Error::is_session_lost`]: the session has ended. The outcome is unknown.
    /// - Any other: no queue is bound for the message, or its queue refused it. That queue stored nothing.
    pub async fn publish(&self, outgoing: &Outgoing) -> Result<(), Error> {
        let message = outgoing.encode(&self.0.topology, self.0.keys.as_ref(), Timestamp::now())?;
        for wait in REFUSED_WAITS_SECONDS {
            if self.0.in_time(&message).await? {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(wait)) => {}
                () = self.0.lifetime.over() => return Err(self.0.lifetime.lost()),
            }
        }
        if self.0.in_time(&message).await? {
            return Ok(());
        }
        Err(Error::refused(message.exchange.as_str(), message.key.as_str()))
    }

    /// Publishes a message like [`Publisher::publish`], and goes on for as long as a queue is full. `full` hears of it
    /// twice a minute.
    ///
    /// For what must not get lost: whoever waits here takes on nothing else, so a full queue slows its workers down
    /// instead of returning their messages.
    ///
    /// # Errors
    /// As for [`Publisher::publish`], but for a full queue.
    pub async fn insist(&self, outgoing: &Outgoing, full: impl Fn(&Error)) -> Result<(), Error> {
        loop {
            match self.publish(outgoing).await {
                Err(error) if error.is_refused() => full(&error),
                done => return done,
            }
        }
    }

    /// Offers a message once and waits for the broker's answer; `false` if a queue refused it because it is full.
    ///
    /// For whoever can slow down, or does not mind. **Guarantees** as for [`Publisher::publish`]. A message that several
    /// queues take may be in some of them although it is refused.
    ///
    /// # Errors
    /// As for [`Publisher::publish`].
    pub async fn offer(&self, outgoing: &Outgoing) -> Result<bool, Error> {
        let message = outgoing.encode(&self.0.topology, self.0.keys.as_ref(), Timestamp::now())?;
        self.0.attempt(&message, &self.0.slots).await
    }

    /// Whether its session goes on. Once it has ended nothing can be published, and what was delivered comes again.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.0.lifetime.is_over()
    }

    /// Whether the broker blocks publishers because of an alarm, to watch. It reports that to a connection that
    /// publishes, not before.
    #[must_use]
    pub fn blocked(&self) -> watch::Receiver<bool> {
        self.0.blocked.clone()
    }
}

impl Inner {
    /// Offers the message once, and a result that is slow to be confirmed also as a late one; `false` if the broker
    /// refused it.
    async fn in_time(&self, message: &Encoded<'_>) -> Result<bool, Error> {
        // Pinned here, and in a box where it is rare: whoever gets a future by value holds its size again.
        let direct = pin!(self.attempt(message, &self.slots));
        if message.late_exchange.is_none() {
            return direct.await;
        }
        let waited = self.unblocked_for(self.late.patience());
        let late = async || match message.as_late() {
            Some(late) => Box::pin(self.attempt(&late, self.late.slots())).await,
            None => Ok(false),
        };
        self.late.either(direct, waited, late).await
    }

    /// Offers the message once, on one of these channels; `false` if the broker refused it.
    async fn attempt(&self, message: &Encoded<'_>, slots: &Semaphore) -> Result<bool, Error> {
        let started = Instant::now();
        let _waits = Waits::begin(&*self.observer, message.exchange.as_str());
        let confirmation = tokio::select! {
            biased;
            confirmation = self.exchange(message, slots) => confirmation.map_err(|error| {
                self.lifetime.end(Cause::PublishFailed, error);
                Published::Error
            }),
            () = self.lifetime.over() => Err(Published::Error),
            () = self.unblocked_for(self.timeout) => {
                self.lifetime.end(Cause::PublishTimedOut, "a publish was not confirmed in time");
                Err(Published::Timeout)
            }
        };
        let (outcome, result) = match confirmation {
            Ok(Confirmation::Ack(None)) => (Published::Ack, Ok(true)),
            Ok(Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned))) => {
                (Published::Returned, Err(Error::returned(&returned)))
            }
            Ok(Confirmation::Nack(None)) => (Published::Nack, Ok(false)),
            Ok(Confirmation::NotRequested) => {
                self.lifetime.end(Cause::PublishFailed, "the channel is not in confirm mode");
                (Published::Error, Err(self.lifetime.lost()))
            }
            Err(outcome) => (outcome, Err(self.lifetime.lost())),
        };
        self.observer.published(message.exchange.as_str(), outcome, started.elapsed());
        result
    }

    async fn exchange(&self, message: &Encoded<'_>, slots: &Semaphore) -> Result<Confirmation, lapin::Error> {
        let mut lease = self.lease(slots).await?;
        let Encoded { exchange, key, mandatory, properties, body, .. } = message;
        let options = BasicPublishOptions { mandatory: *mandatory, ..BasicPublishOptions::default() };
        let channel = lease.channel().await?;
        let written = channel.basic_publish(exchange.clone(), key.clone(), options, body, properties.clone());
        let confirmation = written.await?.await?;
        lease.give_back();
        Ok(confirmation)
    }

    async fn lease<'a>(&'a self, slots: &'a Semaphore) -> Result<Lease<'a>, lapin::Error> {
        // Fails only if the semaphore is closed, which never happens.
        let permit = slots.acquire().await.map_err(std::io::Error::other)?;
        Ok(Lease { pool: self, channel: None, _permit: permit })
    }

    /// Completes when the broker has not blocked publishers for so long. A publish that waits for the end of an alarm is
    /// stored afterwards (measured 2026-11-21), so abandoning and repeating it would store it twice.
    async fn unblocked_for(&self, limit: Duration) {
        let mut blocked = self.blocked.clone();
        loop {
            if blocked.wait_for(|blocked| !blocked).await.is_err() {
                return std::future::pending().await;
            }
            tokio::select! {
                () = tokio::time::sleep(limit) => return,
                Ok(_) = blocked.wait_for(|blocked| *blocked) => {}
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Channel>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A publish that waits for its confirm, until it is dropped: also when its caller is.
struct Waits<'a> {
    observer: &'a dyn Observer,
    exchange: &'a str,
}

impl<'a> Waits<'a> {
    fn begin(observer: &'a dyn Observer, exchange: &'a str) -> Self {
        observer.publishing(exchange, 1);
        Self { observer, exchange }
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.observer.publishing(self.exchange, -1);
    }
}

/// A channel reserved for one publish. It returns to the pool only after its confirm. A lease that is dropped
/// before that closes its channel, so a late confirm can never belong to another message.
struct Lease<'a> {
    pool: &'a Inner,
    channel: Option<Channel>,
    _permit: SemaphorePermit<'a>,
}

impl Lease<'_> {
    async fn channel(&mut self) -> Result<&Channel, lapin::Error> {
        let idle = self.pool.idle().pop();
        let channel = match idle {
            Some(channel) => channel,
            None => {
                let channel = self.pool.connection.channel().await?;
                channel.confirm_select(ConfirmSelectOptions::default()).await?;
                channel
            }
        };
        Ok(self.channel.insert(channel))
    }

    fn give_back(mut self) {
        if let Some(channel) = self.channel.take() {
            self.pool.idle().push(channel);
        }
    }
}
