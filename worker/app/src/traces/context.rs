//! Where a message stands in a trace: the W3C's Trace Context, as the headers of AMQP and an attribute of CloudEvents
//! carry it.
//!
//! `tracestate` is not read: it belongs to the publisher's tools, may say anything, and Trace Context lets go of it.

use std::fmt;

use broker::{Message, Origin};

/// The length of version `00`.
const LENGTH: usize = 55;

/// A valid `traceparent`, in version `00` (W3C Trace Context, section 3.2, read 2026-11-30).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// Reads what others wrote; nothing if it is invalid. Of a later version only what version `00` has is kept.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (known, more) = text.split_at_checked(LENGTH)?;
        let parts: Vec<&str> = known.split('-').collect();
        let [version, trace, span, flags] = parts[..] else { return None };
        let is_hex = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
        let is_sound = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
        let has_end = more.is_empty() || (version != "00" && more.starts_with('-'));
        if !is_sound || !has_end || version == "ff" || is_zero(trace) || is_zero(span) {
            return None;
        }
        Some(Self(format!("00-{trace}-{span}-{flags}")))
    }

    /// As headers have it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trace, in hexadecimal digits.
    pub fn trace(&self) -> &str {
        self.0.get(3..35).unwrap_or_default()
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a message says of the traces it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// The work on it belongs to this trace, below this span.
    pub parent: Option<TraceParent>,
    /// The work on it belongs to a trace of its own that has to do with this one.
    pub link: Option<TraceParent>,
}

impl Arrived {
    /// Of a message whose event has this attribute `traceparent`.
    ///
    /// The header is the span that sent the message, and the attribute the one where the event began (CloudEvents
    /// Distributed Tracing extension 1.0.2, read 2026-11-30): with both, the header is the parent. A message that a worker
    /// sent is told apart from the event in it, and one that an operator replays was set aside for long.
    pub fn of(message: &Message, attribute: Option<&str>) -> Self {
        let header = message.traceparent().and_then(TraceParent::parse);
        let slept = message.trace_link().and_then(TraceParent::parse);
        let event = attribute.and_then(TraceParent::parse);
        let from_publisher = message.origin != Origin::Worker;
        if message.replays() > 0 {
            return Self { parent: None, link: header.or(slept).or(event) };
        }
        match (header, slept) {
            (Some(parent), _) => {
                let began = event.filter(|event| from_publisher && event.trace() != parent.trace());
                Self { parent: Some(parent), link: began }
            }
            (None, Some(slept)) => Self { parent: None, link: Some(slept) },
            (None, None) if from_publisher => Self { parent: event, link: None },
            (None, None) => Self { parent: None, link: event },
        }
    }

    /// What is passed on where no span is made.
    pub fn passed_on(&self) -> Option<&TraceParent> {
        self.parent.as_ref().or(self.link.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_traceparent_is_read_and_nothing_else() {
        let read = |text: &str| TraceParent::parse(text).map(|read| read.to_string());
        assert_eq!(read(ONE).as_deref(), Some(ONE));
        let not_sampled = ONE.replace("-01", "-00");
        assert_eq!(read(&not_sampled), Some(not_sampled));
        // A later version may have more, and all it says here is passed on.
        assert_eq!(read(&ONE.replacen("00", "01", 1)).as_deref(), Some(ONE));
        assert_eq!(
            read(&format!("{}-ada@contoso.example", ONE.replacen("00", "cc", 1))).as_deref(),
            Some(ONE)
        );
        let zero_trace = ONE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        let zero_span = ONE.replace("00f067aa0ba902b7", &"0".repeat(16));
        for invalid in [
            "",
            "00-01",
            &ONE.to_uppercase(),
            &ONE.replacen("00", "ff", 1),
            &format!("{ONE}-more"),
            &format!("{}x", ONE.replacen("00", "01", 1)),
            &zero_trace,
            &zero_span,
            &ONE.replace('-', "_"),
            &format!("é{}", &ONE[2..]),
            &"é".repeat(55),
        ] {
            assert_eq!(read(invalid), None, "{invalid}");
        }
    }

    #[test]
    fn the_trace_of_a_parent_is_the_part_behind_the_version() {
        assert_eq!(TraceParent::parse(ONE).unwrap().trace(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn the_attribute_of_an_event_is_the_parent_and_what_a_worker_carries_on_is_none() {
        let event = Message::default();
        assert_eq!(Arrived::of(&event, Some(ONE)), Arrived { parent: TraceParent::parse(ONE), link: None });
        assert_eq!(Arrived::of(&event, Some("none")), Arrived::default());
        let carried_on = Message { origin: Origin::Worker, ..Message::default() };
        let arrived = Arrived::of(&carried_on, Some(ONE));
        assert_eq!(arrived, Arrived { parent: None, link: TraceParent::parse(ONE) });
        assert_eq!(arrived.passed_on().map(TraceParent::as_str), Some(ONE));
    }
}
