//! CloudEvents 1.0 as they arrive: both modes, strict JSON, and what to say about an event that is refused.

pub(crate) mod envelope;
pub(crate) mod incoming;
pub(crate) mod json;
pub(crate) mod time;
pub(crate) mod undecodable;
pub(crate) mod violation;
