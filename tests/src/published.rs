//! Every message the worker publishes, with its headers: results, dead letters and delayed runs.

use lapin::message::Delivery;
use lapin::options::{BasicGetOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties};
use serde_json::{Map, Value, json};

use crate::results::on_this_node;

/// A queue that receives a copy of every result, every dead letter and every delayed message.
///
/// It is not bound to the exchange of work: a message that finds no queue there must be seen as unrouted.
pub struct Published {
    url: String,
    queue: String,
}

/// One message.
#[derive(Debug)]
pub struct PublishedMessage {
    /// The exchange it was published to.
    pub exchange: String,
    /// The key it was published with.
    pub key: String,
    /// The message id, if it has one.
    pub message_id: Option<String>,
    /// The headers.
    pub headers: Value,
    /// The body.
    pub body: Vec<u8>,
    /// All properties as text.
    properties: String,
}

impl PublishedMessage {
    /// Whether it is a dead letter.
    pub fn is_dead(&self) -> bool {
        self.exchange.ends_with(".dead")
    }

    /// Everything in it as text, for a search.
    pub fn text(&self) -> String {
        format!("{} {} {}", self.properties, self.headers, String::from_utf8_lossy(&self.body))
    }
}

impl Published {
    /// Receives what is published from now on; of results, those whose key matches the pattern.
    pub async fn begin(url: &str, prefix: &str, results: &str) -> Self {
        let (_connection, channel) = open(url).await;
        // Durable, so that nothing is missed while a test restarts the broker.
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let queue = format!("{prefix}.published");
        channel.queue_declare(queue.clone().into(), options, on_this_node()).await.unwrap();
        let delays = broker::STEPS.map(|seconds| (format!("{prefix}.delay.{seconds}s"), String::new()));
        let dead = (format!("{prefix}.dead"), format!("{prefix}.workflows"));
        let unrouted = (format!("{prefix}.unrouted"), String::new());
        let results = (format!("{prefix}.results"), results.to_owned());
        for (exchange, key) in delays.into_iter().chain([dead, unrouted, results]) {
            let (options, none) = (QueueBindOptions::default(), FieldTable::default());
            let queue = queue.clone().into();
            channel.queue_bind(queue, exchange.into(), key.into(), options, none).await.unwrap();
        }
        Self { url: url.to_owned(), queue }
    }

    /// Takes all messages received so far.
    pub async fn take(&self) -> Vec<PublishedMessage> {
        let (_connection, channel) = open(&self.url).await;
        let get = |queue: &str| channel.basic_get(queue.to_owned().into(), BasicGetOptions { no_ack: true });
        let mut messages = Vec::new();
        while let Some(message) = get(&self.queue).await.unwrap() {
            messages.push(PublishedMessage::of(message.delivery));
        }
        messages
    }

    /// Deletes the queue.
    pub async fn end(self) {
        let (_connection, channel) = open(&self.url).await;
        channel.queue_delete(self.queue.into(), Default::default()).await.unwrap();
    }
}

impl PublishedMessage {
    fn of(delivery: Delivery) -> Self {
        let table = delivery.properties.headers().as_ref();
        Self {
            exchange: delivery.exchange.to_string(),
            key: delivery.routing_key.to_string(),
            message_id: delivery.properties.message_id().as_ref().map(ToString::to_string),
            headers: table.map_or_else(|| Value::Object(Map::new()), object),
            body: delivery.data,
            properties: format!("{:?}", delivery.properties),
        }
    }
}

async fn open(url: &str) -> (Connection, Channel) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

fn object(table: &FieldTable) -> Value {
    table.inner().iter().map(|(name, value)| (name.to_string(), plain(value))).collect()
}

/// A header's value as JSON; bytes that are not UTF-8 become a list of numbers.
fn plain(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Void => Value::Null,
        AMQPValue::Boolean(value) => json!(value),
        AMQPValue::ShortShortInt(value) => json!(value),
        AMQPValue::ShortShortUInt(value) => json!(value),
        AMQPValue::ShortInt(value) => json!(value),
        AMQPValue::ShortUInt(value) => json!(value),
        AMQPValue::LongInt(value) => json!(value),
        AMQPValue::LongUInt(value) => json!(value),
        AMQPValue::LongLongInt(value) => json!(value),
        AMQPValue::Float(value) => json!(value),
        AMQPValue::Double(value) => json!(value),
        AMQPValue::DecimalValue(value) => json!(format!("{value:?}")),
        AMQPValue::ShortString(value) => json!(value.as_str()),
        AMQPValue::LongString(value) => {
            std::str::from_utf8(value.as_bytes()).map_or_else(|_| json!(value.as_bytes()), |text| json!(text))
        }
        AMQPValue::ByteArray(value) => json!(value.as_slice()),
        AMQPValue::Timestamp(value) => json!(value),
        AMQPValue::FieldArray(values) => values.as_slice().iter().map(plain).collect(),
        AMQPValue::FieldTable(values) => object(values),
    }
}
