//! Sending messages: what leaves, and the confirmation that it arrived.

pub(crate) mod outgoing;
pub(crate) mod publisher;
