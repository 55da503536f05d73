//! What can go wrong with the broker, by what the reader can do about it.

use std::fmt;

use lapin::ErrorKind;

use crate::Cause;

/// An error of the broker or of a message that was to be sent.
///
/// Opaque: ask the `is_…` predicates.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct Error {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Invalid(String),
    Unreachable(String),
    Configuration(String),
    SessionLost(Cause),
    Returned { exchange: String, key: String, reply: String },
    Refused { exchange: String, key: String },
    Locked { queue: String },
}

impl Error {
    /// The session this was part of is over; the broker delivers the message again. What was
    /// published meanwhile may or may not have been stored.
    #[must_use]
    pub fn is_session_lost(&self) -> bool {
        matches!(self.kind, Kind::SessionLost(_))
    }

    /// The message, name or address itself cannot be used; trying again changes nothing.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.kind, Kind::Invalid(_))
    }

    /// The broker is set up differently from what is needed: permission, missing or different queue, wrong vhost.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(self.kind, Kind::Configuration(_))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Kind::Invalid(message.into()).into()
    }

    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Kind::Configuration(message.into()).into()
    }

    pub(crate) fn session_lost(cause: Cause) -> Self {
        Kind::SessionLost(cause).into()
    }

    pub(crate) fn refused(exchange: &str, key: &str) -> Self {
        Kind::Refused { exchange: exchange.to_owned(), key: key.to_owned() }.into()
    }

    pub(crate) fn returned(message: &lapin::message::BasicReturnMessage) -> Self {
        Kind::Returned {
            exchange: message.delivery.exchange.to_string(),
            key: message.delivery.routing_key.to_string(),
            reply: format!("{} {}", message.reply_code, message.reply_text),
        }
        .into()
    }

    pub(crate) fn locked(queue: &str) -> Self {
        Kind::Locked { queue: queue.to_owned() }.into()
    }

    pub(crate) fn no_answer(seconds: u64) -> Self {
        Kind::Unreachable(format!(
            "the broker did not answer within {seconds} s; check its address and whether it is alarmed or starting"
        ))
        .into()
    }

    /// Sorts an error of lapin that met us outside of a running session, while `doing` something.
    pub(crate) fn from_lapin(doing: &str, error: &lapin::Error) -> Self {
        match reply_code(error) {
            Some(403) => Self::configuration(format!(
                "{doing}: {error}; grant the user of the broker's address the rights it lacks, or correct its password"
            )),
            Some(404) => {
                Self::configuration(format!("{doing}: {error}; run `topology apply` or allow declaring"))
            }
            Some(406) => Self::configuration(format!(
                "{doing}: {error}; arguments of an existing queue or exchange cannot be changed: delete it once it is empty"
            )),
            // lapin 4.12.3 reports a vhost that is not there as 530 NOT_ALLOWED (seen on RabbitMQ 3.10.8, 2026-11-21).
            Some(530) => Self::configuration(format!(
                "{doing}: {error}; check the vhost at the end of the broker's address (%2f is the default one)"
            )),
            _ => Kind::Unreachable(format!("{doing}: {error}")).into(),
        }
    }
}

/// The AMQP reply code in an error of lapin, if the broker sent one.
pub(crate) fn reply_code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(message) | Self::Unreachable(message) | Self::Configuration(message) => {
                f.write_str(message)
            }
            Self::SessionLost(cause) => {
                write!(f, "the broker session is over ({cause}); the message comes again")
            }
            Self::Returned { exchange, key, reply } => write!(
                f,
                "no queue took the message for exchange `{exchange}` with key `{key}` ({reply}); check the bindings"
            ),
            Self::Refused { exchange, key } => write!(
                f,
                "the broker refused the message for exchange `{exchange}` with key `{key}`; look whether its queue is full"
            ),
            Self::Locked { queue } => {
                write!(f, "another operator is working on `{queue}`; wait until that command has ended")
            }
        }
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self { kind }
    }
}
