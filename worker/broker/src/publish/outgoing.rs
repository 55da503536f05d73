//! An outgoing message: its destination, and what it carries.

use std::{borrow::Cow, fmt, time::Duration};

use jiff::Timestamp;
use lapin::{
    BasicProperties,
    types::{AMQPValue, ShortString},
};

use crate::{
    DeadLetter, Due, Error, Message, Properties, Schedule, Topology,
    consume::delay,
    dead_letters::letter::{QUEUE as DEAD_QUEUE, Whole, id_of},
    message::{
        ASKED_AS, BEGUN, PERSON, RETURNS, SUSPECT,
        headers::{OwnHeaders, Value},
        origin::Origin,
        signature::Keys,
    },
};

/// The broker delivers what is published under such a key to the channel that waits for it; there is no queue.
const DIRECT_REPLY: &str = "amq.rabbitmq.reply-to.";

/// The header by which a stream finds messages of one kind. RabbitMQ before 3.13 keeps it and takes no heed of it.
const FILTER_VALUE: &str = "x-stream-filter-value";

/// How much is kept of a message that is too large.
const KEPT_BYTES: usize = 4 * 1024;

/// A message to publish, made by naming its destination. It is persistent, does not expire, and carries no
/// header that belongs to the broker.
#[derive(Clone, PartialEq)]
pub struct Outgoing {
    pub(crate) address: Address,
    /// The properties.
    pub properties: Properties,
    /// The headers.
    pub headers: OwnHeaders,
    origin: Origin,
    user: Option<String>,
    body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Address {
    Result {
        key: String,
    },
    Event {
        key: String,
    },
    Page {
        key: String,
    },
    Work {
        queue: String,
    },
    Token {
        schedule: Schedule,
    },
    Snapshot,
    Delayed {
        queue: String,
        due: Due,
        hops: i64,
    },
    Dead {
        queue: String,
    },
    Reply {
        queue: String,
    },
    /// Back to one of the worker's exchanges, with its old key.
    Exchange {
        name: String,
        key: String,
    },
}

/// An outgoing message in lapin's form.
#[derive(Debug)]
pub(crate) struct Encoded<'a> {
    pub(crate) exchange: ShortString,
    pub(crate) key: ShortString,
    /// Whether the broker reports that no queue took it. It does so of a direct reply that it delivered.
    pub(crate) mandatory: bool,
    pub(crate) properties: BasicProperties,
    pub(crate) body: &'a [u8],
    /// Where it goes as well if its confirm is slow to come.
    pub(crate) late_exchange: Option<ShortString>,
}

impl Encoded<'_> {
    /// The same message as a late result.
    pub(crate) fn as_late(&self) -> Option<Encoded<'_>> {
        Some(Encoded {
            exchange: self.late_exchange.clone()?,
            key: self.key.clone(),
            mandatory: true,
            properties: self.properties.clone(),
            body: self.body,
            late_exchange: None,
        })
    }
}

impl Outgoing {
    /// A result, for every listener of this key.
    #[must_use]
    pub fn result(key: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::to(Address::Result { key: key.into() }, body.into())
    }

    /// An event, as a publisher sends it.
    #[must_use]
    pub fn event(key: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::to(Address::Event { key: key.into() }, body.into())
    }

    /// A page of rows, for every listener of this key. It has no other way: publishing fails if nobody listens.
    #[must_use]
    pub fn page(key: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::to(Address::Page { key: key.into() }, body.into())
    }

    /// The token of a schedule; its queue takes only one.
    #[must_use]
    pub fn token(schedule: &Schedule, body: impl Into<Vec<u8>>) -> Self {
        Self::to(Address::Token { schedule: schedule.clone() }, body.into())
    }

    /// What a run is about to take away, for the stream that keeps it. Publishing fails if there is no such stream.
    #[must_use]
    pub fn snapshot(body: impl Into<Vec<u8>>) -> Self {
        Self::to(Address::Snapshot, body.into())
    }

