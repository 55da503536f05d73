//! What an outgoing message says of the trace that it belongs to.

use super::outgoing::{Address, Outgoing};
use crate::message::headers::Value;
use crate::message::{TRACE_LINK, TRACEPARENT};

impl Outgoing {
    /// Says which span sends it: in `traceparent`. Of a delayed message, which may sleep for days, a header of the
    /// worker's own says so: what is done when it wakes is no part of that span.
    #[must_use]
    pub fn traced(mut self, traceparent: &str) -> Self {
        let sleeps = matches!(self.address, Address::Delayed { .. });
        let (said, not) = if sleeps { (TRACE_LINK, TRACEPARENT) } else { (TRACEPARENT, TRACE_LINK) };
        self.headers.remove(not);
        self.headers.put(said, Value::Text(traceparent.to_owned()));
        self
    }

    /// The exchange that it goes to, without the prefix, and of a delay without its time.
    #[must_use]
    pub fn exchange(&self) -> &'static str {
        match self.address {
            Address::Result { .. } => "results",
            Address::Event { .. } => "events",
            Address::Page { .. } => "sync",
            Address::Work { .. } | Address::Token { .. } | Address::Exchange { .. } => "work",
            Address::Snapshot => "ledger",
            Address::Delayed { .. } => "delay",
            Address::Dead { .. } => "dead",
            Address::Reply { .. } => "reply",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{DeadLetter, Due, Message, testing};

    const SPAN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_message_names_the_span_that_sent_it_and_one_that_sleeps_in_a_header_of_its_own() {
        let said = |outgoing: Outgoing| {
            let arrived = testing::arrived(&outgoing.traced(SPAN).headers);
            (arrived.traceparent().is_some(), arrived.trace_link().is_some())
        };
        let delayed = || Outgoing::delayed("orders", Due::after(Duration::from_secs(20)), "{}");
        assert_eq!(said(Outgoing::result("run.succeeded", "{}")), (true, false));
        assert_eq!(said(Outgoing::work("orders", "{}")), (true, false));
        assert_eq!(said(delayed()), (false, true));
        // What is set aside after it slept came with the other header.
        let slept: Message = testing::arrived(&delayed().traced(SPAN).headers);
        let dead = Outgoing::dead("orders", &DeadLetter::new("fault", "it broke"), &slept);
        assert_eq!(said(dead), (true, false));
    }
}
