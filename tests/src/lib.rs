//! Gatehouse seen from outside: the binary as a process, a real RabbitMQ, real HTTP to an emulated tenant.
//!
//! The tests use no type of the worker but those of the wire, and publish through `lapin` itself, as a publisher
//! does that knows only the documentation. Start reading at [`Testbed`].
//!
//! No test skips: a test that lacks something fails, with a sentence that says what to install or set.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test bench that meets something unexpected is a failed test"
)]

pub mod answers;
pub mod broker_node;
pub mod contoso;
pub mod crowd;
pub mod declared;
mod drain;
pub mod events;
pub mod gate;
pub mod metrics;
pub mod names;
pub mod pages;
pub mod past;
pub mod proxy;
pub mod published;
pub mod publisher;
mod queues;
pub mod random;
pub mod repository;
pub mod results;
pub mod rights;
pub mod settings;
pub mod site;
pub mod stages;
pub mod testbed;
pub mod worker_process;

pub use answers::Answers;
pub use broker_node::BrokerNode;
pub use pages::Pages;
pub use published::{Published, PublishedMessage};
pub use publisher::Publisher;
pub use results::{Received, Results};
pub use testbed::{Testbed, TestbedBuilder};
pub use worker_process::{Finished, Worker, documents};