    /// Work for a queue, due at once.
    #[must_use]
    pub fn work(queue: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::to(Address::Work { queue: queue.into() }, body.into())
    }

    /// Work for a queue, due later.
    #[must_use]
    pub fn delayed(queue: impl Into<String>, due: Due, body: impl Into<Vec<u8>>) -> Self {
        Self::to(Address::Delayed { queue: queue.into(), due, hops: 1 }, body.into())
    }

    /// A copy of a result for the queue that an event names in `reply_to`. It bypasses the exchanges, so
    /// publishing fails if the queue does not exist; report that and continue. A queue of the worker is refused.
    #[must_use]
    pub fn reply(queue: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::to(Address::Reply { queue: queue.into() }, body.into())
    }

    /// A dead letter: a message of work queue `queue`, with its body and properties unchanged. The count of
    /// replays is the higher one of letter and message, so a caller cannot lose it.
    #[must_use]
    pub fn dead(queue: impl Into<String>, letter: &DeadLetter, message: &Message) -> Self {
        let replays = letter.replays.max(message.replays());
        let mut outgoing = Self::copy(Address::Dead { queue: queue.into() }, message.clone());
        DeadLetter { replays, ..letter.clone() }.write(&mut outgoing.headers);
        outgoing
    }

    /// A dead letter that keeps only the beginning of its message, and says what the whole was: nobody has to store, or
    /// hold several times in memory, what is too large to be read. It cannot be replayed.
    #[must_use]
    pub fn dead_beginning(queue: impl Into<String>, letter: &DeadLetter, message: &Message) -> Self {
        let beginning = Message {
            body: message.body.get(..KEPT_BYTES).unwrap_or(&message.body).to_vec(),
            properties: message.properties.clone(),
            headers: message.headers.clone(),
            exchange: message.exchange.clone(),
            routing_key: message.routing_key.clone(),
            user: message.user.clone(),
            origin: message.origin.clone(),
            redelivered: message.redelivered,
        };
        let whole = Some(Whole::of(&message.body));
        Self::dead(queue, &DeadLetter { whole, ..letter.clone() }, &beginning)
    }

    /// The id by which an operator names it, as a dead letter.
    #[must_use]
    pub fn dead_id(&self) -> String {
        id_of(&self.properties, &self.body)
    }

    /// A message that cannot be worked on yet, unchanged, into the delay. It may come back any number of times.
    #[must_use]
    pub fn put_off(queue: impl Into<String>, due: Due, message: Message) -> Self {
        let (may_have_begun, returns) = (message.may_have_begun(), message.returns());
        let mut outgoing = Self::again(queue.into(), due, 1, message);
        if may_have_begun {
            outgoing.headers.put(BEGUN, Value::Bool(true));
        }
        if returns > 0 {
            outgoing.headers.put(RETURNS, Value::Int(returns));
        }
        outgoing
    }

    /// A message that may crash its workers, unchanged, into the delay, to be worked on alone.
    pub(crate) fn suspect(queue: String, suspicion: i64, message: Message) -> Self {
        let mut outgoing = Self::put_off(queue, Due::after(Duration::ZERO), message);
        outgoing.headers.put(SUSPECT, Value::Int(suspicion));
        outgoing.headers.remove(RETURNS);
        outgoing
    }

    /// An early message, unchanged, back to the delay.
    pub(crate) fn again(queue: String, due: Due, hops: i64, message: Message) -> Self {
        Self::copy(Address::Delayed { queue, due, hops }, message)
    }

    /// The same message, of which it was said just now that it is in the delay.
    pub(crate) fn said_at(mut self, now: Timestamp) -> Self {
        delay::begin_again(&mut self.headers, now);
        self
    }

