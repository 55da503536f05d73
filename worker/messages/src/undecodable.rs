//! Why a message could not be accepted, and what could be read of it nevertheless.

use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;
use uuid::Uuid;

use crate::violation::printable;
use crate::{EventKind, Violation, event};

/// Longest attribute that is believed to be one, in characters. The schema refuses less.
const ATTRIBUTE_CHARACTERS: usize = 1024;

/// How much of an unknown type is repeated, in characters.
const TYPE_CHARACTERS: usize = 100;

/// A message that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Undecodable {
    /// Why.
    pub reason: Reason,
    /// What could be read of it.
    pub envelope: Box<Envelope>,
}

impl Undecodable {
    pub(crate) fn new(reason: Reason, envelope: Envelope) -> Self {
        Self { reason, envelope: Box::new(envelope) }
    }

    /// The stable code: `too_large`, `undecodable`, `unknown_type` or `invalid_event`.
    pub fn code(&self) -> &'static str {
        self.reason.code()
    }

    /// The run the event would have started, if its source and id could be read.
    pub fn run_id(&self) -> Option<Uuid> {
        Some(event::run_id(self.envelope.source.as_deref()?, self.envelope.id.as_deref()?))
    }

    /// Everything wrong with its form; empty for the reasons that are no violations.
    pub fn violations(&self) -> &[Violation] {
        match &self.reason {
            Reason::Invalid { violations } => violations,
            _ => &[],
        }
    }
}

/// Why a message was not accepted. The text says what to do about it and quotes no value but a type's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Reason {
    /// Larger than a worker takes in.
    #[error("the message has {bytes} bytes; send at most {limit}")]
    TooLarge {
        /// Size found.
        bytes: usize,
        /// Size allowed.
        limit: usize,
    },
    /// The body is no text.
    #[error("the body is not UTF-8; send JSON encoded as UTF-8")]
    NotUtf8,
    /// The body is no JSON.
    #[error("the body is not JSON; it breaks off at line {line}, column {column}")]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// JSON, but not a CloudEvent in a mode we read.
    #[error(
        "not a CloudEvent: {detail}; send CloudEvents 1.0 JSON with the content type application/cloudevents+json"
    )]
    NotCloudEvent {
        /// What gave it away.
        detail: &'static str,
    },
    /// A CloudEvent that asks for something this worker does not know.
    #[error("unknown event type {event_type}; known are {}", known_types())]
    UnknownType {
        /// The type, shortened if it is long.
        event_type: String,
    },
    /// A known event that breaks its schema.
    #[error("{} in the message: {}", counted(violations), Listed(violations))]
    Invalid {
        /// Every violation, ordered by place; at most 100 and one that counts the others.
        violations: Vec<Violation>,
    },
}

impl Reason {
    /// The stable code: `too_large`, `undecodable`, `unknown_type` or `invalid_event`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::NotUtf8 | Self::NotJson { .. } | Self::NotCloudEvent { .. } => "undecodable",
            Self::UnknownType { .. } => "unknown_type",
            Self::Invalid { .. } => "invalid_event",
        }
    }

    /// The text without the list of violations, for a result that carries them beside it.
    pub(crate) fn summary(&self) -> String {
        match self {
            Self::Invalid { violations } => {
                format!("{} in the event: mend them and publish it again", counted(violations))
            }
            other => other.to_string(),
        }
    }

    pub(crate) fn unknown_type(event_type: &str) -> Self {
        Self::UnknownType { event_type: printable(event_type, TYPE_CHARACTERS) }
    }

    /// The schema accepts what the types do not: our defect. `whatever_the_schema_accepts_decodes` guards it.
    pub(crate) fn schema_mismatch() -> Self {
        let message =
            "passes the schema but cannot be read, a defect of Gatehouse: report it with this message";
        Self::Invalid { violations: vec![Violation::new("", message)] }
    }
}

/// The attributes that could be read, whatever else is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Names the event within its source.
    pub id: Option<String>,
    /// Who published it.
    pub source: Option<String>,
    /// What it asks for.
    pub event_type: Option<String>,
    /// Carried into every result.
    pub correlation_id: Option<String>,
    /// The Microsoft 365 connection it names.
    pub tenant: Option<String>,
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
        }
    }
}

fn known_types() -> String {
    EventKind::ALL.map(EventKind::event_type).join(", ")
}

fn counted(violations: &[Violation]) -> String {
    match violations.len() {
        1 => "1 violation".to_owned(),
        n => format!("{n} violations"),
    }
}

struct Listed<'a>(&'a [Violation]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{violation}")?;
        }
        Ok(())
    }
}
