//! What the templates of a workflow may use.

use jiff::Timestamp;
use messages::{Effective, Event, PersonRequest};
use serde_json::{Map, Value, json};

/// What templates may use.
pub fn variables(
    event: &Event,
    request: &PersonRequest,
    (tenant, pass_from): (&str, &str),
) -> Map<String, Value> {
    let about = json!({
        "id": event.id,
        "source": event.source,
        "type": event.kind.event_type(),
        "time": event.time.to_string(),
        "subject": event.subject,
        "effective": effective_text(request),
    });
    let to_value = |value: serde_json::Result<Value>| value.unwrap_or_default();
    Map::from_iter([
        ("event".to_owned(), about),
        ("tenant".to_owned(), json!({ "name": tenant, "pass_from": pass_from })),
        ("person".to_owned(), to_value(serde_json::to_value(&request.person))),
        ("manager".to_owned(), to_value(serde_json::to_value(&request.manager))),
        ("parameters".to_owned(), Value::Object(request.parameters.clone())),
    ])
}

fn effective_text(request: &PersonRequest) -> String {
    request.effective.as_ref().map(Effective::to_rfc3339).unwrap_or_default()
}

/// An event as templates see it, without what tells it from another one with the same request: the plan of one is
/// approved for the other.
pub fn any_event(event: &Event, request: &PersonRequest) -> Value {
    json!({
        "id": "",
        "source": "",
        "type": event.kind.event_type(),
        "time": Timestamp::UNIX_EPOCH.to_string(),
        "subject": event.subject.as_ref().map(|_| ""),
        "effective": effective_text(request),
    })
}
