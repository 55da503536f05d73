//! A publisher's own queue, in which it waits for answers.

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties, Consumer};
use serde_json::Value;

use crate::results::PATIENCE;

/// Answers as they arrive. The queue is deleted with it.
pub struct Answers {
    _connection: Connection,
    queue: String,
    consumer: Consumer,
}

impl Answers {
    pub(crate) async fn await_in(url: &str, queue: String) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(queue.as_str().into(), options, FieldTable::default()).await.unwrap();
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let consumer =
            channel.basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default());
        Self { _connection: connection, queue, consumer: consumer.await.unwrap() }
    }

    /// The queue's name.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// Waits for the next answer and returns its AMQP `correlation_id` and the CloudEvent.
    pub async fn next(&mut self) -> (Option<String>, Value) {
        let next = tokio::time::timeout(PATIENCE, self.consumer.next()).await;
        let delivery = next.expect("an answer should have come by now").unwrap().unwrap();
        let correlation_id = delivery.properties.correlation_id().as_ref().map(ToString::to_string);
        (correlation_id, serde_json::from_slice(&delivery.data).unwrap())
    }
}
