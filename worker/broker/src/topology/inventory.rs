//! What the settings want in the broker, for an operator who looks at it, declares it or hands it to somebody who may.

use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use serde_json::{Map, Value, json};

use super::{Binding, Exchange, Queue, declare, schedule::Schedule};
use crate::{
    Error, Settings,
    error::reply_code,
    session::{
        connection::{BrokerConnection, Role},
        open_channel,
    },
};

/// Every exchange, queue, stream and binding that workers with these settings need.
pub struct Inventory {
    vhost: String,
    exchanges: Vec<Exchange>,
    queues: Vec<Queue>,
    bindings: Vec<Binding>,
}

/// What an entry of the inventory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An exchange.
    Exchange,
    /// A queue of messages, each of which is taken once.
    Queue,
    /// A stream, which keeps what was read.
    Stream,
    /// The way from an exchange into a queue.
    Binding,
}

/// An entry that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Its full name.
    pub name: String,
    /// Whether the broker has it.
    pub state: State,
}

/// Whether the broker has something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does not.
    Missing,
    /// It does.
    There,
    /// It does, and so many messages wait there for so many consumers.
    Holds {
        /// How many messages wait. A stream always says none.
        messages: u32,
        /// How many consumers it has.
        consumers: u32,
    },
}

/// An entry that was declared.
#[derive(Debug)]
pub struct Applied {
    /// What it is.
    pub kind: Kind,
    /// Its full name, and of a binding both ends.
    pub name: String,
    /// Whether it is new, or why the broker refused it. A binding never counts as new: the broker does not tell.
    pub is_new: Result<bool, Error>,
}

impl Inventory {
    /// The inventory of these settings and schedules.
    ///
    /// # Errors
    /// When the broker's address is not valid, or a name cannot be part of an AMQP name.
    pub fn new(settings: &Settings, schedules: &[Schedule]) -> Result<Self, Error> {
        let topology = settings.topology()?;
        let streams =
            [topology.ledger(), topology.ledger_snapshots()].map(|name| topology.record_stream(name));
        let schedules = schedules.iter().map(|schedule| schedule.declared(&topology));
        let (mut queues, mut bindings) = (topology.queues(), topology.bindings());
        for (queue, binding) in streams.into_iter().chain(schedules) {
            queues.push(queue);
            bindings.push(binding);
        }
        Ok(Self { vhost: settings.vhost()?, exchanges: topology.exchanges(), queues, bindings })
    }

    /// The definitions as RabbitMQ imports them (`rabbitmqctl import_definitions`, or its management interface).
    #[must_use]
    pub fn definitions(&self) -> Value {
        let vhost = &self.vhost;
        let exchanges = self.exchanges.iter().map(|Exchange { name, kind, arguments }| {
            json!({
                "name": name, "vhost": vhost, "type": type_of(kind), "durable": true, "auto_delete": false,
                "internal": false, "arguments": object(arguments),
            })
        });
        let queues = self.queues.iter().map(|Queue { name, arguments }| {
            json!({
                "name": name, "vhost": vhost, "durable": true, "auto_delete": false,
                "arguments": object(arguments),
            })
        });
        let bindings = self.bindings.iter().map(|Binding { queue, exchange, key }| {
            json!({
                "source": exchange, "vhost": vhost, "destination": queue, "destination_type": "queue",
                "routing_key": key, "arguments": {},
            })
        });
        json!({
            "exchanges": exchanges.collect::<Vec<_>>(),
            "queues": queues.collect::<Vec<_>>(),
            "bindings": bindings.collect::<Vec<_>>(),
        })
    }

    /// The full names of the queues, streams aside.
    pub fn queue_names(&self) -> impl Iterator<Item = &str> {
        self.queues.iter().filter(|queue| queue.kind() == Kind::Queue).map(|queue| queue.name.as_str())
    }

    /// The arguments of a queue or stream, if it is one of the inventory.
    pub(crate) fn arguments(&self, name: &str) -> Option<&FieldTable> {
        self.queues.iter().find(|queue| queue.name == name).map(|queue| &queue.arguments)
    }

    /// Looks for each exchange, queue and stream. Nobody can look for a binding through AMQP.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses.
    pub async fn look(&self, settings: &Settings) -> Result<Vec<Found>, Error> {
        let mut session = Session::open(settings).await?;
        let mut all = Vec::new();
        for exchange in &self.exchanges {
            let state = session.has_exchange(exchange).await?;
            all.push(Found { kind: Kind::Exchange, name: exchange.name.clone(), state });
        }
        for queue in &self.queues {
            let state = session.has_queue(&queue.name).await?;
            all.push(Found { kind: queue.kind(), name: queue.name.clone(), state });
        }
        session.connection.close().await;
        Ok(all)
    }

