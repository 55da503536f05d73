//! A publisher: speaks AMQP through `lapin` and knows nothing of the worker's code.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use serde_json::Value;

/// A publisher with a connection of its own.
pub struct Publisher {
    _connection: Connection,
    channel: Channel,
    prefix: String,
}

impl Publisher {
    /// Connects to the exchanges with this prefix.
    pub async fn open(url: &str, prefix: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        Self { _connection: connection, channel, prefix: prefix.to_owned() }
    }

    /// Publishes to one of the testbed's exchanges and waits for the confirm.
    pub async fn publish(&self, exchange: &str, key: &str, properties: BasicProperties, body: &[u8]) {
        let exchange = format!("{}.{exchange}", self.prefix);
        let properties = properties.with_delivery_mode(2);
        let options = BasicPublishOptions::default();
        let confirm =
            self.channel.basic_publish(exchange.into(), key.into(), options, body, properties).await.unwrap();
        let confirmation = confirm.await.unwrap();
        assert!(confirmation.is_ack(), "{confirmation:?}");
    }

    /// Publishes an event in structured mode under the key of its type.
    pub async fn event(&self, event: &Value) {
        let properties = BasicProperties::default().with_content_type("application/cloudevents+json".into());
        let key = match event["type"].as_str().unwrap_or_default() {
            "gatehouse.offboarding.requested.v1" => "offboarding.requested",
            "gatehouse.change.requested.v1" => "change.requested",
            "gatehouse.access.revoke.requested.v1" => "access.revoke.requested",
            "gatehouse.restore.requested.v1" => "restore.requested",
            "gatehouse.run.cancel.requested.v1" => "run.cancel.requested",
            "gatehouse.sync.requested.v1" => "sync.requested",
            _ => "onboarding.requested",
        };
        self.publish("events", key, properties, event.to_string().as_bytes()).await;
    }
}
