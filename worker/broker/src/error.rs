//! Errors of the broker, sorted by what the caller can do about them.

use std::fmt;

use lapin::ErrorKind;

use crate::Cause;

/// An error of the broker, or of a message that could not be sent.
///
/// Opaque: use the `is_…` predicates.
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
    /// The session has ended; the broker delivers its unsettled messages again. A message that was being
    /// published may or may not have been stored.
    #[must_use]
    pub fn is_session_lost(&self) -> bool {
        matches!(self.kind, Kind::SessionLost(_))
    }

    /// The message, name or address is not valid; a retry changes nothing.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        matches!(self.kind, Kind::Invalid(_))
    }

    /// The broker lacks something: a permission, a queue, a queue with the right arguments, the vhost.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(self.kind, Kind::Configuration(_))
    }

    /// No queue is bound for the message.
    #[must_use]
    pub fn is_unroutable(&self) -> bool {
        matches!(self.kind, Kind::Returned { .. })
    }

    /// A queue is full; it stored nothing.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.kind, Kind::Refused { .. })
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
            "the broker did not answer within {seconds} s; check its address, whether it is starting or has raised an alarm, and \
             whether most nodes of its cluster run"
        ))
        .into()
    }

    /// None of the nodes accepted a connection. What a retry can mend decides: another node may be back by then.
    pub(crate) fn of_nodes(mut failures: Vec<(String, Self)>) -> Self {
        if failures.len() <= 1 {
            let only = failures.pop().map(|(_, error)| error);
            return only.unwrap_or_else(|| Self::invalid("the broker has no address"));
        }
        let says =
            failures.iter().map(|(host, error)| format!("{host}: {error}")).collect::<Vec<_>>().join("; ");
        let text = format!("no node of the broker accepts a connection: {says}");
        match failures.iter().all(|(_, error)| error.is_configuration()) {
            true => Self::configuration(text),
            false => Kind::Unreachable(text).into(),
        }
    }

    /// Sorts an error that lapin reported outside of a running session; `doing` says what failed.
    pub(crate) fn from_lapin(doing: &str, error: &lapin::Error) -> Self {
        match reply_code(error) {
            Some(403) => Self::configuration(format!(
                "{doing}: {error}; grant the missing permissions to the user in the broker's address, or correct the password"
            )),
            Some(404) => Self::configuration(format!(
                "{doing}: {error}; set `broker.declare` to true, or run `gatehouse topology apply` as a user who may declare it"
            )),
            Some(406) if is_about_retention(error) => Self::configuration(format!(
                "{doing}: {error}; the stream stays as it is: a policy with `max-age` and `max-length-bytes` changes how long it is kept"
            )),
            Some(406) => Self::configuration(format!(
                "{doing}: {error}; RabbitMQ cannot change the arguments of an existing queue or exchange; delete it once it is empty"
            )),
            // lapin 4.12.3 reports a missing vhost as 530 NOT_ALLOWED (seen on RabbitMQ 3.10.8, 2026-11-21).
            Some(530) => Self::configuration(format!(
                "{doing}: {error}; check the vhost at the end of the broker's address (%2f is the default vhost)"
            )),
            _ => Kind::Unreachable(format!("{doing}: {error}")).into(),
        }
    }
}

/// Whether a queue exists that keeps its messages longer, or shorter, than was asked for.
fn is_about_retention(error: &lapin::Error) -> bool {
    let text = error.to_string();
    ["'x-max-age'", "'x-max-length-bytes'"].iter().any(|argument| text.contains(argument))
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
                write!(f, "the broker session has ended ({cause}); the broker delivers the message again")
            }
            Self::Returned { exchange, key, reply } => write!(
                f,
                "no queue received the message for exchange `{exchange}` with key `{key}` ({reply}); check the bindings"
            ),
            Self::Refused { exchange, key } => write!(
                f,
                "the broker refused the message for exchange `{exchange}` with key `{key}`; check whether its queue is full"
            ),
            Self::Locked { queue } => {
                write!(
                    f,
                    "another operator is working on `{queue}`; try again when that command has finished"
                )
            }
        }
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self { kind }
    }
}