    pub(crate) fn copy(address: Address, message: Message) -> Self {
        let headers = message.headers.own();
        let Message { properties, origin, body, .. } = message;
        Self { address, properties, headers, origin, user: None, body }
    }

    fn to(address: Address, body: Vec<u8>) -> Self {
        let (properties, headers) = (Properties::default(), OwnHeaders::default());
        Self { address, properties, headers, origin: Origin::Worker, user: None, body }
    }

    /// Sets the properties.
    #[must_use]
    pub fn with_properties(self, properties: Properties) -> Self {
        Self { properties, ..self }
    }

    /// Says whom it is about: in the header `gatehouse-person`, and of a result in the filter value of the history as
    /// well, so that who reads about one person need not read about all.
    #[must_use]
    pub fn about(mut self, person: impl Into<String>) -> Self {
        self.headers.put(PERSON, Value::Text(person.into()));
        self
    }

    /// Sets the `correlation_id` by which the publisher recognizes the answer, if it gave one.
    #[must_use]
    pub fn asked_as(mut self, correlation_id: Option<&str>) -> Self {
        if let Some(id) = correlation_id {
            self.headers.put(ASKED_AS, Value::Text(id.to_owned()));
        }
        self
    }

    /// States the user who publishes it. The broker refuses any but the one of the connection.
    #[must_use]
    pub fn published_by(self, user: impl Into<String>) -> Self {
        Self { user: Some(user.into()), ..self }
    }

    /// Whether a worker reads it as its own kind of message, and not as an event or a result.
    fn returns_to_workers(&self, topology: &Topology) -> bool {
        match &self.address {
            Address::Work { .. } | Address::Token { .. } | Address::Delayed { .. } | Address::Dead { .. } => {
                true
            }
            Address::Exchange { name, .. } => [topology.work(), topology.dead()].contains(name),
            Address::Result { .. }
            | Address::Page { .. }
            | Address::Snapshot
            | Address::Event { .. }
            | Address::Reply { .. } => false,
        }
    }

    pub(crate) fn encode(
        &self,
        topology: &Topology,
        keys: Option<&Keys>,
        now: Timestamp,
    ) -> Result<Encoded<'_>, Error> {
        let mut headers = Cow::Borrowed(&self.headers);
        let (exchange, key) = match &self.address {
            Address::Result { key } => (topology.results(), key.clone()),
            Address::Page { key } => (topology.pages(), key.clone()),
            Address::Snapshot => (topology.ledger(), topology.snapshots()),
            Address::Event { key } => (topology.events(), key.clone()),
            Address::Token { schedule } => (topology.work(), schedule.full_name(topology)),
            Address::Work { queue } => (topology.work(), topology.work_queue(queue)?),
            Address::Delayed { queue, due, hops } => {
                due.write(headers.to_mut(), *hops);
                delay::begin(headers.to_mut(), now);
                (topology.delay(due.step(now)), topology.work_queue(queue)?)
            }
            Address::Dead { queue } => {
                let queue = topology.work_queue(queue)?;
                headers.to_mut().put(DEAD_QUEUE, Value::Text(queue.clone()));
                (topology.dead(), queue)
            }
            Address::Reply { queue } if queue.is_empty() || topology.owns(queue) => {
                return Err(Error::invalid(
                    "`reply_to` is empty or names a queue of the worker; use a queue of your own",
                ));
            }
            Address::Reply { queue } => (String::new(), queue.clone()),
            Address::Exchange { name, key } => (name.clone(), key.clone()),
        };
        if self.returns_to_workers(topology) {
            self.origin.write(headers.to_mut(), &self.body, keys);
        }
        // lapin's own conversion panics on a longer string, so every string is checked here.
        let short = |text: String| {
            ShortString::try_new(text).map_err(|_| {
                Error::invalid(
                    "a routing key, or the name of a queue or a user, is longer than 255 bytes; shorten it",
                )
            })
        };
        let mut properties = self.properties.to_wire()?;
        if let Some(user) = &self.user {
            properties = properties.with_user_id(short(user.clone())?);
        }
        let mut headers = headers.to_wire()?;
        if let (Address::Result { .. }, Some(person)) = (&self.address, self.headers.text(PERSON)) {
            headers.insert(FILTER_VALUE.into(), AMQPValue::LongString(person.into()));
        }
        if !headers.inner().is_empty() {
            properties = properties.with_headers(headers);
        }
        let mandatory = !(exchange.is_empty() && key.starts_with(DIRECT_REPLY));
        let late_exchange = match &self.address {
            Address::Result { .. } => Some(short(topology.late_results())?),
            _ => None,
        };
        let (exchange, key) = (short(exchange)?, short(key)?);
        Ok(Encoded { exchange, key, mandatory, properties, body: &self.body, late_exchange })
    }
}

