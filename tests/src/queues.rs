//! The worker's queues, looked into from outside.

use lapin::options::{QueueDeclareOptions, QueuePurgeOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};

/// Every queue with one prefix.
pub(crate) struct Queues {
    _connection: Connection,
    channel: Channel,
    prefix: String,
}

impl Queues {
    /// Connects.
    pub(crate) async fn open(url: &str, prefix: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        Self { _connection: connection, channel, prefix: prefix.to_owned() }
    }

    /// How many messages a queue holds that no consumer has taken.
    pub(crate) async fn depth(&self, queue: &str) -> u32 {
        let name = format!("{}.{queue}", self.prefix);
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(name.into(), passive, FieldTable::default()).await.unwrap().message_count()
    }

    /// Removes every message of a queue.
    pub(crate) async fn purge(&self, queue: &str) {
        let name = format!("{}.{queue}", self.prefix);
        self.channel.queue_purge(name.into(), QueuePurgeOptions::default()).await.unwrap();
    }
}
