//! The attributes of a CloudEvent that can be read even if the event is not accepted.

use serde_json::{Map, Value};

use crate::requests::run_id::content_digest;

/// Longest attribute that is believed to be one, in characters. The schema allows fewer.
const ATTRIBUTE_CHARACTERS: usize = 1024;

/// The attributes of an event, as far as they could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Names the event within its source.
    pub id: Option<String>,
    /// The publisher's name for itself.
    pub source: Option<String>,
    /// Its type.
    pub event_type: Option<String>,
    /// Carried into every result.
    pub correlation_id: Option<String>,
    /// The Microsoft 365 connection it names.
    pub tenant: Option<String>,
    /// What tells it from another event with the same source and id.
    pub(crate) digest: String,
}

impl Envelope {
    pub(crate) fn read(value: &Value) -> Self {
        value.as_object().map(Self::read_attributes).unwrap_or_default()
    }

    pub(crate) fn read_attributes(attributes: &Map<String, Value>) -> Self {
        let read = |name: &str| {
            let text = attributes.get(name)?.as_str()?;
            let usable = !text.is_empty() && text.chars().nth(ATTRIBUTE_CHARACTERS).is_none();
            usable.then(|| text.to_owned())
        };
        Self {
            id: read("id"),
            source: read("source"),
            event_type: read("type"),
            correlation_id: read("correlationid"),
            tenant: read("tenant"),
            digest: content_digest(attributes),
        }
    }
}
