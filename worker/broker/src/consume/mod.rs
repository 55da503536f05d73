//! Taking messages: the loop, the duty to settle each, and those that are not due yet.

pub(crate) mod consumer;
pub(crate) mod delay;
pub(crate) mod delivery;
