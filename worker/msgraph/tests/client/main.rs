//! The client against servers that fail as networks and Graph do, and against the emulator.
//!
//! `server.rs` is a server scripted byte by byte, and makes every client; `testing.rs` has the settings for the
//! emulator. Each other file has one subject.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests may fail a test")]

mod delta;
mod emulator;
mod http;
mod items;
mod lanes;
mod mailbox;
mod observed;
mod reports;
mod resources;
mod server;
mod streams;
mod testing;
mod token;
