//! The crate against a real broker.
//!
//! Every test has a prefix of its own and takes away what it made. None sleeps to let something happen:
//! each waits for what it wants to see, with a limit after which it fails and says what it saw.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test fail as the test itself does"
)]

mod blocked;
mod client;
mod dead_letters;
mod delay;
mod deliveries;
mod malformed;
mod proxy;
mod publishing;
mod sessions;
mod shutdown;
mod support;
mod topology;
