//! From a delivery to an event, whichever work it requests.

use std::borrow::Cow;

use broker::{Message, Origin};
use jiff::Timestamp;
use messages::{Event, Incoming, Undecodable};

use super::publishers::Publishers;

/// An event that may be carried out.
pub struct Admitted {
    /// The event.
    pub event: Event,
    /// Who published it, if publishers are listed.
    pub publisher: Option<String>,
}

/// Reads an event as a publisher sent it, also when an operator sent it again, if its publisher may send it.
///
/// # Errors
///
/// Says why it is refused.
pub fn decode_event(
    message: &Message,
    publishers: &Publishers,
    now: Timestamp,
) -> Result<Admitted, Undecodable> {
    let routing_key = match &message.origin {
        Origin::Worker => None,
        Origin::Publisher { routing_key, .. } => Some(routing_key.as_str()),
    };
    let content_type = message.properties.content_type.as_deref();
    let texts: Vec<_> =
        message.headers.iter().filter_map(|(name, value)| Some((name, header_text(value)?))).collect();
    let headers: Vec<_> = texts.iter().map(|(name, text)| (*name, text.as_ref())).collect();
    let event =
        messages::decode(&Incoming { content_type, routing_key, headers: &headers, body: &message.body })?;
    let publisher = publishers.admit(message, &event, now)?;
    Ok(Admitted { event, publisher })
}

/// A header as CloudEvents in binary mode need it: publishers send attributes in AMQP's own types as well.
fn header_text(value: &broker::Value) -> Option<Cow<'_, str>> {
    Some(match value {
        broker::Value::Text(text) => Cow::Borrowed(text),
        broker::Value::Int(number) => Cow::Owned(number.to_string()),
        broker::Value::Bool(value) => Cow::Owned(value.to_string()),
        broker::Value::Time(seconds) => {
            Cow::Owned(Timestamp::from_second(i64::try_from(*seconds).ok()?).ok()?.to_string())
        }
        _ => return None,
    })
}