    /// Declares every entry, even if [`Settings::declare`] is false. If the broker refuses one, the others are declared
    /// all the same.
    ///
    /// # Errors
    /// When the broker cannot be reached.
    pub async fn apply(&self, settings: &Settings) -> Result<Vec<Applied>, Error> {
        let mut session = Session::open(settings).await?;
        let mut all = Vec::new();
        for exchange in &self.exchanges {
            let had = session.has_exchange(exchange).await?;
            let declared = declare::declare_exchange(&session.channel, exchange, false).await;
            let is_new = session.answered(declared).await?.map(|()| had == State::Missing);
            all.push(Applied { kind: Kind::Exchange, name: exchange.name.clone(), is_new });
        }
        for queue in &self.queues {
            let had = session.has_queue(&queue.name).await?;
            let declared = declare::declare_queue(&session.channel, queue, false).await;
            let is_new = session.answered(declared).await?.map(|()| had == State::Missing);
            all.push(Applied { kind: queue.kind(), name: queue.name.clone(), is_new });
        }
        for binding in &self.bindings {
            let bound = declare::bind(&session.channel, binding).await;
            let is_new = session.answered(bound).await?.map(|()| false);
            let Binding { queue, exchange, key } = binding;
            let name = format!("{exchange} to {queue}, key `{key}`");
            all.push(Applied { kind: Kind::Binding, name, is_new });
        }
        session.connection.close().await;
        Ok(all)
    }
}

impl Queue {
    fn kind(&self) -> Kind {
        match self.arguments.inner().get("x-queue-type") {
            Some(AMQPValue::LongString(kind)) if kind.as_bytes() == b"stream" => Kind::Stream,
            _ => Kind::Queue,
        }
    }
}

/// A connection, and its channel, which the broker closes with each refusal.
struct Session {
    connection: BrokerConnection,
    channel: Channel,
}

impl Session {
    async fn open(settings: &Settings) -> Result<Self, Error> {
        let connection = BrokerConnection::open(settings, Role::Consume).await?;
        let channel = open_channel(&connection).await?;
        Ok(Self { connection, channel })
    }

    async fn has_exchange(&mut self, exchange: &Exchange) -> Result<State, Error> {
        let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let (name, kind) = (declare::short(&exchange.name)?, exchange.kind.clone());
        let looked = self.channel.exchange_declare(name, kind, options, FieldTable::default()).await;
        self.found(looked.map(|()| State::There)).await
    }

    async fn has_queue(&mut self, name: &str) -> Result<State, Error> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let looked = self.channel.queue_declare(declare::short(name)?, options, FieldTable::default()).await;
        let holds = |queue: &lapin::Queue| State::Holds {
            messages: queue.message_count(),
            consumers: queue.consumer_count(),
        };
        self.found(looked.as_ref().map(holds).map_err(Clone::clone)).await
    }

    async fn found(&mut self, looked: Result<State, lapin::Error>) -> Result<State, Error> {
        match looked {
            Ok(state) => Ok(state),
            Err(error) if reply_code(&error) == Some(404) => {
                self.channel = open_channel(&self.connection).await?;
                Ok(State::Missing)
            }
            Err(error) => Err(declare::refused(error)),
        }
    }

    /// Opens another channel after a refusal. Without a connection that fails.
    async fn answered<T>(&mut self, answer: Result<T, Error>) -> Result<Result<T, Error>, Error> {
        if answer.is_err() {
            self.channel = open_channel(&self.connection).await?;
        }
        Ok(answer)
    }
}

/// The type of an exchange, as RabbitMQ names it.
fn type_of(kind: &ExchangeKind) -> &str {
    match kind {
        ExchangeKind::Direct => "direct",
        ExchangeKind::Fanout => "fanout",
        ExchangeKind::Headers => "headers",
        ExchangeKind::Topic => "topic",
        ExchangeKind::Custom(name) => name,
    }
}

/// The arguments as JSON. Ours are texts and whole numbers.
fn object(arguments: &FieldTable) -> Map<String, Value> {
    let value = |value: &AMQPValue| match value {
        AMQPValue::LongString(text) => Value::from(text.to_string()),
        AMQPValue::LongLongInt(number) => Value::from(*number),
        AMQPValue::LongInt(number) => Value::from(*number),
        AMQPValue::Boolean(is) => Value::from(*is),
        _ => Value::Null,
    };
    arguments.inner().iter().map(|(name, of)| (name.to_string(), value(of))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WorkQueue;

    #[test]
    fn the_definitions_hold_everything_with_its_arguments() {
        let url = "amqp://worker:secret@localhost/people".to_owned();
        let settings = Settings::new(url.into(), vec![WorkQueue::new("orders", ["order.placed"])]);
        let inventory = Inventory::new(&settings, &[]).unwrap();
        let definitions = inventory.definitions();
        let text = definitions.to_string();
        assert!(!text.contains("secret") && !text.contains("null"), "{text}");
        let named = |kind: &str, name: &str| {
            let all = definitions[kind].as_array().unwrap();
            all.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}")).clone()
        };
        let orders = named("queues", "gatehouse.orders");
        assert_eq!(orders["vhost"], "people");
        assert_eq!(orders["arguments"]["x-queue-type"], "quorum");
        assert_eq!(orders["arguments"]["x-delivery-limit"], 20);
        assert_eq!(named("queues", "gatehouse.ledger")["arguments"]["x-queue-type"], "stream");
        assert_eq!(named("exchanges", "gatehouse.events")["type"], "topic");
        let ways = definitions["bindings"].as_array().unwrap();
        assert!(ways.iter().any(|way| way["source"] == "gatehouse.events"
            && way["destination"] == "gatehouse.orders"
            && way["routing_key"] == "order.placed"));
    }
}
