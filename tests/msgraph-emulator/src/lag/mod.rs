//! Lag: how long a round trip takes, and how long a read shows the past.

pub(crate) mod latency;
pub(crate) mod replication;
