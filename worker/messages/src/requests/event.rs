//! An accepted event: a request for work that passed its schema.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::cancel::CancelRequest;
use super::kind::EventKind;
use super::person::PersonRequest;
use super::run_id::{content_digest, former_run_id, run_id};
use super::sync::SyncRequest;
use super::{effective, invisible};
use crate::cloudevent::envelope::Envelope;
use crate::cloudevent::undecodable::{Reason, Undecodable};
use crate::cloudevent::violation::bounded;
use crate::schema;

/// The `data` of an event, by what it requests.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// A workflow for a person.
    Person(Box<PersonRequest>),
    /// The end of runs or of a sync.
    Cancel(CancelRequest),
    /// A sync of a tenant.
    Sync(SyncRequest),
}

/// A request for work that passed its schema.
///
/// Its `Debug` shows ids only, because events end up in log lines and are about people.
#[derive(Clone, PartialEq)]
pub struct Event {
    /// Names the event within its source.
    pub id: String,
    /// The publisher's name for itself.
    pub source: String,
    /// What it requests.
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
    pub request: Request,
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
    data: Value,
}

impl Request {
    /// Reads the `data` of an event of this kind.
    fn read(kind: EventKind, data: Value) -> serde_json::Result<Self> {
        match kind {
            EventKind::Sync => serde_json::from_value(data).map(Self::Sync),
            EventKind::Cancel => serde_json::from_value(data).map(Self::Cancel),
            EventKind::Onboarding
            | EventKind::Offboarding
            | EventKind::Change
            | EventKind::AccessRevoke
            | EventKind::Restore => serde_json::from_value(data).map(Self::Person),
        }
    }
}

impl Event {
    /// Accepts an event in structured form, or says why it is refused.
    pub(crate) fn from_value(mut value: Value) -> Result<Self, Undecodable> {
        drop_null_attributes(&mut value);
        let refuse = |reason| Err(Undecodable::new(reason, Envelope::read(&value)));
        let kind = match kind_of(&value) {
            Ok(kind) => kind,
            Err(reason) => return refuse(reason),
        };
        let mut violations = kind.schema().violations(&value);
        let mut beyond_schema = effective::violations(&value);
        beyond_schema.extend(invisible::violations(&value));
        if !beyond_schema.is_empty() && !matches!(kind, EventKind::Sync | EventKind::Cancel) {
            violations.extend(beyond_schema);
            violations = bounded(violations);
        }
        if !violations.is_empty() {
            return refuse(Reason::Invalid { violations });
        }
        let (Ok(attributes), Some(fields)) = (Attributes::deserialize(&value), value.as_object()) else {
            return refuse(Reason::schema_mismatch());
        };
        let Ok(request) = Request::read(kind, attributes.data) else {
            return refuse(Reason::schema_mismatch());
        };
        Ok(Self {
            run_id: run_id(&attributes.source, &attributes.id, &content_digest(fields)),
            id: attributes.id,
            source: attributes.source,
            kind,
            time: attributes.time,
            subject: attributes.subject,
            tenant: attributes.tenant,
            correlation_id: attributes.correlationid,
            sequence: attributes.sequence,
            traceparent: attributes.traceparent,
            request,
            raw: value,
        })
    }

    /// The id of the run this event starts. It follows from source, id, type, tenant and data.
    pub fn run_id(&self) -> Uuid {
        self.run_id
    }

    /// Whether a run with this id is of this event. An event whose run began under its former id keeps that.
    pub(crate) fn resumes(&mut self, run_id: Uuid) -> bool {
        if run_id == former_run_id(&self.source, &self.id) {
            self.run_id = run_id;
        }
        self.run_id == run_id
    }

    /// The workflow to run: the one named, else the default of the kind. Nothing if the event runs none.
    pub fn workflow(&self) -> Option<&str> {
        match &self.request {
            Request::Person(request) => request.workflow.as_deref().or(self.kind.default_workflow()),
            Request::Cancel(_) | Request::Sync(_) => None,
        }
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
