//! An accepted event: a request for work that passed its schema.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::schema::{self, Schema};
use crate::{Envelope, Reason, Request, Undecodable};

/// The namespace of all UUIDs made here: `UUIDv5(URL, "https://gatehouse.example/")`.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x1ca0_d852_2b28_5578_97e8_5649_0598_7535);

/// The id of the run an event starts: UUIDv5 in [`NAMESPACE`] of the text `<n>:<source><id>`, where `<n>` is the
/// length of the source in bytes (UTF-8), in decimal.
///
/// The length keeps apart pairs that read the same when written one after the other.
pub fn run_id(source: &str, id: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{}:{source}{id}", source.len()).as_bytes())
}

/// What an event asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Lets a person in.
    Onboarding,
    /// Lets a person out.
    Offboarding,
    /// Brings a person up to date who stays.
    Change,
}

impl EventKind {
    /// Every kind this worker knows.
    pub const ALL: [Self; 3] = [Self::Onboarding, Self::Offboarding, Self::Change];

    /// The kind with this CloudEvents `type`.
    pub fn of_type(event_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.event_type() == event_type)
    }

    /// The CloudEvents `type`.
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Onboarding => "gatehouse.onboarding.requested.v1",
            Self::Offboarding => "gatehouse.offboarding.requested.v1",
            Self::Change => "gatehouse.change.requested.v1",
        }
    }

    /// The key under which a publisher sends it.
    pub fn routing_key(self) -> &'static str {
        match self {
            Self::Onboarding => "onboarding.requested",
            Self::Offboarding => "offboarding.requested",
            Self::Change => "change.requested",
        }
    }

    /// The workflow that runs when the event names none.
    pub fn default_workflow(self) -> &'static str {
        match self {
            Self::Onboarding => "onboarding",
            Self::Offboarding => "offboarding",
            Self::Change => "change",
        }
    }

    /// The schema of such an event.
    pub fn schema(self) -> &'static Schema {
        match self {
            Self::Onboarding => &schema::ONBOARDING_REQUESTED,
            Self::Offboarding => &schema::OFFBOARDING_REQUESTED,
            Self::Change => &schema::CHANGE_REQUESTED,
        }
    }
}

/// A request for work that passed its schema.
///
/// Its `Debug` shows ids only, because events end up in log lines and are about people.
#[derive(Clone, PartialEq)]
pub struct Event {
    /// Names the event within its source.
    pub id: String,
    /// Who published it.
    pub source: String,
    /// What it asks for.
    pub kind: EventKind,
    /// When the request was made.
    pub time: Timestamp,
    /// The publisher's own name for the person.
    pub subject: Option<String>,
    /// The Microsoft 365 connection to work in.
    pub tenant: Option<String>,
    /// Carried into every result.
    pub correlation_id: Option<String>,
    /// The order that the publisher gives the events of one person.
    pub sequence: Option<String>,
    /// The publisher's trace context, unchecked.
    pub traceparent: Option<String>,
    /// The request itself.
    pub data: Request,
    /// The whole event in structured form, whichever way it came: what a [`crate::Continuation`] carries on.
    pub raw: Value,
    run_id: Uuid,
}

/// The attributes and the data, as read from an event that passed its schema.
#[derive(Deserialize)]
struct Attributes {
    id: String,
    source: String,
    time: Timestamp,
    subject: Option<String>,
    tenant: Option<String>,
    correlationid: Option<String>,
    sequence: Option<String>,
    traceparent: Option<String>,
    data: Request,
}

impl Event {
    /// Accepts an event in structured form, or says why it is no event of ours.
    pub(crate) fn from_value(mut value: Value) -> Result<Self, Undecodable> {
        drop_null_attributes(&mut value);
        let envelope = Envelope::read(&value);
        let kind = match kind_of(&value) {
            Ok(kind) => kind,
            Err(reason) => return Err(Undecodable::new(reason, envelope)),
        };
        let violations = kind.schema().violations(&value);
        if !violations.is_empty() {
            return Err(Undecodable::new(Reason::Invalid { violations }, envelope));
        }
        let Ok(attributes) = Attributes::deserialize(&value) else {
            return Err(Undecodable::new(Reason::schema_mismatch(), envelope));
        };
        Ok(Self {
            run_id: run_id(&attributes.source, &attributes.id),
            id: attributes.id,
            source: attributes.source,
            kind,
            time: attributes.time,
            subject: attributes.subject,
            tenant: attributes.tenant,
            correlation_id: attributes.correlationid,
            sequence: attributes.sequence,
            traceparent: attributes.traceparent,
            data: attributes.data,
            raw: value,
        })
    }

    /// The id of the run this event starts; see [`run_id`].
    pub fn run_id(&self) -> Uuid {
        self.run_id
    }

    /// The workflow to run: the one named, else the default of the kind.
    pub fn workflow(&self) -> &str {
        self.data.workflow.as_deref().unwrap_or(self.kind.default_workflow())
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("kind", &self.kind)
            .field("run_id", &self.run_id())
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// Removes attributes that are null: the JSON format says these are the same as absent (CloudEvents 1.0.2 JSON
/// format, section 2.2, read 2026-11-21). `data` is no attribute and stays.
fn drop_null_attributes(value: &mut Value) {
    if let Some(attributes) = value.as_object_mut() {
        attributes.retain(|name, value| name == "data" || !value.is_null());
    }
}

/// The kind an event names, or why it has none.
fn kind_of(value: &Value) -> Result<EventKind, Reason> {
    let Some(attributes) = value.as_object() else {
        return Err(Reason::NotCloudEvent { detail: "the body is JSON, but not an object" });
    };
    match attributes.get("type").and_then(Value::as_str) {
        Some(event_type) => EventKind::of_type(event_type).ok_or_else(|| Reason::unknown_type(event_type)),
        None if !attributes.contains_key("specversion") => {
            Err(Reason::NotCloudEvent { detail: "the body has neither specversion nor type" })
        }
        // Its missing type is among what is wrong with it.
        None => Err(Reason::Invalid { violations: schema::CLOUDEVENT.violations(value) }),
    }
}

/// Reads RFC 3339, and nothing more lenient: every consumer of the schema must read the same instant.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let digits =
        |from: usize, to: usize| bytes.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let is = |at: usize, allowed: &[u8]| bytes.get(at).is_some_and(|byte| allowed.contains(byte));
    let date = digits(0, 4) && is(4, b"-") && digits(5, 7) && is(7, b"-") && digits(8, 10) && is(10, b"Tt");
    let time = digits(11, 13) && is(13, b":") && digits(14, 16) && is(16, b":") && digits(17, 19);
    let offset = match bytes.last()? {
        b'Z' | b'z' => bytes.len() - 1,
        _ => bytes.len().checked_sub(6)?,
    };
    let zone = offset == bytes.len() - 1
        || (is(offset, b"+-")
            && digits(offset + 1, offset + 3)
            && is(offset + 3, b":")
            && digits(offset + 4, offset + 6));
    let fraction = offset == 19 || (is(19, b".") && offset > 20 && digits(20, offset));
    if date && time && zone && fraction { text.parse().ok() } else { None }
}
