//! Channels, and what Gatehouse does in each.

use ::messages::{EventKind, ResultData, ResultKind};
use directory_sync::KINDS;
use serde_json::{Value, json};

use super::messages::name;
use super::places::{BINDING, Places, object, reference};
use crate::delivery::queues;

/// The channel of copies.
const REPLIES: &str = "replies";

const OF_REPLIES: &str = "The queue that an event names in its AMQP property `reply_to`: by default direct reply-to \
(`amq.rabbitmq.reply-to`) or a queue named `gatehouse.replies.…`, which the publisher declares. Gatehouse copies the \
results of the event there. A copy has the AMQP `correlation_id` of the event's message, and names the account in \
`personid` and `personupn`.";

const OF_UNROUTED: &str = "Messages for which no queue is bound, such as an event under a routing key that nobody knows. \
The broker confirms them, so their publisher does not hear of it. Gatehouse does not read them.";

const OF_HISTORY: &str = "A stream of every result, for `gatehouse history` and for readers of your own.";

/// Every channel.
pub fn channels(places: &Places) -> Value {
    let events = EventKind::ALL.into_iter().map(|kind| (name(kind.event_type()), event(places, kind)));
    let results = published().map(|kind| (name(kind.event_type), result(places, kind)));
    let works = queues::work_queues().into_iter().filter_map(|queue| {
        let full = places.topology.work_queue(&queue.name).ok()?;
        let taken = EventKind::ALL.into_iter().filter(|kind| queues::queue_of(*kind) == queue.name);
        let description =
            "A work queue: events, and the messages of runs that resume, which are between workers.";
        let taken = taken.map(EventKind::event_type);
        Some((full.clone(), self::queue(places, &full, description, taken)))
    });
    let none: [&str; 0] = [];
    let (history, unrouted) = (places.topology.history(), places.topology.unrouted());
    let kept = published().filter(|kind| !is_page(kind)).map(|kind| kind.event_type);
    let others = [
        (history.clone(), queue(places, &history, OF_HISTORY, kept)),
        (unrouted.clone(), queue(places, &unrouted, OF_UNROUTED, none)),
        (REPLIES.to_owned(), replies()),
    ];
    object(events.chain(results).chain(works).chain(others))
}

fn event(places: &Places, kind: EventKind) -> Value {
    let exchange = places.topology.events();
    json!({
        "address": kind.routing_key(),
        "title": kind.event_type(),
        "description": kind.schema().description(),
        "messages": messages([kind.event_type()]),
        "bindings": places.key_of(&exchange),
        "x-queues": places.queues_of(&exchange, kind.routing_key()),
    })
}

fn result(places: &Places, kind: ResultKind) -> Value {
    let exchange = if is_page(&kind) { places.topology.pages() } else { places.topology.results() };
    let fields = kind.address.split('.').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameters = fields.map(|field| (field.to_owned(), parameter(kind, field)));
    let mut channel = json!({
        "address": kind.address,
        "title": kind.event_type,
        "description": kind.schema.description(),
        "messages": messages([kind.event_type]),
        "bindings": places.key_of(&exchange),
        "x-queues": places.queues_of(&exchange, kind.address),
    });
    if let (Some(channel), true) = (channel.as_object_mut(), kind.address.contains('{')) {
        channel.insert("parameters".to_owned(), object(parameters));
    }
    channel
}

/// The part of a routing key that is a field of `data`.
fn parameter(kind: ResultKind, field: &str) -> Value {
    let mut values = kind.schema.values(field);
    if values.is_empty() {
        values = KINDS.iter().map(|kind| kind.name).collect();
    }
    json!({
        "description": format!("As `data.{field}`."),
        "enum": values,
        "location": format!("$message.payload#/data/{field}"),
    })
}

fn queue<'a>(
    places: &Places,
    name: &str,
    description: &str,
    taken: impl IntoIterator<Item = &'a str>,
) -> Value {
    json!({
        "address": name,
        "description": description,
        "messages": messages(taken),
        "bindings": places.queue(name),
        "x-arguments": places.arguments(name),
        "x-bindings": places.ways_into(name),
    })
}

fn replies() -> Value {
    let copied = published().filter(is_copied).map(|kind| kind.event_type);
    json!({ "address": null, "description": OF_REPLIES, "messages": messages(copied) })
}

/// What Gatehouse does in each channel.
pub fn operations() -> Value {
    let received = EventKind::ALL.into_iter().map(|kind| {
        let name = name(kind.event_type());
        let operation = json!({
            "action": "receive",
            "channel": reference(&["channels", &name]),
            "summary": format!("Works on {}.", kind.event_type()),
            "messages": [reference(&["channels", &name, "messages", kind.schema().name()])],
            "bindings": { "amqp": { "deliveryMode": 2, "mandatory": true, "ack": true, "bindingVersion": BINDING } },
            "reply": {
                "address": {
                    "location": "$message.header#/reply_to",
                    "description": "The AMQP property `reply_to` of the event's message.",
                },
                "channel": reference(&["channels", REPLIES]),
            },
        });
        (format!("receive.{name}"), operation)
    });
    let sent = published().map(|kind| {
        let name = name(kind.event_type);
        let operation = json!({
            "action": "send",
            "channel": reference(&["channels", &name]),
            "summary": format!("Publishes {}.", kind.event_type),
            "messages": [reference(&["channels", &name, "messages", kind.schema.name()])],
            "bindings": {
                "amqp": { "deliveryMode": 2, "mandatory": true, "timestamp": true, "bindingVersion": BINDING },
            },
        });
        (format!("send.{name}"), operation)
    });
    object(received.chain(sent))
}

/// The results that others receive: what a run takes away is stored for workers alone.
pub fn published() -> impl Iterator<Item = ResultKind> {
    ResultData::kinds().into_iter().filter(|kind| kind.schema.name() != "run.snapshot.v1")
}

/// Whether it goes through the exchange of pages.
pub fn is_page(kind: &ResultKind) -> bool {
    kind.schema.name() == "sync.page.v1"
}

/// Whether an event may be the cause of it, so that its publisher gets a copy.
fn is_copied(kind: &ResultKind) -> bool {
    !is_page(kind) && !kind.schema.name().starts_with("operator.")
}

fn messages<'a>(types: impl IntoIterator<Item = &'a str>) -> Value {
    let name = |event_type: &str| event_type.strip_prefix("gatehouse.").unwrap_or(event_type).to_owned();
    let names = types.into_iter().map(name);
    object(names.map(|name| (name.clone(), reference(&["components", "messages", &name]))))
}
