//! Gatehouse seen from outside: the binary as a process, a real RabbitMQ, real HTTP to an emulated tenant.
//!
//! The tests use no type of the worker but those of the wire, and speak AMQP through `lapin` themselves: a
//! publisher is a stranger. Start reading at [`House`].
//!
//! Nothing here skips: what a test needs and does not find fails it, with a sentence that says what to do.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a harness that meets something unexpected is a failed test"
)]

pub mod broker_node;
pub mod chance;
pub mod copies;
pub mod crowd;
pub mod events;
pub mod house;
pub mod metrics;
pub mod program;
pub mod proxy;
pub mod queues;
pub mod repository;
pub mod rest;

pub use broker_node::BrokerNode;
pub use copies::{Copies, Copy};
pub use house::{House, HouseBuilder};
pub use program::{Finished, Worker};
pub use queues::{Heard, Results};