/// Shows neither body nor headers, because both may hold personal data.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("address", &self.address)
            .field("message_id", &self.properties.message_id)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing;

    fn encode(outgoing: &Outgoing) -> Result<Encoded<'_>, Error> {
        outgoing.encode(&testing::topology(), None, Timestamp::now())
    }

    fn route(outgoing: &Outgoing) -> (String, String) {
        let encoded = encode(outgoing).unwrap();
        (encoded.exchange.to_string(), encoded.key.to_string())
    }

    #[test]
    fn every_destination_has_its_exchange_and_key() {
        let route_is = |outgoing, exchange: &str, key: &str| {
            assert_eq!(route(&outgoing), (exchange.to_owned(), key.to_owned()));
        };
        route_is(Outgoing::result("run.succeeded", "{}"), "gatehouse.results", "run.succeeded");
        route_is(Outgoing::event("order.placed", "{}"), "gatehouse.events", "order.placed");
        route_is(Outgoing::work("orders", "{}"), "gatehouse.work", "gatehouse.orders");
        route_is(Outgoing::reply("hr.answers", "{}"), "", "hr.answers");
        route_is(Outgoing::page("users.user", "{}"), "gatehouse.sync", "users.user");
        let every = Duration::from_secs(300);
        let schedule = Schedule { name: "contoso.users".to_owned(), queue: "orders".to_owned(), every };
        let token = Outgoing::token(&schedule, "{}");
        route_is(token, "gatehouse.work", "gatehouse.schedule.contoso.users.300s");
        let due = Due::after(Duration::from_secs(20));
        route_is(Outgoing::delayed("orders", due, "{}"), "gatehouse.delay.15s", "gatehouse.orders");
        let dead = Outgoing::dead("orders", &DeadLetter::new("fault", "it broke"), &Message::default());
        route_is(dead, "gatehouse.dead", "gatehouse.orders");
    }

    #[test]
    fn a_result_about_somebody_has_the_filter_value_of_the_history_and_a_copy_of_it_has_none() {
        let person = "6f0a8a6c-0001-4000-8000-000000000001";
        for (outgoing, has_value) in
            [(Outgoing::result("run.succeeded", "{}"), true), (Outgoing::reply("hr.answers", "{}"), false)]
        {
            let outgoing = outgoing.about(person);
            let properties = encode(&outgoing).unwrap().properties;
            let headers = properties.headers().as_ref().unwrap().inner();
            assert_eq!(headers.get(PERSON.as_str()), Some(&AMQPValue::LongString(person.into())));
            let value = headers.get(FILTER_VALUE).cloned();
            assert_eq!(value, has_value.then(|| AMQPValue::LongString(person.into())));
        }
        let nobody = Outgoing::result("sync.succeeded", "{}");
        assert_eq!(encode(&nobody).unwrap().properties.headers(), &None);
    }

    #[test]
    fn a_reply_cannot_reach_our_own_queues() {
        for queue in ["gatehouse.orders", "gatehouse", "gatehouse.orders.dlq", ""] {
            assert!(encode(&Outgoing::reply(queue, "{}")).unwrap_err().is_invalid(), "{queue}");
        }
        for queue in ["gatehouses.answers", "gatehouse.replies.hr"] {
            assert!(encode(&Outgoing::reply(queue, "{}")).is_ok(), "{queue}");
        }
    }

    #[test]
    fn a_name_too_long_for_amqp_is_an_error_and_no_panic() {
        assert!(encode(&Outgoing::event("k".repeat(256), "{}")).unwrap_err().is_invalid());
        assert!(encode(&Outgoing::event("k".repeat(255), "{}")).is_ok());
        assert!(encode(&Outgoing::reply("q".repeat(256), "{}")).unwrap_err().is_invalid());
        assert!(encode(&Outgoing::work("nobody", "{}")).unwrap_err().is_invalid());
    }

    #[test]
    fn no_headers_are_too_large_to_be_set_aside_or_delayed_again() {
        use lapin::types::{AMQPValue, FieldTable};
        let mut table = FieldTable::default();
        for index in 0..4_000 {
            table.insert(format!("header-{index}").into(), AMQPValue::LongString("a".repeat(20).into()));
        }
        let text = || Some("p".repeat(255));
        let message = Message {
            headers: crate::Headers::from_wire(Some(&table)),
            properties: Properties {
                message_id: text(),
                kind: text(),
                app_id: text(),
                ..Properties::default()
            },
            ..Message::default()
        };
        let letter = DeadLetter {
            step: Some("s".repeat(300)),
            worker: Some("w".repeat(300)),
            ..DeadLetter::new("fault", "r".repeat(2_000))
        };
        let dead = Outgoing::dead("orders", &letter, &message);
        let dead = encode(&dead).unwrap();
        assert!(dead.properties.headers().as_ref().unwrap().inner().len() > 600);
        let due = Due::after(Duration::from_secs(20));
        assert!(encode(&Outgoing::again("orders".to_owned(), due, 2, message)).is_ok());
    }

    #[test]
    fn a_dead_letter_never_loses_count_of_the_replays() {
        let replayed = |replays| {
            let mut headers = OwnHeaders::default();
            headers.put(crate::message::REPLAYS, Value::Int(replays));
            testing::arrived(&headers)
        };
        for (in_letter, in_message, expected) in [(0, 2, 2), (3, 2, 3), (0, -1, 0)] {
            let letter = DeadLetter { replays: in_letter, ..DeadLetter::new("fault", "it broke") };
            let dead = Outgoing::dead("orders", &letter, &replayed(in_message));
            assert_eq!(testing::arrived(&dead.headers).replays(), expected);
        }
    }

    #[test]
    fn a_dead_letter_keeps_body_and_properties_and_no_header_of_the_brokers() {
        let mut table = lapin::types::FieldTable::default();
        table.insert("x-death".into(), lapin::types::AMQPValue::LongInt(1));
        table.insert("traceparent".into(), lapin::types::AMQPValue::LongString("00-1".into()));
        let message = Message {
            body: vec![0, 159, 146, 150],
            properties: Properties { message_id: Some("m-1".to_owned()), ..Properties::default() },
            headers: crate::Headers::from_wire(Some(&table)),
            ..Message::default()
        };
        let dead = Outgoing::dead("orders", &DeadLetter::new("undecodable", "no JSON"), &message);
        let encoded = encode(&dead).unwrap();
        assert_eq!(encoded.body, message.body);
        assert_eq!(encoded.properties.message_id().as_ref().unwrap().as_str(), "m-1");
        let names: Vec<&str> =
            encoded.properties.headers().as_ref().unwrap().inner().keys().map(ShortString::as_str).collect();
        assert!(names.contains(&"traceparent") && names.contains(&"gatehouse-dead-class"));
        assert!(!names.iter().any(|name| name.starts_with("x-")), "{names:?}");
    }
}
