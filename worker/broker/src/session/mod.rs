//! One session: two connections, a consumer and a publisher that open and end together.
//!
//! A session is never repaired. A failure of any part ends all of it, and the next session starts from
//! nothing. So an acknowledgement can never reach the wrong channel.

pub(crate) mod connection;
mod greeting;
pub(crate) mod lifetime;
pub(crate) mod readiness;
pub(crate) mod reconnect;
mod sanitize;
mod socket;

use std::{sync::Arc, time::Duration};

use lapin::{
    Channel,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::time::timeout;

use self::{
    connection::{BrokerConnection, Role},
    lifetime::SessionLifetime,
};
use crate::{
    Error, Observer, Publisher, Settings, Topology, publish::publisher::PublishSettings, topology::declare,
};

const TAG: &str = "gatehouse";
/// How long the broker may take to end a consumer.
const CANCEL_LIMIT: Duration = Duration::from_secs(2);

/// Everything a session is opened with.
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    pub(crate) topology: Arc<Topology>,
    /// The full name of the queue.
    pub(crate) queue: String,
    pub(crate) observer: Arc<dyn Observer>,
}

pub(crate) struct Session {
    pub(crate) lifetime: SessionLifetime,
    pub(crate) publisher: Publisher,
    pub(crate) consumer: lapin::Consumer,
    /// Kept until the last acknowledgement: when a channel closes, the broker takes back its unsettled messages.
    channel: Channel,
    consume: BrokerConnection,
    publish: Arc<BrokerConnection>,
}

impl Session {
    /// Opens a session within the connect timeout.
    ///
    /// # Errors
    /// When the broker refuses anything, or the whole opening exceeds the limit.
    pub(crate) async fn open(setup: &Setup) -> Result<Self, Error> {
        let limit = setup.settings.connect_timeout;
        timeout(limit, Self::open_unlimited(setup)).await.map_err(|_| Error::no_answer(limit.as_secs()))?
    }

    async fn open_unlimited(setup: &Setup) -> Result<Self, Error> {
        let Setup { settings, topology, queue, observer } = setup;
        let (publish, (consume, channel)) =
            tokio::try_join!(BrokerConnection::open(settings, Role::Publish), async {
                let consume = BrokerConnection::open(settings, Role::Consume).await?;
                if settings.declare {
                    let channel = declare::declare_through(&consume, topology).await?;
                    return Ok((consume, channel));
                }
                let channel = open_channel(&consume).await?;
                declare::exists_on(&channel, topology).await?;
                Ok((consume, channel))
            })?;
        let publish = Arc::new(publish);
        let lifetime = SessionLifetime::default();
        let _never_blocked = consume.watch(lifetime.clone(), Arc::new(()));
        let publisher = Publisher::new(
            Arc::clone(&publish),
            PublishSettings {
                topology: Arc::clone(topology),
                keys: settings.keys.clone(),
                lifetime: lifetime.clone(),
                observer: Arc::clone(observer),
                timeout: settings.publish_timeout,
                channels: settings.publishes.get(),
            },
        );
        let consumer = open_consumer(&channel, queue, settings.prefetch.get()).await?;
        Ok(Self { lifetime, publisher, consumer, channel, consume, publish })
    }

    /// Asks the broker to send no more messages. Those it sent ahead stay unsettled on the channel and go
    /// back to the queue when the channel closes.
    pub(crate) async fn stop_taking(&self) {
        let cancel = self.channel.basic_cancel(TAG.into(), BasicCancelOptions::default());
        // If this fails, the session is closed anyway.
        let _ = timeout(CANCEL_LIMIT, cancel).await;
    }

    /// Closes both connections, in agreement with the broker if it still answers.
    pub(crate) async fn close(self) {
        tokio::join!(self.consume.close(), self.publish.close());
    }
}

pub(crate) async fn open_channel(connection: &BrokerConnection) -> Result<Channel, Error> {
    connection.channel().await.map_err(|error| Error::from_lapin("cannot open a channel", &error))
}

/// Without a prefetch a quorum queue sends 2 000 messages ahead and a classic queue sends all. A global
/// prefetch closes the connection (RabbitMQ 3.10.8, measured 2026-11-21).
pub(crate) async fn open_consumer(
    channel: &Channel,
    queue: &str,
    prefetch: u16,
) -> Result<lapin::Consumer, Error> {
    let failed = |error| Error::from_lapin("cannot start consuming", &error);
    channel.basic_qos(prefetch, BasicQosOptions::default()).await.map_err(failed)?;
    let queue = declare::short(queue)?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    channel.basic_consume(queue, TAG.into(), options, arguments).await.map_err(failed)
}
