//! Why a message was refused, and what could be read of it.

use std::fmt;

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use super::envelope::Envelope;
use super::violation::{Violation, printable};
use crate::requests::event::Event;
use crate::requests::kind::EventKind;
use crate::requests::run_id::run_id;

/// How much of an unknown type is repeated, in characters.
const TYPE_CHARACTERS: usize = 100;

/// A message that was refused.
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

    /// Refuses an event that has come to a queue of other work.
    pub fn wrong_queue(event: &Event) -> Self {
        let (event_type, expected) = (event.kind.event_type(), event.kind.routing_key());
        Self::new(Reason::WrongQueue { event_type, expected }, Envelope::read(&event.raw))
    }

    /// Refuses an event whose publisher may not ask for this, or whose time cannot be right.
    pub fn not_admitted(event: &Event, why: NotAdmitted) -> Self {
        Self::new(Reason::NotAdmitted(why), Envelope::read(&event.raw))
    }

    /// The stable code, see [`Reason::code`].
    pub fn code(&self) -> &'static str {
        self.reason.code()
    }

    /// The run the event would have started, if its source and id could be read.
    pub fn run_id(&self) -> Option<Uuid> {
        let Envelope { source, id, digest, .. } = &*self.envelope;
        Some(run_id(source.as_deref()?, id.as_deref()?, digest))
    }

    /// Everything wrong with its form; empty for the reasons that are no violations.
    pub fn violations(&self) -> &[Violation] {
        match &self.reason {
            Reason::Invalid { violations } => violations,
            _ => &[],
        }
    }
}

/// Why a message was refused. The text says what to do about it and quotes no value but a type's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Reason {
    /// Larger than a worker accepts.
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
        /// How that shows.
        detail: &'static str,
    },
    /// A CloudEvent of a type that this worker does not know.
    #[error("unknown event type {event_type}; known are {}", known_types())]
    UnknownType {
        /// The type, shortened if it is long.
        event_type: String,
    },
    /// A known event under the routing key of another type.
    #[error("{event_type} came under another routing key; publish it with the key {expected}")]
    WrongRoutingKey {
        /// The type.
        event_type: &'static str,
        /// The key of this type.
        expected: &'static str,
    },
    /// A known event in a queue of other work.
    #[error(
        "{event_type} is no work for this queue; publish it to the exchange of events with the key {expected}"
    )]
    WrongQueue {
        /// The type.
        event_type: &'static str,
        /// The key that leads to its queue.
        expected: &'static str,
    },
    /// A known event that may not be carried out.
    #[error(transparent)]
    NotAdmitted(NotAdmitted),
    /// A known event that breaks its schema.
    #[error("{} in the message: {}", counted(violations), Listed(violations))]
    Invalid {
        /// Every violation, ordered by place; at most 100 and one that counts the others.
        violations: Vec<Violation>,
    },
}

/// Why an event that is well formed may not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotAdmitted {
    /// Its publisher may not ask for this.
    #[error("{0}")]
    Publisher(String),
    /// Its time is in the future: every true event of the person would look older.
    #[error("the time of the event is {time}, and now it is {now}: set the publisher's clock")]
    TimeInFuture {
        /// The time of the event.
        time: Timestamp,
        /// The worker's clock.
        now: Timestamp,
    },
    /// Its time is so long ago that nothing is known of what came after it.
    #[error("the time of the event is {time}, more than {days} days ago: publish a new event")]
    TooOld {
        /// The time of the event.
        time: Timestamp,
        /// The most days.
        days: u32,
    },
}

impl Reason {
    /// The stable code: `too_large`, `undecodable`, `unknown_type`, `wrong_routing_key`, `wrong_queue`,
    /// `publisher_not_allowed`, `time_in_future`, `event_too_old` or `invalid_event`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::NotUtf8 | Self::NotJson { .. } | Self::NotCloudEvent { .. } => "undecodable",
            Self::UnknownType { .. } => "unknown_type",
            Self::WrongRoutingKey { .. } => "wrong_routing_key",
            Self::WrongQueue { .. } => "wrong_queue",
            Self::NotAdmitted(NotAdmitted::Publisher(_)) => "publisher_not_allowed",
            Self::NotAdmitted(NotAdmitted::TimeInFuture { .. }) => "time_in_future",
            Self::NotAdmitted(NotAdmitted::TooOld { .. }) => "event_too_old",
            Self::Invalid { .. } => "invalid_event",
        }
    }

    /// The text without the list of violations, for a result that carries them beside it.
    pub(crate) fn summary(&self) -> String {
        match self {
            Self::Invalid { violations } => {
                let what = if violations.len() == 1 { "it" } else { "them" };
                format!("{} in the event: fix {what} and publish the event again", counted(violations))
            }
            other => other.to_string(),
        }
    }

    pub(crate) fn unknown_type(event_type: &str) -> Self {
        Self::UnknownType { event_type: printable(event_type, TYPE_CHARACTERS) }
    }

    /// The schema accepts something that the types do not, which is our defect. `whatever_the_schema_accepts_decodes`
    /// guards it.
    pub(crate) fn schema_mismatch() -> Self {
        let message =
            "passes the schema but cannot be read, a defect of Gatehouse: report it with this message";
        Self::Invalid { violations: vec![Violation::new("", message)] }
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
