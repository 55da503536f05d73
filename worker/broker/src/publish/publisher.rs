//! Publishing: each message is stored by the broker, or the caller learns that it is not.

use std::{
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

use super::outgoing::Encoded;
use crate::{
    Cause, Error, Observer, Outgoing, Published, Topology,
    session::{connection::BrokerConnection, lifetime::SessionLifetime},
};

/// What to wait before a message the broker refused is offered again: half a minute in all.
const REFUSED_WAITS_SECONDS: [u64; 5] = [1, 2, 4, 8, 15];

/// Publishes messages within one session. Cheap to clone; any number of publishes may run at once.
///
/// Each publish has a channel to itself until its confirm is there. lapin hands a returned message to
/// the next confirm of the channel, whichever that is, so with several publishes on one channel a
/// message that no queue took can come back as confirmed (lapin 4.12.3, measured 2026-11-21).
#[derive(Clone)]
pub struct Publisher(Arc<Inner>);

struct Inner {
    connection: Arc<BrokerConnection>,
    topology: Arc<Topology>,
    lifetime: SessionLifetime,
    observer: Arc<dyn Observer>,
    blocked: watch::Receiver<bool>,
    timeout: Duration,
    slots: Semaphore,
    idle: Mutex<Vec<Channel>>,
}

/// What a publisher needs besides its connection.
pub(crate) struct PublishSettings {
    pub(crate) topology: Arc<Topology>,
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
            lifetime: settings.lifetime,
            observer: settings.observer,
            blocked,
            timeout: settings.timeout,
            slots: Semaphore::new(settings.channels.into()),
            idle: Mutex::default(),
        }))
    }

    /// Publishes a message and waits until the broker has stored it.
    ///
    /// A refusal (a full queue) is answered by waiting and offering it again, for half a minute. While
    /// the broker blocks publishers the call waits as long as that takes.
    ///
    /// **Guarantees**: `Ok` means that every queue the message was routed to has stored it, on a
    /// majority of its replicas. Dropping the future leaves the outcome unknown and harms no other publish.
    ///
    /// # Errors
    /// - [`Error::is_invalid`]: the message cannot be sent by anybody.
    /// - [`Error::is_session_lost`]: outcome unknown. The session is over.
    /// - Any other: no queue is bound for it, or its queue refused it. Nothing was stored there.
    pub async fn publish(&self, outgoing: &Outgoing) -> Result<(), Error> {
        let message = outgoing.encode(&self.0.topology, Timestamp::now())?;
        for wait in REFUSED_WAITS_SECONDS {
            if self.0.attempt(&message).await? {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(wait)) => {}
                () = self.0.lifetime.over() => return Err(self.0.lifetime.lost()),
            }
        }
        if self.0.attempt(&message).await? {
            return Ok(());
        }
        Err(Error::refused(message.exchange.as_str(), message.key.as_str()))
    }

    /// A view on whether the broker blocks publishers.
    pub(crate) fn blocked(&self) -> watch::Receiver<bool> {
        self.0.blocked.clone()
    }
}

impl Inner {
    /// Offers the message once; `false` if the broker refused it.
    async fn attempt(&self, message: &Encoded<'_>) -> Result<bool, Error> {
        let started = Instant::now();
        let confirmation = tokio::select! {
            biased;
            confirmation = self.exchange(message) => confirmation.map_err(|error| {
                self.lifetime.end(Cause::PublishFailed, error);
                Published::Error
            }),
            () = self.lifetime.over() => Err(Published::Error),
            () = self.overdue() => {
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
                self.lifetime.end(Cause::PublishFailed, "the channel does not confirm");
                (Published::Error, Err(self.lifetime.lost()))
            }
            Err(outcome) => (outcome, Err(self.lifetime.lost())),
        };
        self.observer.published(message.exchange.as_str(), outcome, started.elapsed());
        result
    }

    async fn exchange(&self, message: &Encoded<'_>) -> Result<Confirmation, lapin::Error> {
        let mut lease = self.lease().await?;
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let Encoded { exchange, key, properties, body } = message;
        let channel = lease.channel().await?;
        let written = channel.basic_publish(exchange.clone(), key.clone(), options, body, properties.clone());
        let confirmation = written.await?.await?;
        lease.give_back();
        Ok(confirmation)
    }

    async fn lease(&self) -> Result<Lease<'_>, lapin::Error> {
        // The semaphore is never closed, so the only way to fail does not exist.
        let permit = self.slots.acquire().await.map_err(std::io::Error::other)?;
        Ok(Lease { pool: self, channel: None, _permit: permit })
    }

    /// Completes when a publish has taken too long. A publish that is late because of an alarm is
    /// stored after the alarm (measured 2026-11-21), so giving it up would double it.
    async fn overdue(&self) {
        let mut blocked = self.blocked.clone();
        loop {
            if blocked.wait_for(|blocked| !blocked).await.is_err() {
                return std::future::pending().await;
            }
            tokio::select! {
                () = tokio::time::sleep(self.timeout) => return,
                Ok(_) = blocked.wait_for(|blocked| *blocked) => {}
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Channel>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A channel with no publish on it but ours. Only one whose confirm has come goes back to the pool; one
/// that is dropped on the way is closed, so a late confirm can never meet another message.
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
