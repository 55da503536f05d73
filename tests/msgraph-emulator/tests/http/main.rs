//! The emulator over real HTTP: every refusal and quirk it promises to have.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop where it is"
)]

mod assertions;
mod batch;
mod calendars;
mod connection;
mod controls;
mod crowd;
mod deleted;
mod delta;
mod devices;
mod drives;
mod events;
mod exchange_admin;
mod faults;
mod groups;
mod harness;
mod https;
mod items;
mod latency;
mod licenses;
mod limits;
mod mail;
mod mailbox;
mod managed_devices;
mod members;
mod methods;
mod owners;
mod passes;
mod program;
mod replication;
mod reports;
mod rights;
mod sign_in;
mod teams;
mod users;
