//! A consumer of the pages of syncs: binds a queue of its own to their exchange and reads it.

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use serde_json::Value;

use crate::results::PATIENCE;

/// Pages as they arrive. The queue is deleted with it.
pub struct Pages {
    _connection: Connection,
    channel: Channel,
    queue: String,
    consumer: Option<Consumer>,
    /// A page that has arrived and was not handed out, because whoever waited for it stopped.
    arrived: Option<Delivery>,
}

impl Pages {
    /// Receives every page from now on. A queue with a limit holds no more than that, and refuses the rest.
    pub(crate) async fn bind(url: &str, prefix: &str, most: Option<i32>) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let mut arguments = FieldTable::default();
        if let Some(most) = most {
            arguments.insert("x-max-length".into(), AMQPValue::LongInt(most));
            arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
        }
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        let queue = channel.queue_declare("".into(), options, arguments).await.unwrap().name().to_string();
        let (bind, none) = (QueueBindOptions::default(), FieldTable::default());
        let exchange = format!("{prefix}.sync");
        channel.queue_bind(queue.as_str().into(), exchange.into(), "#".into(), bind, none).await.unwrap();
        // One at a time, so that a limit on the queue is a limit on what the test has.
        channel.basic_qos(1, BasicQosOptions::default()).await.unwrap();
        Self { _connection: connection, channel, queue, consumer: None, arrived: None }
    }

    /// Waits for the next page and returns its routing key and the CloudEvent. A wait that is given up loses no page.
    pub async fn next(&mut self) -> (String, Value) {
        let consumer = match &mut self.consumer {
            Some(consumer) => consumer,
            empty => {
                let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
                let consumer =
                    self.channel.basic_consume(self.queue.as_str().into(), "".into(), options, none);
                empty.insert(consumer.await.unwrap())
            }
        };
        let delivery = match &mut self.arrived {
            Some(delivery) => delivery,
            empty => {
                let next = tokio::time::timeout(PATIENCE, consumer.next()).await;
                empty.insert(next.expect("a page should have come by now").unwrap().unwrap())
            }
        };
        assert!(delivery.data.len() <= 65_536, "{} bytes", delivery.data.len());
        delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
        let page = (delivery.routing_key.to_string(), serde_json::from_slice(&delivery.data).unwrap());
        self.arrived = None;
        page
    }

    /// How many pages wait in the queue.
    pub async fn waiting(&self) -> u32 {
        let options =
            QueueDeclareOptions { passive: true, exclusive: true, ..QueueDeclareOptions::default() };
        let queue = self.channel.queue_declare(self.queue.as_str().into(), options, FieldTable::default());
        queue.await.unwrap().message_count()
    }
}
