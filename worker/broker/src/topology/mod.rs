//! Every exchange, queue and binding as data, with names and arguments.
//!
//! **Guarantees** (tests below): every exchange but `unrouted`, that of pages and that of the ledger has an alternate;
//! every queue that dead-letters does so at least once and rejects what exceeds its limit; delay queues lead only into
//! work queues; the history is bound to results and never to events, so an unknown event stays unroutable.

pub(crate) mod declare;
pub(crate) mod history;
pub(crate) mod inventory;
mod ledger;
pub(crate) mod schedule;

use std::time::Duration;

use lapin::{
    ExchangeKind,
    types::{AMQPValue, FieldTable},
};

use self::history::Retention;
use crate::{Error, consume::delay::STEPS};

/// How often a message may return to its work queue before the broker sets it aside.
pub(crate) const WORK_DELIVERY_LIMIT: i64 = 20;
/// Reading a message counts as a delivery, and since RabbitMQ 4.0 a queue's default limit is 20. A dead
/// letter must survive being read (release notes 4.0.1, read 2026-11-21).
const KEEP_DELIVERY_LIMIT: i64 = 1_000_000;

/// A queue of work: its name without the prefix, and the events routed into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkQueue {
    /// The name without the prefix.
    pub name: String,
    /// The routing keys of the events it takes.
    pub event_keys: Vec<String>,
    /// How long a handler may hold a message, if longer than the broker's own limit of 30 minutes. A broker before
    /// RabbitMQ 3.12 ignores it.
    pub consumer_timeout: Option<Duration>,
}

impl WorkQueue {
    /// A work queue that takes the events with these routing keys.
    #[must_use]
    pub fn new(name: impl Into<String>, event_keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let event_keys = event_keys.into_iter().map(Into::into).collect();
        Self { name: name.into(), event_keys, consumer_timeout: None }
    }

    /// The same queue, whose messages may be held for so long.
    #[must_use]
    pub fn held_for(self, limit: Duration) -> Self {
        Self { consumer_timeout: Some(limit), ..self }
    }
}

/// The names of everything in the broker under one prefix.
#[derive(Clone, Debug)]
pub struct Topology {
    prefix: String,
    work_queues: Vec<WorkQueue>,
    publishers: Vec<String>,
    history_kept: Retention,
    snapshots_kept: Retention,
}

#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) name: String,
    pub(crate) kind: ExchangeKind,
    pub(crate) arguments: FieldTable,
}

#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) arguments: FieldTable,
}

#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) queue: String,
    pub(crate) exchange: String,
    pub(crate) key: String,
}

impl Topology {
    /// The topology with this prefix and these work queues.
    ///
    /// # Errors
    /// When a name is longer than AMQP allows, empty, or reserved.
    pub(crate) fn new(prefix: &str, work_queues: Vec<WorkQueue>) -> Result<Self, Error> {
        let names = work_queues.iter().map(|queue| queue.name.as_str());
        std::iter::once(prefix).chain(names).try_for_each(check_name)?;
        if work_queues.iter().flat_map(|queue| &queue.event_keys).any(|key| key.len() > 255) {
            return Err(Error::invalid("an event key is longer than 255 bytes; shorten it"));
        }
        let (prefix, publishers) = (prefix.to_owned(), Vec::new());
        let (history_kept, snapshots_kept) = (Retention::HISTORY, Retention::SNAPSHOTS);
        Ok(Self { prefix, work_queues, publishers, history_kept, snapshots_kept })
    }

    /// The same with an exchange for each of these publishers.
    ///
    /// # Errors
    /// When a publisher's name cannot be part of that of an exchange.
    pub(crate) fn with_publishers(self, publishers: &[String]) -> Result<Self, Error> {
        publishers.iter().try_for_each(|name| check_name(name))?;
        Ok(Self { publishers: publishers.to_vec(), ..self })
    }

    /// The exchange that receives events.
    #[must_use]
    pub fn events(&self) -> String {
        self.named("events")
    }

    /// The exchange for the events of one publisher. Permissions of the broker confine who writes to it, which is more
    /// than a shared exchange can tell of a message that came through a shovel or a federation.
    #[must_use]
    pub fn events_from(&self, publisher: &str) -> String {
        self.named(&format!("from.{publisher}"))
    }

    /// The publisher whose exchange this is.
    #[must_use]
    pub fn publisher_of(&self, exchange: &str) -> Option<&str> {
        self.publishers.iter().find(|publisher| self.events_from(publisher) == exchange).map(String::as_str)
    }

