//! Taking messages: the consumer's loop, settling a delivery, and delays.

pub(crate) mod consumer;
pub(crate) mod delay;
pub(crate) mod delivery;
mod storm;
