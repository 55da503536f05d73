//! Exchanges and queues, as the broker is told to declare them.

use broker::{Inventory, Settings, Topology};
use serde_json::{Map, Value, json};

use crate::delivery::queues;

/// The version of AsyncAPI's binding for AMQP.
pub const BINDING: &str = "0.3.0";

/// Everything in the broker under the default prefix.
pub struct Places {
    pub topology: Topology,
    definitions: Value,
}

impl Places {
    pub fn of_defaults() -> Result<Self, broker::Error> {
        // The address counts for nothing but the virtual host.
        let settings = Settings::new("amqp://localhost/%2f".into(), queues::work_queues());
        let definitions = Inventory::new(&settings, &[])?.definitions();
        Ok(Self { topology: settings.topology()?, definitions })
    }

    fn all(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.definitions.get(kind).and_then(Value::as_array).into_iter().flatten()
    }

    fn named(&self, kind: &str, name: &str) -> &Value {
        self.all(kind).find(|one| text(one, "name") == name).unwrap_or(&Value::Null)
    }

    /// The binding of a channel that is a routing key of this exchange.
    pub fn key_of(&self, exchange: &str) -> Value {
        let one = self.named("exchanges", exchange);
        let described = json!({
            "name": exchange,
            "type": one.get("type"),
            "durable": one.get("durable"),
            "autoDelete": one.get("auto_delete"),
            "vhost": one.get("vhost"),
        });
        json!({ "amqp": { "is": "routingKey", "exchange": described, "bindingVersion": BINDING } })
    }

    /// The binding of a channel that is this queue.
    pub fn queue(&self, name: &str) -> Value {
        let one = self.named("queues", name);
        let described = json!({
            "name": name,
            "durable": one.get("durable"),
            "exclusive": false,
            "autoDelete": one.get("auto_delete"),
            "vhost": one.get("vhost"),
        });
        json!({ "amqp": { "is": "queue", "queue": described, "bindingVersion": BINDING } })
    }

    /// The arguments with which a queue is declared.
    pub fn arguments(&self, queue: &str) -> Value {
        self.named("queues", queue).get("arguments").cloned().unwrap_or_default()
    }

    /// Where the messages in a queue come from.
    pub fn ways_into(&self, queue: &str) -> Vec<Value> {
        let ways = self.all("bindings").filter(|way| text(way, "destination") == queue);
        ways.map(|way| json!({ "exchange": text(way, "source"), "routing_key": text(way, "routing_key") }))
            .collect()
    }

    /// The queues that take what is published to an exchange with this key.
    pub fn queues_of(&self, exchange: &str, key: &str) -> Vec<&str> {
        let fits =
            |way: &&Value| text(way, "source") == exchange && ["#", key].contains(&text(way, "routing_key"));
        self.all("bindings").filter(fits).map(|way| text(way, "destination")).collect()
    }
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A reference to a part of the document.
pub fn reference(parts: &[&str]) -> Value {
    let parts: Vec<_> = parts.iter().map(|part| part.replace('~', "~0").replace('/', "~1")).collect();
    json!({ "$ref": format!("#/{}", parts.join("/")) })
}

/// An object made of its fields.
pub fn object(fields: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Object(fields.into_iter().collect::<Map<_, _>>())
}
