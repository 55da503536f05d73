//! AMQP as a stranger speaks it: publish an event, listen to results, look into a queue.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions, QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer};
use serde_json::Value;

/// How long a test waits for one thing to happen.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A connection of a test's own.
pub struct Queues {
    _connection: Connection,
    channel: Channel,
    prefix: String,
}

impl Queues {
    /// Connects.
    pub async fn open(url: &str, prefix: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        Self { _connection: connection, channel, prefix: prefix.to_owned() }
    }

    /// Publishes to an exchange of the house, confirmed.
    pub async fn publish(&self, exchange: &str, key: &str, properties: BasicProperties, body: &[u8]) {
        let exchange = format!("{}.{exchange}", self.prefix);
        let confirm = self
            .channel
            .basic_publish(
                exchange.into(),
                key.into(),
                BasicPublishOptions::default(),
                body,
                properties.with_delivery_mode(2),
            )
            .await
            .unwrap();
        let confirmation = confirm.await.unwrap();
        assert!(confirmation.is_ack(), "{confirmation:?}");
    }

    /// Publishes an event in structured mode under its own key.
    pub async fn event(&self, event: &Value) {
        let properties = BasicProperties::default().with_content_type("application/cloudevents+json".into());
        let key = match event["type"].as_str().unwrap_or_default() {
            "gatehouse.offboarding.requested.v1" => "offboarding.requested",
            "gatehouse.change.requested.v1" => "change.requested",
            _ => "onboarding.requested",
        };
        self.publish("events", key, properties, event.to_string().as_bytes()).await;
    }

    /// How many messages wait in a queue of the house.
    pub async fn depth(&self, queue: &str) -> u32 {
        let name = format!("{}.{queue}", self.prefix);
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(name.into(), passive, FieldTable::default()).await.unwrap().message_count()
    }

    /// Forgets every message of a queue of the house.
    pub async fn purge(&self, queue: &str) {
        let name = format!("{}.{queue}", self.prefix);
        self.channel.queue_purge(name.into(), QueuePurgeOptions::default()).await.unwrap();
    }

    /// Listens to results with keys of this pattern from now on.
    pub async fn results(&self, url: &str, pattern: &str) -> Results {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        // Durable and not exclusive: a test that restarts the broker goes on listening to the same queue.
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let name = format!("{}.test.{}", self.prefix, uuid::Uuid::new_v4().simple());
        channel.queue_declare(name.clone().into(), options, FieldTable::default()).await.unwrap();
        let exchange = format!("{}.results", self.prefix);
        let (bind, none) = (QueueBindOptions::default(), FieldTable::default());
        channel.queue_bind(name.clone().into(), exchange.into(), pattern.into(), bind, none).await.unwrap();
        let mut results = Results { url: url.to_owned(), queue: name, open: None, heard: Vec::new() };
        results.reopen().await;
        results
    }

    /// Removes a queue made by [`Queues::results`].
    pub async fn forget(&self, results: Results) {
        self.channel.queue_delete(results.queue.clone().into(), Default::default()).await.unwrap();
    }
}

/// Everything published to the results exchange since it was made.
pub struct Results {
    url: String,
    queue: String,
    open: Option<(Connection, Channel, Consumer)>,
    heard: Vec<Heard>,
}

/// One result.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The routing key.
    pub key: String,
    /// The CloudEvent.
    pub event: Value,
}

impl Heard {
    /// The result's id.
    pub fn id(&self) -> &str {
        self.event["id"].as_str().unwrap()
    }

    /// The run it is about.
    pub fn run_id(&self) -> &str {
        self.event["data"]["run_id"].as_str().unwrap_or_default()
    }

    /// Whether it is the end of a run.
    pub fn is_end(&self) -> bool {
        self.event["type"] == "gatehouse.run.finished.v1"
    }
}

impl Results {
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

    /// The next result. Survives a broker that restarts.
    pub async fn next(&mut self) -> Heard {
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
                let heard = Heard { key: delivery.routing_key.to_string(), event };
                // Before the acknowledgement: whoever stops waiting for this must not lose what was heard.
                self.heard.push(heard.clone());
                if delivery.acker.ack(BasicAckOptions::default()).await.is_err() {
                    self.open = None;
                }
                return heard;
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("a result should have come by now")
    }

    /// Listens until this many different runs have ended, and answers with their ends by run.
    pub async fn ends(&mut self, runs: usize) -> BTreeMap<String, Value> {
        let mut ends = BTreeMap::new();
        while ends.len() < runs {
            let heard = self.next().await;
            if heard.is_end() {
                ends.insert(heard.run_id().to_owned(), heard.event["data"].clone());
            }
        }
        ends
    }

    /// Listens until this run ends, and answers with the data of its end.
    pub async fn end_of(&mut self, run_id: uuid::Uuid) -> Value {
        let run_id = run_id.to_string();
        loop {
            let heard = self.next().await;
            if heard.is_end() && heard.run_id() == run_id {
                return heard.event["data"].clone();
            }
        }
    }

    /// Everything heard so far.
    pub fn heard(&self) -> &[Heard] {
        &self.heard
    }
}
