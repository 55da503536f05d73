//! Sending messages: an outgoing message, and the publisher that confirms it.

mod late;
pub(crate) mod outgoing;
pub(crate) mod publisher;
mod traced;