    /// The exchange for the worker's own messages: continuations, replays, and messages back from the delay.
    #[must_use]
    pub fn work(&self) -> String {
        self.named("work")
    }

    /// The exchange that results are published to.
    #[must_use]
    pub fn results(&self) -> String {
        self.named("results")
    }

    /// The exchange that the pages of syncs are published to. A page that nobody takes comes back to its worker, so
    /// this exchange has no alternate; and the history is not bound to it, because a stream cannot forget a person.
    #[must_use]
    pub fn pages(&self) -> String {
        self.named("sync")
    }

    /// The exchange that dead letters are published to.
    #[must_use]
    pub fn dead(&self) -> String {
        self.named("dead")
    }

    /// The exchange and the queue of messages that no other queue is bound for.
    #[must_use]
    pub fn unrouted(&self) -> String {
        self.named("unrouted")
    }

    /// The stream that keeps every result.
    #[must_use]
    pub fn history(&self) -> String {
        self.named("history")
    }

    /// The exchange and the stream that order who may act for whom. Who reads the stream declares both. A record that no
    /// stream takes comes back to its worker, so the exchange has no alternate.
    #[must_use]
    pub fn ledger(&self) -> String {
        self.named("ledger")
    }

    /// The stream of snapshots of the ledger.
    #[must_use]
    pub fn ledger_snapshots(&self) -> String {
        self.named("ledger.snapshots")
    }

    /// The stream that keeps what runs take away.
    #[must_use]
    pub fn snapshots(&self) -> String {
        self.named("snapshots")
    }

    /// The exchange and the queue of one step of the delay.
    #[must_use]
    pub fn delay(&self, seconds: u64) -> String {
        format!("{}.delay.{seconds}s", self.prefix)
    }

