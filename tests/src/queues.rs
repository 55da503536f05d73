//! The worker's queues, looked into from outside.

use lapin::options::{
    BasicGetOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties};

/// Every queue with one prefix.
pub(crate) struct Queues {
    connection: Connection,
    channel: Channel,
    prefix: String,
}

impl Queues {
    /// Connects.
    pub(crate) async fn open(url: &str, prefix: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        Self { connection, channel, prefix: prefix.to_owned() }
    }

    /// How many messages a queue holds that no consumer has taken.
    pub(crate) async fn depth(&self, queue: &str) -> u32 {
        let name = format!("{}.{queue}", self.prefix);
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(name.into(), passive, FieldTable::default()).await.unwrap().message_count()
    }

    /// The same of a queue that may not exist: its absence closes the channel.
    pub(crate) async fn depth_if_any(&self, queue: &str) -> Option<u32> {
        let name = format!("{}.{queue}", self.prefix);
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let channel = self.connection.create_channel().await.unwrap();
        let queue = channel.queue_declare(name.into(), passive, FieldTable::default()).await.ok()?;
        Some(queue.message_count())
    }

    /// Takes a message out of a queue and publishes it under another key of the exchange of workers, with one header
    /// changed if that is given.
    pub(crate) async fn fire(&self, queue: &str, key: &str, header: Option<(&str, i64)>) {
        let name = format!("{}.{queue}", self.prefix);
        let got = self.channel.basic_get(name.into(), BasicGetOptions { no_ack: true }).await.unwrap();
        let message = got.unwrap_or_else(|| panic!("{queue} holds nothing"));
        let (exchange, key) = (format!("{}.work", self.prefix), format!("{}.{key}", self.prefix));
        let mut headers = message.properties.headers().clone().unwrap_or_default();
        if let Some((name, value)) = header {
            headers.insert(name.into(), AMQPValue::LongLongInt(value));
        }
        let (options, properties) =
            (BasicPublishOptions::default(), message.properties.clone().with_headers(headers));
        let sent =
            self.channel.basic_publish(exchange.into(), key.into(), options, &message.data, properties);
        sent.await.unwrap();
    }

    /// Binds a queue to the exchange of events.
    pub(crate) async fn bind(&self, queue: &str, key: &str) {
        let (queue, exchange) = (format!("{}.{queue}", self.prefix), format!("{}.events", self.prefix));
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        self.channel.queue_bind(queue.into(), exchange.into(), key.into(), options, none).await.unwrap();
    }

    /// Deletes a queue.
    pub(crate) async fn delete(&self, queue: &str) {
        let name = format!("{}.{queue}", self.prefix);
        self.channel.queue_delete(name.into(), Default::default()).await.unwrap();
    }

    /// Removes every message of a queue.
    pub(crate) async fn purge(&self, queue: &str) {
        let name = format!("{}.{queue}", self.prefix);
        self.channel.queue_purge(name.into(), QueuePurgeOptions::default()).await.unwrap();
    }
}
