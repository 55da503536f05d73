//! A received message, and its properties.

pub(crate) mod headers;
pub(crate) mod json;
mod judged;
pub(crate) mod origin;
pub(crate) mod signature;

use std::fmt;

use jiff::Timestamp;
use lapin::{BasicProperties, types::ShortString};

use self::{
    headers::{Headers, OwnName, Value},
    origin::Origin,
    signature::SIGNATURE,
};
use crate::Error;

/// The properties of a message that the worker reads and sends.
///
/// Expiration is left out: a message that expires at the head of its queue is lost without a trace, and one
/// behind another message expires only after that one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties {
    /// The media type of the body.
    pub content_type: Option<String>,
    /// The compression of the body, if any.
    pub content_encoding: Option<String>,
    /// The same for every repetition of a message.
    pub message_id: Option<String>,
    /// The conversation this message belongs to.
    pub correlation_id: Option<String>,
    /// The kind of message; `type` on the wire.
    pub kind: Option<String>,
    /// When it was created, in whole seconds.
    pub timestamp: Option<Timestamp>,
    /// The queue that receives a copy of the results.
    pub reply_to: Option<String>,
    /// The program that created it.
    pub app_id: Option<String>,
}

/// A received message. Its `Debug` shows neither body nor headers, because both may hold personal data.
#[derive(Clone, Default, PartialEq)]
pub struct Message {
    /// The content, byte for byte.
    pub body: Vec<u8>,
    /// The properties.
    pub properties: Properties,
    /// The headers.
    pub headers: Headers,
    /// The exchange it was last published to.
    pub exchange: String,
    /// The routing key it was published with.
    pub routing_key: String,
    /// The broker user who published it, if the message says so; the broker checks that it says the truth.
    pub user: Option<String>,
    /// Who wrote it.
    pub origin: Origin,
    /// Whether the broker delivered it before. `false` does not prove that it is new: a repeated publish is a new
    /// message.
    pub redelivered: bool,
}

/// The header that counts how often an operator has replayed a message.
pub(crate) const REPLAYS: OwnName = OwnName::new("gatehouse-replays");
/// The header of a result that says whom it is about.
pub(crate) const PERSON: OwnName = OwnName::new("gatehouse-person");
/// The header of a worker's own message that says how the publisher knows the answer to its event: by the event's
/// `correlation_id`. The message's own names the run.
pub(crate) const ASKED_AS: OwnName = OwnName::new("gatehouse-asked-as");
/// The header that says to which trace a message belongs, and to which span in it: that of the W3C's Trace Context.
pub(crate) const TRACEPARENT: OwnName = OwnName::new("traceparent");
/// The header of a worker's own message that was delayed: the span after which it was.
pub(crate) const TRACE_LINK: OwnName = OwnName::new("gatehouse-trace-link");
/// The header of a message that was put off after the broker had delivered it more than once.
pub(crate) const BEGUN: OwnName = OwnName::new("gatehouse-begun");

/// The header of a message that was put off: how often it had come back to its queue before.
pub(crate) const RETURNS: OwnName = OwnName::new("gatehouse-returns");
/// The header of a message that may crash its workers: how often it came to be worked on alone.
pub(crate) const SUSPECT: OwnName = OwnName::new("gatehouse-suspect");

impl Message {
    /// How often an operator has replayed it; 0 if its header is missing or not a count.
    #[must_use]
    pub fn replays(&self) -> u32 {
        self.headers.int(REPLAYS.as_str()).and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
    }

    /// Whether a worker may have begun it without leaving a trace in it: the broker had delivered it before, now or
    /// before it was put off.
    #[must_use]
    pub fn may_have_begun(&self) -> bool {
        self.redelivered || self.headers.get(BEGUN.as_str()).is_some()
    }

