//! One session: two connections, a consumer and a publisher that live and end together.
//!
//! Nothing in a session is ever repaired. What breaks any part of it ends all of it, and the next one
//! starts from nothing; so there is no state in which an acknowledgement could meet the wrong channel.

pub(crate) mod connection;
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

/// What every session is opened with.
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
    /// Kept until the last acknowledgement: the broker takes back what is unsettled on a channel that closes.
    channel: Channel,
    consume: BrokerConnection,
    publish: Arc<BrokerConnection>,
}

impl Session {
    /// # Errors
    /// When the broker refuses anything, or all of it together takes longer than the limit.
    pub(crate) async fn open(setup: &Setup) -> Result<Self, Error> {
        let limit = setup.settings.connect_timeout;
        timeout(limit, Self::open_unlimited(setup)).await.map_err(|_| Error::no_answer(limit.as_secs()))?
    }

    async fn open_unlimited(setup: &Setup) -> Result<Self, Error> {
        let Setup { settings, topology, queue, observer } = setup;
        let (publish, (consume, channel)) =
            tokio::try_join!(BrokerConnection::open(settings, Role::Publish), async {
                let consume = BrokerConnection::open(settings, Role::Consume).await?;
                let channel = open_channel(&consume).await?;
                if settings.declare {
                    declare::declare_on(&channel, topology).await?;
                } else {
                    declare::exists_on(&channel, topology).await?;
                }
                Ok((consume, channel))
            })?;
        let publish = Arc::new(publish);
        let lifetime = SessionLifetime::default();
        let _never_blocked = consume.watch(lifetime.clone(), Arc::new(()));
        let publisher = Publisher::new(
            Arc::clone(&publish),
            PublishSettings {
                topology: Arc::clone(topology),
                lifetime: lifetime.clone(),
                observer: Arc::clone(observer),
                timeout: settings.publish_timeout,
                channels: settings.prefetch.get(),
            },
        );
        let consumer = open_consumer(&channel, queue, settings.prefetch.get()).await?;
        Ok(Self { lifetime, publisher, consumer, channel, consume, publish })
    }

    /// Asks the broker for no more messages. What it sent before stays on the channel, unsettled, and
    /// goes back to the queue when the channel closes.
    pub(crate) async fn stop_taking(&self) {
        let cancel = self.channel.basic_cancel(TAG.into(), BasicCancelOptions::default());
        // A session that cannot be asked is about to be closed anyway.
        let _ = timeout(CANCEL_LIMIT, cancel).await;
    }

    /// Closes both connections, politely if the broker still answers.
    pub(crate) async fn close(self) {
        tokio::join!(self.consume.close(), self.publish.close());
    }
}

pub(crate) async fn open_channel(connection: &BrokerConnection) -> Result<Channel, Error> {
    connection.channel().await.map_err(|error| Error::from_lapin("cannot open a channel", &error))
}

/// Without a prefetch a quorum queue stops at 2 000 messages and a classic one does not stop at all;
/// a global one closes the connection (RabbitMQ 3.10.8, measured 2026-11-21).
pub(crate) async fn open_consumer(
    channel: &Channel,
    queue: &str,
    prefetch: u16,
) -> Result<lapin::Consumer, Error> {
    let failed = |error| Error::from_lapin("cannot consume", &error);
    channel.basic_qos(prefetch, BasicQosOptions::default()).await.map_err(failed)?;
    let queue = declare::short(queue)?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    channel.basic_consume(queue, TAG.into(), options, arguments).await.map_err(failed)
}
