//! Latency and replication lag.

mod latency;
mod replication;