    /// Whether it may be what crashes its workers, because it came back to its queue again and again: work on it while
    /// nothing else is worked on, so that its next return is its own fault.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.suspicion() > 0
    }

    /// How often it came to be worked on alone; 0 for a message that is no suspect.
    pub(crate) fn suspicion(&self) -> i64 {
        self.headers.int(SUSPECT.as_str()).unwrap_or(0).max(0)
    }

    /// How often it came back to its queue without being settled: as quorum queues count since it was last published,
    /// and before it was put off.
    pub(crate) fn returns(&self) -> i64 {
        let since = self.headers.int("x-delivery-count").filter(|_| self.redelivered).unwrap_or(0);
        let before = self.headers.int(RETURNS.as_str()).unwrap_or(0).max(0);
        since.saturating_add(before)
    }

    /// The `correlation_id` by which the publisher recognizes the answer to its event.
    #[must_use]
    pub fn asked_as(&self) -> Option<&str> {
        match self.origin {
            Origin::Worker => self.headers.text(ASKED_AS.as_str()),
            Origin::Publisher { .. } => self.properties.correlation_id.as_deref(),
        }
    }

    /// The span that sent it, as the header says, unchecked.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.headers.text(TRACEPARENT.as_str())
    }

    /// The span after which it was delayed, as the header says, unchecked.
    #[must_use]
    pub fn trace_link(&self) -> Option<&str> {
        self.headers.text(TRACE_LINK.as_str())
    }

    /// A worker's own message in place of this one: with its headers, and another content.
    #[must_use]
    pub fn rewritten(&self, properties: Properties, body: Vec<u8>) -> Self {
        let mut rewritten = Self { properties, body, origin: Origin::Worker, ..self.clone() };
        rewritten.headers.remove(SIGNATURE);
        if let Some(asked_as) = self.asked_as() {
            rewritten.headers.put(ASKED_AS, Value::Text(asked_as.to_owned()));
        }
        rewritten
    }

    /// Whether it has a signature, right or wrong.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.headers.get(SIGNATURE.as_str()).is_some()
    }

    /// A message without a known origin; [`Message::judged`] finds it.
    pub(crate) fn from_lapin(delivery: lapin::message::Delivery) -> (Self, lapin::Acker) {
        let headers = Headers::from_wire(delivery.properties.headers().as_ref());
        let message = Self {
            properties: Properties::from_wire(&delivery.properties),
            exchange: delivery.exchange.to_string(),
            routing_key: delivery.routing_key.to_string(),
            user: owned(delivery.properties.user_id().as_ref()),
            origin: Origin::default(),
            redelivered: delivery.redelivered,
            headers,
            body: delivery.data,
        };
        (message, delivery.acker)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("message_id", &self.properties.message_id)
            .field("exchange", &self.exchange)
            .field("routing_key", &self.routing_key)
            .field("redelivered", &self.redelivered)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Properties {
    fn from_wire(wire: &BasicProperties) -> Self {
        Self {
            content_type: owned(wire.content_type().as_ref()),
            content_encoding: owned(wire.content_encoding().as_ref()),
            message_id: owned(wire.message_id().as_ref()),
            correlation_id: owned(wire.correlation_id().as_ref()),
            kind: owned(wire.kind().as_ref()),
            timestamp: Self::time_on_wire(wire),
            reply_to: owned(wire.reply_to().as_ref()),
            app_id: owned(wire.app_id().as_ref()),
        }
    }

    /// When a received message was created.
    pub(crate) fn time_on_wire(wire: &BasicProperties) -> Option<Timestamp> {
        let seconds = wire.timestamp().and_then(|seconds| i64::try_from(seconds).ok())?;
        Timestamp::from_second(seconds).ok()
    }

    /// # Errors
    /// When one of them is longer than AMQP's limit of 255 bytes.
    pub(crate) fn to_wire(&self) -> Result<BasicProperties, Error> {
        let mut wire = BasicProperties::default().with_delivery_mode(PERSISTENT);
        let mut set = |name: &str,
                       value: &Option<String>,
                       with: fn(BasicProperties, ShortString) -> BasicProperties| {
            if let Some(value) = value {
                let value = ShortString::try_new(value.as_str())
                    .map_err(|_| Error::invalid(format!("`{name}` is longer than 255 bytes; shorten it")))?;
                wire = with(std::mem::take(&mut wire), value);
            }
            Ok::<(), Error>(())
        };
        set("content_type", &self.content_type, BasicProperties::with_content_type)?;
        set("content_encoding", &self.content_encoding, BasicProperties::with_content_encoding)?;
        set("message_id", &self.message_id, BasicProperties::with_message_id)?;
        set("correlation_id", &self.correlation_id, BasicProperties::with_correlation_id)?;
        set("type", &self.kind, BasicProperties::with_type)?;
        set("reply_to", &self.reply_to, BasicProperties::with_reply_to)?;
        set("app_id", &self.app_id, BasicProperties::with_app_id)?;
        let seconds = self.timestamp.and_then(|at| u64::try_from(at.as_second()).ok());
        Ok(match seconds {
            Some(seconds) => wire.with_timestamp(seconds),
            None => wire,
        })
    }
}

const PERSISTENT: u8 = 2;

fn owned(text: Option<&ShortString>) -> Option<String> {
    text.map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Option<String>> {
        proptest::option::of("\\PC{0,30}")
    }

    proptest! {
        #[test]
        fn properties_survive_the_wire(
            (content_type, content_encoding, message_id, correlation_id) in (text(), text(), text(), text()),
            (kind, reply_to, app_id) in (text(), text(), text()),
            seconds in proptest::option::of(0_i64..4_102_444_800),
        ) {
            let timestamp = seconds.map(|seconds| Timestamp::from_second(seconds).unwrap());
            let sent = Properties { content_type, content_encoding, message_id, correlation_id, kind, timestamp, reply_to, app_id };
            let wire = sent.to_wire().unwrap();
            prop_assert_eq!(wire.delivery_mode(), &Some(PERSISTENT));
            prop_assert_eq!(wire.expiration(), &None);
            prop_assert_eq!(wire.user_id(), &None);
            prop_assert_eq!(Properties::from_wire(&wire), sent);
        }
    }

    #[test]
    fn a_property_too_long_is_an_error_and_no_panic() {
        let sent = Properties { message_id: Some("m".repeat(256)), ..Properties::default() };
        assert!(sent.to_wire().unwrap_err().is_invalid());
    }

    #[test]
    fn an_unreadable_count_of_replays_is_zero() {
        let (number, text) = (headers::Value::Int, |text: &str| headers::Value::Text(text.to_owned()));
        assert_eq!(Message::default().replays(), 0);
        for (value, replays) in [(number(3), 3), (text("2"), 2), (text("many"), 0), (number(i64::MAX), 0)] {
            let mut headers = headers::OwnHeaders::default();
            headers.put(REPLAYS, value);
            assert_eq!(crate::testing::arrived(&headers).replays(), replays);
        }
    }

    #[test]
    fn debug_shows_no_content() {
        let message = Message { body: b"Ada Lovelace".to_vec(), ..Message::default() };
        assert!(!format!("{message:?}").contains("Ada"));
    }
}
