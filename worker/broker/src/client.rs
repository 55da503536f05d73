//! A connection for command-line tools: publishes messages and listens to results.

use std::sync::Arc;

use futures_util::StreamExt;
use lapin::{
    Channel,
    options::{BasicAckOptions, QueueBindOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
};
use tokio::time::timeout;

use crate::{
    Cause, Error, Message, Publisher, Schedule, Settings,
    publish::publisher::PublishSettings,
    session::{
        connection::{BrokerConnection, Role},
        lifetime::SessionLifetime,
        open_channel, open_consumer,
    },
    topology::declare,
};

/// How many publishes of one tool may run at once.
const CHANNELS: u16 = 16;
/// How many results the broker sends ahead.
const RESULTS_PREFETCH: u16 = 100;

/// A connection that publishes and does not consume.
pub struct Client {
    settings: Settings,
    publisher: Publisher,
    connection: Arc<BrokerConnection>,
    lifetime: SessionLifetime,
}

impl Client {
    /// Connects to the broker.
    ///
    /// # Errors
    /// When the address is not valid, or the broker refuses or does not answer.
    pub async fn connect(settings: &Settings) -> Result<Self, Error> {
        let topology = Arc::new(settings.topology()?);
        let connection = Arc::new(BrokerConnection::open(settings, Role::Publish).await?);
        let lifetime = SessionLifetime::default();
        let publish_settings = PublishSettings {
            topology,
            keys: settings.keys.clone(),
            lifetime: lifetime.clone(),
            observer: Arc::new(()),
            timeout: settings.publish_timeout,
            channels: CHANNELS,
        };
        let publisher = Publisher::new(Arc::clone(&connection), publish_settings);
        Ok(Self { settings: settings.clone(), publisher, connection, lifetime })
    }

    /// The publisher of this connection.
    #[must_use]
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// Listens to results whose key matches one of `patterns` (`*` for one word, `#` for any number).
    /// Results published after this returns are heard.
    ///
    /// # Errors
    /// When the broker refuses, or there is no exchange for results.
    pub async fn results(&self, patterns: &[&str]) -> Result<Results, Error> {
        let limit = self.settings.connect_timeout;
        let opening = Results::open(&self.settings, patterns);
        timeout(limit, opening).await.map_err(|_| Error::no_answer(limit.as_secs()))?
    }

    /// How many messages wait in a queue, given by its full name; `None` if the queue does not exist.
    ///
    /// # Errors
    /// When the broker does not answer or refuses.
    pub async fn depth(&self, queue: &str) -> Result<Option<u32>, Error> {
        let channel = open_channel(&self.connection).await?;
        declare::depth_on(&channel, queue).await
    }

    /// The broker's version, if it is a RabbitMQ.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.connection.version()
    }

    /// Makes sure that the queue of a schedule exists: declares it, unless the settings say not to declare. That also
    /// keeps the queue for another interval.
    ///
    /// # Errors
    /// When the broker does not answer or refuses, or when the queue is missing and may not be declared.
    pub async fn keep_schedule(&self, schedule: &Schedule) -> Result<(), Error> {
        let channel = open_channel(&self.connection).await?;
        let topology = self.settings.topology()?;
        declare::schedule_on(&channel, &topology, schedule, self.settings.declare).await
    }

    /// Closes the connection. The outcome of a publish that still runs is unknown.
    pub async fn close(self) {
        self.lifetime.end(Cause::Shutdown, "the command has finished");
        self.connection.close().await;
    }
}

/// Results in the order they are published, beginning with [`Client::results`].
pub struct Results {
    consumer: lapin::Consumer,
    lifetime: SessionLifetime,
    connection: BrokerConnection,
    /// The queue is deleted when this channel's connection closes.
    _channel: Channel,
}

impl Results {
    async fn open(settings: &Settings, patterns: &[&str]) -> Result<Self, Error> {
        let topology = settings.topology()?;
        let connection = BrokerConnection::open(settings, Role::Consume).await?;
        let channel = open_channel(&connection).await?;
        let failed = |error: lapin::Error| Error::from_lapin("cannot listen to results", &error);
        let options =
            QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let queue = channel
            .queue_declare(ShortString::default(), options, FieldTable::default())
            .await
            .map_err(failed)?;
        let exchange = declare::short(&topology.results())?;
        for pattern in patterns {
            let (queue, pattern) = (queue.name().clone(), declare::short(pattern)?);
            let options = QueueBindOptions::default();
            channel
                .queue_bind(queue, exchange.clone(), pattern, options, FieldTable::default())
                .await
                .map_err(failed)?;
        }
        let consumer = open_consumer(&channel, queue.name().as_str(), RESULTS_PREFETCH).await?;
        let lifetime = SessionLifetime::default();
        let _never_blocked = connection.watch(lifetime.clone(), Arc::new(()));
        Ok(Self { consumer, lifetime, connection, _channel: channel })
    }

    /// Waits for the next result.
    ///
    /// # Errors
    /// When the connection is lost; results published after that are missed.
    pub async fn next(&mut self) -> Result<Message, Error> {
        let delivery = tokio::select! {
            biased;
            delivery = self.consumer.next() => delivery,
            () = self.lifetime.over() => return Err(self.lifetime.lost()),
        };
        let Some(Ok(delivery)) = delivery else {
            self.lifetime.end(Cause::ConsumerLost, "the broker ended the consumer");
            return Err(self.lifetime.lost());
        };
        let (message, acker) = Message::from_lapin(delivery);
        // Makes room for more. The queue has no other consumer, so a lost acknowledgement harms nothing.
        let _ = acker.ack(BasicAckOptions::default()).await;
        Ok(message)
    }

    /// Stops listening.
    pub async fn close(self) {
        self.lifetime.end(Cause::Shutdown, "the command has finished");
        self.connection.close().await;
    }
}
