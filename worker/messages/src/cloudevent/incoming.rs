//! Decoding: from a delivery to an event, CloudEvents 1.0 in structured and in binary mode.

use serde_json::{Map, Value};

use super::envelope::Envelope;
use super::json;
use super::undecodable::{Reason, Undecodable};
use super::violation::{Violation, bounded};
use crate::continuation::Continuation;
use crate::requests::event::Event;

/// The largest accepted event in bytes, body and CloudEvents headers together.
pub const EVENT_LIMIT_BYTES: usize = 256 * 1024;

/// Prefixes of a header that holds an attribute in binary mode, in lower case. The AMQP binding of CloudEvents 1.0.2
/// names the first, its drafts since then the second, and bridges from HTTP write the third (read 2026-11-21).
const PREFIXES: [&str; 3] = ["cloudevents:", "cloudevents_", "ce-"];

/// A delivery, as far as decoding needs it.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// The content type property.
    pub content_type: Option<&'a str>,
    /// The routing key it was published with; nothing if it is not known. It must be that of the event's type, so that
    /// what a broker lets a publisher send under one key is no way to ask for something else.
    pub routing_key: Option<&'a str>,
    /// The headers, values of other types than text written as text. Those that are no attributes are ignored.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// Turns a delivery into an event.
///
/// # Errors
///
/// Says why it is refused, with what could be read of it, and every violation of its schema at once.
pub fn decode(incoming: &Incoming<'_>) -> Result<Event, Undecodable> {
    let (attributes, mut violations) = attributes(incoming.headers);
    let fail = |reason| Err(Undecodable::new(reason, Envelope::read_attributes(&attributes)));

    let header_bytes: usize =
        attributes.iter().map(|(name, value)| name.len() + value.as_str().map_or(0, str::len)).sum();
    let bytes = incoming.body.len() + header_bytes;
    if bytes > EVENT_LIMIT_BYTES {
        return fail(Reason::TooLarge { bytes, limit: EVENT_LIMIT_BYTES });
    }
    let mode = match mode(incoming.content_type, !attributes.is_empty()) {
        Ok(mode) => mode,
        Err(detail) => return fail(Reason::NotCloudEvent { detail }),
    };
    let (body, twice) = match json::parse_strictly(incoming.body) {
        Ok(parsed) => parsed,
        Err(reason) => return fail(reason),
    };
    let event = if mode.is_structured(&body) {
        violations = twice;
        body
    } else {
        violations.extend(twice.into_iter().map(|violation| violation.under("/data")));
        structured(attributes, incoming.content_type, body)
    };
    let event = refuse(Event::from_value(event), violations)?;
    let (event_type, expected) = (event.kind.event_type(), event.kind.routing_key());
    if incoming.routing_key.is_some_and(|key| key != expected) {
        let reason = Reason::WrongRoutingKey { event_type, expected };
        return Err(Undecodable::new(reason, Envelope::read(&event.raw)));
    }
    Ok(event)
}

/// Puts the parts of an event in binary mode together.
fn structured(mut attributes: Map<String, Value>, content_type: Option<&str>, body: Value) -> Value {
    attributes.insert("data".to_owned(), body);
    if let Some(content_type) = content_type.filter(|text| !text.trim().is_empty()) {
        attributes.insert("datacontenttype".to_owned(), content_type.into());
    }
    Value::Object(attributes)
}

/// Refuses an event for violations that its schema cannot see, together with those that it can.
fn refuse(decoded: Result<Event, Undecodable>, mut violations: Vec<Violation>) -> Result<Event, Undecodable> {
    if violations.is_empty() {
        return decoded;
    }
    let envelope = match decoded {
        Ok(event) => Box::new(Envelope::read(&event.raw)),
        Err(Undecodable { reason: Reason::Invalid { violations: others }, envelope }) => {
            violations.extend(others);
            envelope
        }
        Err(other) => return Err(other),
    };
    Err(Undecodable { reason: Reason::Invalid { violations: bounded(violations) }, envelope })
}

/// How an event travels, as far as its content type and headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ContentMode {
    Structured,
    Binary,
    /// There is no content type, but there are attributes, and these may accompany a structured event too.
    Unstated,
}

impl ContentMode {
    fn is_structured(self, body: &Value) -> bool {
        match self {
            Self::Structured => true,
            Self::Binary => false,
            Self::Unstated => body.get("specversion").is_some(),
        }
    }
}

/// Tells the modes apart by the content type, as the binding says, and by the headers where there is none.
fn mode(content_type: Option<&str>, has_attributes: bool) -> Result<ContentMode, &'static str> {
    let Some(content_type) = content_type.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(if has_attributes { ContentMode::Unstated } else { ContentMode::Structured });
    };
    let mut parts = content_type.split(';').map(|part| part.trim().to_ascii_lowercase());
    let media_type = parts.next().unwrap_or_default();
    for parameter in parts {
        let charset = parameter.strip_prefix("charset=").map(|charset| charset.trim_matches('"'));
        if charset.is_some_and(|charset| !matches!(charset, "utf-8" | "utf8" | "us-ascii")) {
            return Err("the charset is not UTF-8");
        }
    }
    match media_type.as_str() {
        Continuation::CONTENT_TYPE => {
            Err("it has the content type of a message between workers, and no worker wrote it")
        }
        "application/cloudevents+json" => Ok(ContentMode::Structured),
        "application/cloudevents-batch+json" => Err("it is a batch; publish each event on its own"),
        other if other.starts_with("application/cloudevents") => Err("the event format is not JSON"),
        _ if !has_attributes => {
            Err("it has another content type and no header with an attribute, such as cloudEvents:id")
        }
        other if other.ends_with("/json") || other.ends_with("+json") => Ok(ContentMode::Binary),
        _ => Err("it has attributes in headers, but a content type that is not application/json"),
    }
}

/// The attributes that travel as headers, and what is wrong with how they do.
fn attributes(headers: &[(&str, &str)]) -> (Map<String, Value>, Vec<Violation>) {
    let mut attributes = Map::new();
    let mut violations = Vec::new();
    for (header, value) in headers {
        let header = header.to_ascii_lowercase();
        let Some(name) = PREFIXES.iter().find_map(|prefix| header.strip_prefix(prefix)) else { continue };
        let pointer = format!("/{name}");
        if name == "data" {
            violations.push(Violation::new(&pointer, "belongs into the body, not into a header"));
            continue;
        }
        let before = attributes.insert(name.to_owned(), Value::from(*value));
        if before.is_some_and(|before| before != *value) {
            violations.push(Violation::new(&pointer, "is given by two headers with different values"));
        }
    }
    (attributes, violations)
}
