//! A consumer of results: binds a queue of its own to the exchange of results and reads it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use serde_json::Value;

/// How long a test waits for one thing to happen.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// Puts a queue on the node of the connection that declares it, which no test of a cluster stops.
pub(crate) fn on_this_node() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-master-locator".into(), AMQPValue::LongString("client-local".into()));
    arguments
}

/// Every result published since the testbed was built.
pub struct Results {
    url: String,
    queue: String,
    open: Option<(Connection, Channel, Consumer)>,
    received: Vec<Received>,
}

/// One result.
#[derive(Clone, Debug)]
pub struct Received {
    /// The routing key.
    pub key: String,
    /// The CloudEvent.
    pub event: Value,
}

impl Received {
    /// The result's id.
    pub fn id(&self) -> &str {
        self.event["id"].as_str().unwrap()
    }

    /// The id of the run that the result is about.
    pub fn run_id(&self) -> &str {
        self.event["data"]["run_id"].as_str().unwrap_or_default()
    }

    /// Whether it is the end of a run.
    pub fn is_end(&self) -> bool {
        self.event["type"] == "gatehouse.run.finished.v1"
    }
}

impl Results {
    /// Receives results whose key matches the pattern, from now on.
    pub(crate) async fn listen(url: &str, prefix: &str, pattern: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        // Durable and not exclusive: a test that restarts the broker keeps reading the same queue.
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let name = format!("{prefix}.test.{}", uuid::Uuid::new_v4().simple());
        channel.queue_declare(name.clone().into(), options, on_this_node()).await.unwrap();
        let exchange = format!("{prefix}.results");
        let (bind, none) = (QueueBindOptions::default(), FieldTable::default());
        channel.queue_bind(name.clone().into(), exchange.into(), pattern.into(), bind, none).await.unwrap();
        let mut results = Self { url: url.to_owned(), queue: name, open: None, received: Vec::new() };
        results.reopen().await;
        results
    }

    /// Deletes the queue.
    pub(crate) async fn end(self) {
        let connection = Connection::connect(&self.url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.queue_delete(self.queue.into(), Default::default()).await.unwrap();
    }

    async fn reopen(&mut self) {
        let mut tries = tokio::time::interval(Duration::from_millis(100));
        let connection = loop {
            tries.tick().await;
            if let Ok(connection) = Connection::connect(&self.url, ConnectionProperties::default()).await {
                break connection;
            }
        };
        let channel = connection.create_channel().await.unwrap();
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let consumer =
            channel.basic_consume(self.queue.clone().into(), "".into(), options, none).await.unwrap();
        self.open = Some((connection, channel, consumer));
    }

    /// Waits for the next result. Survives a restart of the broker.
    pub async fn next(&mut self) -> Received {
        let next = async {
            loop {
                let Some((_, _, consumer)) = &mut self.open else {
                    self.reopen().await;
                    continue;
                };
                let Some(Ok(delivery)) = consumer.next().await else {
                    self.open = None;
                    continue;
                };
                let event = serde_json::from_slice(&delivery.data).unwrap();
                let received = Received { key: delivery.routing_key.to_string(), event };
                // Before the acknowledgement: a caller that stops waiting here must not lose the result.
                self.received.push(received.clone());
                if delivery.acker.ack(BasicAckOptions::default()).await.is_err() {
                    self.open = None;
                }
                return received;
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("a result should have come by now")
    }

    /// Waits until this many different runs have ended, and returns their ends by run.
    pub async fn ends(&mut self, runs: usize) -> BTreeMap<String, Value> {
        let mut ends = BTreeMap::new();
        while ends.len() < runs {
            let received = self.next().await;
            if received.is_end() {
                ends.insert(received.run_id().to_owned(), received.event["data"].clone());
            }
        }
        ends
    }

    /// Waits until the run of the event with this id ends, and returns the data of its end.
    pub async fn end_of(&mut self, event: &str) -> Value {
        loop {
            let received = self.next().await;
            if received.is_end() && received.event["causationid"] == event {
                return received.event["data"].clone();
            }
        }
    }

    /// Everything received so far.
    pub fn received(&self) -> &[Received] {
        &self.received
    }
}
