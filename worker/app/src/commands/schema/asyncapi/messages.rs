//! Messages, and what those of one direction have in common.

use ::messages::{CLOUDEVENT_CONTENT_TYPE, EVENT_LIMIT_BYTES, EventKind, Schema};
use directory_sync::KINDS;
use serde_json::{Value, json};

use super::channels::{is_page, published};
use super::examples;
use super::places::{BINDING, object};

/// What a payload is described in.
const JSON_SCHEMA: &str = "application/schema+json;version=draft-2020-12";

/// A type without `gatehouse.` and its version, as channels and operations are named.
pub fn name(event_type: &str) -> String {
    let bare = event_type.strip_prefix("gatehouse.").unwrap_or(event_type);
    bare.strip_suffix(".v1").unwrap_or(bare).to_owned()
}

/// Every message by the name of its schema.
pub fn messages() -> Value {
    let events = EventKind::ALL.into_iter().map(|kind| message(kind.event_type(), kind.schema(), "event"));
    let results = published().map(|kind| {
        let of = if is_page(&kind) { "page" } else { "result" };
        message(kind.event_type, kind.schema, of)
    });
    object(events.chain(results))
}

fn message(event_type: &str, schema: &Schema, of: &str) -> (String, Value) {
    let file = format!("./{}/{}.json", schema.folder(), schema.name());
    let message = json!({
        "name": event_type,
        "title": event_type,
        "summary": schema.description(),
        "traits": [{ "$ref": format!("#/components/messageTraits/{of}") }],
        "payload": { "schemaFormat": JSON_SCHEMA, "schema": { "$ref": file } },
        "bindings": { "amqp": { "messageType": event_type, "bindingVersion": BINDING } },
        "examples": examples::of(schema.name()),
    });
    (schema.name().to_owned(), message)
}

/// What all events, all results and all pages have in common.
pub fn traits() -> Value {
    json!({ "event": event(), "result": result(true), "page": page() })
}

fn event() -> Value {
    json!({
        "contentType": CLOUDEVENT_CONTENT_TYPE,
        "description": format!(
            "At most {EVENT_LIMIT_BYTES} bytes of JSON. In binary mode the body is `data`, the content type \
             `application/json`, and each attribute a header."
        ),
        "headers": {
            "type": "object",
            "patternProperties": {
                "^([cC]loud[eE]vents[:_]|[cC][eE]-)[a-z0-9]+$": {
                    "type": "string",
                    "description": "An attribute of the event, in binary mode only.",
                },
            },
            "properties": {
                "traceparent": {
                    "type": "string",
                    "description": "W3C trace context of the span that publishes the event.",
                },
            },
        },
        "correlationId": {
            "location": "$message.payload#/correlationid",
            "description": "Copied into every result. Default: the event's id.",
        },
        "x-amqp-properties": {
            "content_type": { "const": CLOUDEVENT_CONTENT_TYPE },
            "delivery_mode": { "const": 2, "description": "Persistent: survives a restart of the broker." },
            "message_id": { "description": "Names the message in logs and dead letters. A repeat is known by the event itself." },
            "correlation_id": { "description": "Comes back in the AMQP `correlation_id` of copies." },
            "reply_to": { "description": "The queue for copies of the results." },
            "user_id": { "description": "The publisher's user in the broker, if publishers are listed by it. RabbitMQ checks it." },
        },
    })
}

/// What results have in common; those with a person may say whom they are about.
fn result(has_person: bool) -> Value {
    let mut common = json!({
        "contentType": CLOUDEVENT_CONTENT_TYPE,
        "correlationId": {
            "location": "$message.payload#/correlationid",
            "description": "The event's correlationid, or its id if it had none.",
        },
        "x-amqp-properties": {
            "content_type": { "const": CLOUDEVENT_CONTENT_TYPE },
            "delivery_mode": { "const": 2 },
            "message_id": { "description": "The id of the result. Published again, it is the same: keep the first." },
            "correlation_id": {
                "description": "The correlation id of the body, unless it has more than 255 bytes. In a copy: that of the event's message.",
            },
            "type": { "description": "The type of the body." },
            "timestamp": { "description": "When it was published, in whole seconds." },
            "app_id": { "const": "gatehouse" },
        },
    });
    if let (Some(common), true) = (common.as_object_mut(), has_person) {
        let person =
            |description: &str| json!({ "type": "string", "format": "uuid", "description": description });
        let headers = json!({
            "type": "object",
            "properties": {
                "gatehouse-person": person("Object id of whom the result is about, if it is known."),
                "x-stream-filter-value": person("The same, for readers of the stream. Copies do not have it."),
                "traceparent": {
                    "type": "string",
                    "description": "W3C trace context: the span that sent the result, or what the event came with.",
                },
            },
        });
        common.insert("headers".to_owned(), headers);
    }
    common
}

/// Pages hold rows, each kind of which has a schema.
fn page() -> Value {
    let mut page = result(false);
    if let Some(page) = page.as_object_mut() {
        let rows = KINDS
            .iter()
            .map(|kind| (kind.name.to_owned(), json!({ "$ref": format!("./sync/{}.json", kind.name) })));
        page.insert("x-rows".to_owned(), object(rows));
    }
    page
}
