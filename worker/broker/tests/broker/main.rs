//! Tests this crate against a real broker.
//!
//! Every test has a prefix of its own and deletes what it declared. No test sleeps: each waits for the event
//! it expects, and fails after a limit with the events it saw.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test fail as the test itself does"
)]

mod addresses;
mod blocked;
mod client;
mod dead_letters;
mod delay;
mod deliveries;
mod malformed;
mod proxy;
mod publishing;
mod record_log;
mod schedule;
mod sessions;
mod shutdown;
mod support;
mod tls;
mod topology;
