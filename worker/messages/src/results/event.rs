//! Results: the CloudEvents that leave.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::data::{ResultData, reader};
use crate::cloudevent::envelope::Envelope;
use crate::cloudevent::json;
use crate::cloudevent::undecodable::{Reason, Undecodable};
use crate::requests::event::Event;
use crate::requests::run_id::NAMESPACE;

/// The content type of events and results in structured mode.
pub const CLOUDEVENT_CONTENT_TYPE: &str = "application/cloudevents+json";

/// The `source` of results where none is configured.
pub const DEFAULT_SOURCE: &str = "/gatehouse";

/// What caused a result: copied from the event, or from what could be read of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// The Microsoft 365 connection.
    pub tenant: Option<String>,
    /// The event's `correlationid`, or its id where it carried none.
    pub correlation_id: Option<String>,
    /// The event's id.
    pub causation_id: Option<String>,
    /// The event's source.
    pub source: Option<String>,
    /// The event's type.
    pub event_type: Option<String>,
    /// The publisher that the event came from, if publishers are listed.
    pub publisher: Option<String>,
    /// The object id of whom it is about, as far as it is known. It travels beside the result and not in it.
    pub person: Option<Uuid>,
    /// The user principal name of whom it is about. Only the copy for the publisher says it.
    pub upn: Option<String>,
}

impl From<&Event> for Cause {
    fn from(event: &Event) -> Self {
        Self {
            tenant: event.tenant.clone(),
            correlation_id: Some(event.correlation_id.as_ref().unwrap_or(&event.id).clone()),
            causation_id: Some(event.id.clone()),
            source: Some(event.source.clone()),
            event_type: Some(event.kind.event_type().to_owned()),
            publisher: None,
            person: None,
            upn: None,
        }
    }
}

impl From<&Envelope> for Cause {
    fn from(envelope: &Envelope) -> Self {
        Self {
            tenant: envelope.tenant.clone(),
            correlation_id: envelope.correlation_id.as_ref().or(envelope.id.as_ref()).cloned(),
            causation_id: envelope.id.clone(),
            source: envelope.source.clone(),
            event_type: envelope.event_type.clone(),
            publisher: None,
            person: None,
            upn: None,
        }
    }
}

/// A CloudEvent that leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultEvent {
    /// UUIDv5 of the run and what happened: published again, it is the same.
    pub id: Uuid,
    /// The worker's name as a publisher.
    pub source: String,
    /// When it is published.
    pub time: Timestamp,
    /// What caused it.
    pub cause: Cause,
    /// Whether the event asked for copies of its results in a queue that is not allowed: none is sent.
    pub no_copy: bool,
    /// What happened.
    pub data: ResultData,
}

/// The end of a page without rows.
const PAGE_END: &[u8] = b"[]}}";

/// The structured form, field by field.
#[derive(Serialize)]
struct Structured<'a> {
    specversion: &'static str,
    id: Uuid,
    source: &'a str,
    #[serde(rename = "type")]
    event_type: &'static str,
    time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Uuid>,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationsource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationtype: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    nocopy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    personid: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    personupn: Option<&'a str>,
    data: &'a ResultData,
}

/// The attributes that are read back.
#[derive(Deserialize)]
struct Attributes {
    id: Uuid,
    source: String,
    time: Timestamp,
    tenant: Option<String>,
    correlationid: Option<String>,
    causationid: Option<String>,
    causationsource: Option<String>,
    causationtype: Option<String>,
    publisher: Option<String>,
    #[serde(default)]
    nocopy: bool,
}

impl ResultEvent {
    /// A result from [`DEFAULT_SOURCE`], named after the run and what happened to it.
    pub fn new(cause: Cause, time: Timestamp, data: impl Into<ResultData>) -> Self {
        let data = data.into();
        let id = Self::id_for(data.run_id().unwrap_or(NAMESPACE), &data.what());
        Self { id, source: DEFAULT_SOURCE.to_owned(), time, cause, no_copy: false, data }
    }

    /// The id of a result: UUIDv5 in the run's namespace of what happened.
    pub fn id_for(run_id: Uuid, what: &str) -> Uuid {
        Uuid::new_v5(&run_id, what.as_bytes())
    }