    /// The full name of a work queue, given with or without the prefix.
    ///
    /// # Errors
    /// When the work queue does not exist: a message for it would end in the unrouted queue.
    pub fn work_queue(&self, name: &str) -> Result<String, Error> {
        let known = self.work_queues.iter().map(|queue| self.named(&queue.name));
        known
            .clone()
            .find(|full| {
                full == name
                    || full.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix('.')) == Some(name)
            })
            .ok_or_else(|| {
                let known: Vec<String> = known.collect();
                Error::invalid(if known.is_empty() {
                    format!("there is no work queue `{name}`: the broker settings list none; add it to `work_queues`")
                } else {
                    format!("there is no work queue `{name}`; use {}", known.join(" or "))
                })
            })
    }

    /// The full name of a work queue's dead-letter queue.
    ///
    /// # Errors
    /// When the work queue does not exist.
    pub fn dead_letter_queue(&self, name: &str) -> Result<String, Error> {
        self.work_queue(name).map(|full| format!("{full}.dlq"))
    }

    /// Whether a queue name belongs to the worker. No publisher may redirect results there. Names below
    /// `<prefix>.replies.` are left to publishers.
    pub(crate) fn owns(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&self.prefix);
        rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('.') && !rest.starts_with(".replies.")))
    }

    fn named(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        let guarded = |name: String, kind| Exchange {
            name,
            kind,
            arguments: table([("alternate-exchange", text(&self.unrouted()))]),
        };
        let unrouted =
            Exchange { name: self.unrouted(), kind: ExchangeKind::Fanout, arguments: FieldTable::default() };
        let pages =
            Exchange { name: self.pages(), kind: ExchangeKind::Topic, arguments: FieldTable::default() };
        let ledger =
            Exchange { name: self.ledger(), kind: ExchangeKind::Direct, arguments: FieldTable::default() };
        let mut all = vec![
            unrouted,
            pages,
            ledger,
            guarded(self.events(), ExchangeKind::Topic),
            guarded(self.work(), ExchangeKind::Direct),
            guarded(self.results(), ExchangeKind::Topic),
            guarded(self.dead(), ExchangeKind::Direct),
            guarded(self.late_results(), ExchangeKind::Fanout),
        ];
        all.extend(STEPS.map(|seconds| guarded(self.delay(seconds), ExchangeKind::Fanout)));
        let own = self.publishers.iter().map(|publisher| self.events_from(publisher));
        all.extend(own.map(|exchange| guarded(exchange, ExchangeKind::Topic)));
        all
    }

    pub(crate) fn queues(&self) -> Vec<Queue> {
        let keep =
            || table([("x-queue-type", text("quorum")), ("x-delivery-limit", KEEP_DELIVERY_LIMIT.into())]);
        let mut all = vec![Queue { name: self.unrouted(), arguments: keep() }, self.history_stream()];
        all.extend([self.snapshots_stream(), self.late_queue().0]);
        for seconds in STEPS {
            let ttl = millis(Duration::from_secs(seconds));
            let arguments = self.dead_lettering(&self.work(), [("x-message-ttl", ttl.into())]);
            all.push(Queue { name: self.delay(seconds), arguments });
        }
        for queue in &self.work_queues {
            let name = self.named(&queue.name);
            let arguments = self.dead_lettering(
                &self.dead(),
                [
                    ("x-delivery-limit", WORK_DELIVERY_LIMIT.into()),
                    ("x-dead-letter-routing-key", text(&name)),
                ],
            );
            let mut arguments = arguments;
            if let Some(limit) = queue.consumer_timeout {
                arguments.insert("x-consumer-timeout".into(), millis(limit).into());
            }
            all.push(Queue { name: format!("{name}.dlq"), arguments: keep() });
            all.push(Queue { name, arguments });
        }
        all
    }

    /// At-least-once dead-lettering silently becomes at-most-once unless the overflow behaviour is
    /// `reject-publish`, so both are always set together (measured on RabbitMQ 3.10.8, 2026-11-21).
    fn dead_lettering<const N: usize>(&self, exchange: &str, more: [(&str, AMQPValue); N]) -> FieldTable {
        let mut arguments = table(more);
        for (name, value) in [
            ("x-queue-type", "quorum"),
            ("x-dead-letter-exchange", exchange),
            ("x-dead-letter-strategy", "at-least-once"),
            ("x-overflow", "reject-publish"),
        ] {
            arguments.insert(name.into(), text(value));
        }
        arguments
    }

    pub(crate) fn bindings(&self) -> Vec<Binding> {
        let bind = |queue: &str, exchange: &str, key: &str| Binding {
            queue: queue.to_owned(),
            exchange: exchange.to_owned(),
            key: key.to_owned(),
        };
        let mut all =
            vec![bind(&self.unrouted(), &self.unrouted(), ""), bind(&self.history(), &self.results(), "#")];
        // A part that the stream does not take comes back to its worker, which then takes nothing away.
        all.extend([bind(&self.snapshots(), &self.ledger(), &self.snapshots()), self.late_queue().1]);
        all.extend(STEPS.map(|seconds| bind(&self.delay(seconds), &self.delay(seconds), "")));
        for queue in &self.work_queues {
            let name = self.named(&queue.name);
            all.push(bind(&name, &self.work(), &name));
            all.push(bind(&format!("{name}.dlq"), &self.dead(), &name));
            let own = self.publishers.iter().map(|publisher| self.events_from(publisher));
            for exchange in std::iter::once(self.events()).chain(own) {
                all.extend(queue.event_keys.iter().map(|key| bind(&name, &exchange, key)));
            }
        }
        all
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let fits = (1..=100).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if fits && !name.starts_with("amq.") {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "`{name}` cannot be part of a name in the broker; use 1 to 100 letters, digits, dots, dashes and underscores, and do not start with `amq.`"
    )))
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn table<const N: usize>(entries: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert(name.into(), value);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::topology;

    fn argument(arguments: &FieldTable, name: &str) -> Option<String> {
        match arguments.inner().get(name)? {
            AMQPValue::LongString(text) => Some(text.to_string()),
            other => Some(format!("{other:?}")),
        }
    }

    #[test]
    fn every_exchange_whose_messages_must_not_come_back_has_an_alternate() {
        for exchange in topology().exchanges() {
            let alternate = argument(&exchange.arguments, "alternate-exchange");
            let has_none = ["gatehouse.unrouted", "gatehouse.sync", "gatehouse.ledger"]
                .contains(&exchange.name.as_str());
            let expected = (!has_none).then(|| "gatehouse.unrouted".to_owned());
            assert_eq!(alternate, expected, "{}", exchange.name);
        }
    }

    #[test]
    fn a_publisher_with_an_exchange_of_its_own_reaches_the_same_queues() {
        let publishers = ["hr".to_owned(), "itsm".to_owned()];
        let topology = topology().with_publishers(&publishers).unwrap();
        let bound = |exchange: &str| {
            let bindings = topology.bindings().into_iter().filter(|binding| binding.exchange == exchange);
            bindings.map(|binding| (binding.queue, binding.key)).collect::<Vec<_>>()
        };
        assert!(!bound("gatehouse.events").is_empty());
        for publisher in &publishers {
            let exchange = topology.events_from(publisher);
            assert_eq!(exchange, format!("gatehouse.from.{publisher}"));
            assert_eq!(bound(&exchange), bound("gatehouse.events"));
            assert_eq!(topology.publisher_of(&exchange), Some(publisher.as_str()));
        }
        assert_eq!(topology.publisher_of("gatehouse.from.other"), None);
        assert!(topology.with_publishers(&["a b".to_owned()]).unwrap_err().is_invalid());
    }

    #[test]
    fn every_queue_that_dead_letters_does_so_at_least_once_and_rejects_overflow() {
        let queues = topology().queues();
        let dead_lettering =
            queues.iter().filter(|queue| argument(&queue.arguments, "x-dead-letter-exchange").is_some());
        assert_eq!(dead_lettering.clone().count(), 13);
        for queue in dead_lettering {
            let value = |name| argument(&queue.arguments, name);
            assert_eq!(value("x-dead-letter-strategy").as_deref(), Some("at-least-once"), "{}", queue.name);
            assert_eq!(value("x-overflow").as_deref(), Some("reject-publish"), "{}", queue.name);
        }
    }

    #[test]
    fn delay_queues_lead_into_work_and_keep_the_final_address() {
        for queue in topology().queues().iter().filter(|queue| queue.name.contains(".delay.")) {
            assert_eq!(
                argument(&queue.arguments, "x-dead-letter-exchange").as_deref(),
                Some("gatehouse.work")
            );
            assert_eq!(argument(&queue.arguments, "x-dead-letter-routing-key"), None);
        }
    }

    #[test]
    fn queues_that_are_only_read_allow_a_million_deliveries() {
        for name in ["gatehouse.orders.dlq", "gatehouse.unrouted"] {
            let queues = topology().queues();
            let queue = queues.iter().find(|queue| queue.name == name).unwrap();
            assert_eq!(
                argument(&queue.arguments, "x-delivery-limit").as_deref(),
                Some("LongLongInt(1000000)")
            );
        }
    }

    #[test]
    fn no_binding_swallows_unknown_events() {
        let topology = topology();
        let bindings = topology.bindings();
        let on_events = bindings.iter().filter(|binding| binding.exchange == topology.events());
        assert!(on_events.clone().all(|binding| !binding.key.contains(['#', '*'])));
        assert_eq!(on_events.count(), 2);
        let everything: Vec<_> = bindings.iter().filter(|binding| binding.key == "#").collect();
        assert_eq!(everything.len(), 1);
        assert_eq!(
            (everything[0].queue.as_str(), everything[0].exchange.as_str()),
            ("gatehouse.history", "gatehouse.results")
        );
    }

    #[test]
    fn nothing_of_ours_keeps_a_page() {
        let topology = topology();
        assert!(topology.bindings().iter().all(|binding| binding.exchange != topology.pages()));
    }

    #[test]
    fn a_queue_of_long_work_asks_for_more_time_and_no_other_does() {
        let long = WorkQueue::new("reports", ["report.requested"]).held_for(Duration::from_secs(7_200));
        let topology =
            Topology::new("gatehouse", vec![WorkQueue::new("orders", ["order.placed"]), long]).unwrap();
        let limits: Vec<_> = topology
            .queues()
            .iter()
            .filter_map(|queue| Some((queue.name.clone(), argument(&queue.arguments, "x-consumer-timeout")?)))
            .collect();
        assert_eq!(limits, [("gatehouse.reports".to_owned(), "LongLongInt(7200000)".to_owned())]);
    }

    #[test]
    fn a_work_queue_is_found_with_and_without_prefix_and_nothing_else_is() {
        let topology = topology();
        assert_eq!(topology.work_queue("orders").unwrap(), "gatehouse.orders");
        assert_eq!(topology.work_queue("gatehouse.orders").unwrap(), "gatehouse.orders");
        assert_eq!(topology.dead_letter_queue("orders").unwrap(), "gatehouse.orders.dlq");
        for wrong in ["order", "gatehousexorders", "", "gatehouse.", "other.orders"] {
            assert!(topology.work_queue(wrong).unwrap_err().is_invalid(), "{wrong}");
        }
    }

    #[test]
    fn without_any_work_queue_the_error_names_the_setting() {
        let error = Topology::new("gatehouse", Vec::new()).unwrap().work_queue("orders").unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("add it to `work_queues`"), "{error}");
    }

    #[test]
    fn names_that_amqp_would_refuse_are_refused_first() {
        for prefix in ["", "amq.gatehouse", "gate house", &"x".repeat(101)] {
            assert!(Topology::new(prefix, Vec::new()).unwrap_err().is_invalid(), "{prefix}");
        }
    }
}
