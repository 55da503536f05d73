//! `gatehouse sync` as a person and a script use it: tables, files, exit codes.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

mod bench;
mod files;
mod page;
mod shown;
mod usage;
