//! Events as an HR system writes them, about Ada, Grace and Edsger.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// A hire: `data.person` and `data.parameters` as given.
pub fn onboarding(id: &str, person: Value, parameters: Value) -> Value {
    event(id, "gatehouse.onboarding.requested.v1", json!({ "person": person, "parameters": parameters }))
}

/// A leaver.
pub fn offboarding(id: &str, person: Value) -> Value {
    event(id, "gatehouse.offboarding.requested.v1", json!({ "person": person }))
}

/// A request to lock a person out at once.
pub fn access_revoke(id: &str, person: Value) -> Value {
    event(id, "gatehouse.access.revoke.requested.v1", json!({ "person": person }))
}

/// A request to take runs of a person out: `which` is one of `event`, `side` and `all`.
pub fn cancel(id: &str, person: Value, which: Value) -> Value {
    let mut data = json!({ "person": person });
    data.as_object_mut().unwrap().extend(which.as_object().unwrap().clone());
    event(id, "gatehouse.run.cancel.requested.v1", data)
}

/// What names this event.
pub fn named(event: &Value) -> Value {
    json!({ "source": event["source"], "id": event["id"] })
}

/// Any event, made now.
pub fn event(id: &str, event_type: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": SOURCE,
        "type": event_type,
        "time": Timestamp::now().to_string(),
        "data": data,
    })
}

/// The same event, made now: a worker refuses one that is too old, and what is in a file gets old.
#[must_use]
pub fn made_now(mut event: Value) -> Value {
    event["time"] = Timestamp::now().to_string().into();
    event
}

/// The publisher of every event here.
pub const SOURCE: &str = "/hr/contoso";

/// The id of the run that this event starts.
pub fn run_of(event: &Value) -> Uuid {
    let (content_type, body) = (Some(messages::CLOUDEVENT_CONTENT_TYPE), event.to_string());
    let incoming =
        messages::Incoming { content_type, routing_key: None, headers: &[], body: body.as_bytes() };
    messages::decode(&incoming).expect("a valid event").run_id()
}

/// The event with one more field in its `data`.
#[must_use]
pub fn with(mut event: Value, field: &str, value: impl Into<Value>) -> Value {
    let data = event["data"].as_object_mut().unwrap();
    data.insert(field.to_owned(), value.into());
    event
}

/// No parameters.
pub fn none() -> Value {
    Value::Object(Map::new())
}
