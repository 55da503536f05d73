//! Deliveries: from arrival to acknowledgement.

pub mod consume;
pub mod outbox;
pub mod recent;