    /// The CloudEvents `type`.
    pub fn event_type(&self) -> &'static str {
        self.data.event_type()
    }

    /// `<kind>.<state>`: what a consumer binds its queue to.
    pub fn routing_key(&self) -> Cow<'static, str> {
        self.data.routing_key()
    }

    /// The content type of [`Self::to_bytes`].
    pub fn content_type(&self) -> &'static str {
        CLOUDEVENT_CONTENT_TYPE
    }

    /// The structured form.
    ///
    /// # Errors
    ///
    /// None of today's fields can fail to be written; a new one might.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let ResultData::SyncPage(page) = &self.data else {
            return serde_json::to_vec(&self.structured(&self.data));
        };
        // The rows are JSON already: to read them again would take as long as to write them did. They stand at the end.
        let (empty, rows) = page.split();
        let mut bytes = serde_json::to_vec(&self.structured(&ResultData::SyncPage(empty)))?;
        bytes.truncate(bytes.len().saturating_sub(PAGE_END.len()));
        bytes.reserve_exact(rows.len().saturating_add(PAGE_END.len()));
        bytes.extend_from_slice(rows.as_bytes());
        bytes.extend_from_slice(b"}}");
        Ok(bytes)
    }

    fn structured<'a>(&'a self, data: &'a ResultData) -> Structured<'a> {
        Structured {
            specversion: "1.0",
            id: self.id,
            source: &self.source,
            event_type: self.event_type(),
            time: self.time,
            subject: self.data.run_id(),
            datacontenttype: "application/json",
            tenant: self.cause.tenant.as_deref(),
            correlationid: self.cause.correlation_id.as_deref(),
            causationid: self.cause.causation_id.as_deref(),
            causationsource: self.cause.source.as_deref(),
            causationtype: self.cause.event_type.as_deref(),
            publisher: self.cause.publisher.as_deref(),
            nocopy: self.no_copy,
            personid: None,
            personupn: None,
            data,
        }
    }

    /// The structured form of the copy for the publisher, which knows the person: it names the account.
    ///
    /// # Errors
    ///
    /// As of [`Self::to_bytes`].
    pub fn to_bytes_for_publisher(&self) -> Result<Vec<u8>, serde_json::Error> {
        let Cause { person, upn, .. } = &self.cause;
        if person.is_none() && upn.is_none() {
            return self.to_bytes();
        }
        let structured = self.structured(&self.data);
        serde_json::to_vec(&Structured { personid: *person, personupn: upn.as_deref(), ..structured })
    }

    /// Reads a result back, as a consumer does.
    ///
    /// # Errors
    ///
    /// Says why it is refused.
    pub fn from_bytes(body: &[u8]) -> Result<Self, Undecodable> {
        let value = json::parse(body).map_err(|reason| Undecodable::new(reason, Envelope::default()))?;
        Self::from_value(&value).map_err(|reason| Undecodable::new(reason, Envelope::read(&value)))
    }

    fn from_value(value: &Value) -> Result<Self, Reason> {
        let Some(event_type) = value.get("type").and_then(Value::as_str) else {
            return Err(Reason::NotCloudEvent { detail: "the body names no type" });
        };
        let (schema, read) = reader(event_type).ok_or_else(|| Reason::unknown_type(event_type))?;
        let violations = schema().violations(value);
        if !violations.is_empty() {
            return Err(Reason::Invalid { violations });
        }
        let attributes = Attributes::deserialize(value).map_err(|_| Reason::schema_mismatch())?;
        let data = value.get("data").ok_or_else(Reason::schema_mismatch)?;
        Ok(Self {
            id: attributes.id,
            source: attributes.source,
            time: attributes.time,
            cause: Cause {
                tenant: attributes.tenant,
                correlation_id: attributes.correlationid,
                causation_id: attributes.causationid,
                source: attributes.causationsource,
                event_type: attributes.causationtype,
                publisher: attributes.publisher,
                person: None,
                upn: None,
            },
            no_copy: attributes.nocopy,
            data: read(data).map_err(|_| Reason::schema_mismatch())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::requests::sync::{SyncMode, SyncSubject};
    use crate::results::sync::{SyncPage, SyncRows};

    #[test]
    fn a_page_is_written_as_serde_json_writes_it() {
        for rows in ["[]", r#"[{"kind":"user","id":"1","name":"[]}}"},{"kind":"user","id":"2"}]"#] {
            let page = SyncPage {
                sync_id: Uuid::nil(),
                generation: 7,
                what: SyncSubject::Users,
                mode: SyncMode::Full,
                kind: "user".to_owned(),
                number: 3,
                rows: SyncRows::from_json(rows),
            };
            let cause = Cause { tenant: Some("contoso".to_owned()), ..Cause::default() };
            let event = ResultEvent::new(cause, Timestamp::UNIX_EPOCH, page);
            let written = event.to_bytes().unwrap();
            assert_eq!(written, serde_json::to_vec(&event.structured(&event.data)).unwrap());
            let read: Value = serde_json::from_slice(&written).unwrap();
            assert_eq!(
                read["data"]["rows"].to_string(),
                json!(serde_json::from_str::<Value>(rows).unwrap()).to_string()
            );
        }
    }
}
