//! The client against servers that fail as networks and Graph do, and against the emulator.
//!
//! `server.rs` is a server scripted byte by byte, and makes every client; `testing.rs` has the settings for the
//! emulator. Each other file has one subject.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests may fail a test")]

mod bytes;
mod credentials;
mod delta;
mod emulator;
mod items;
mod lanes;
mod mailbox;
mod observed;
mod paging;
mod refusals;
mod reports;
mod resources;
mod retries;
mod secrets;
mod server;
mod service_account;
mod streams;
mod testing;
mod tokens;
mod transport;
