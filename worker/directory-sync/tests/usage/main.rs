//! Passes over usage: every trap that the reports are known for, by name, against a server that has it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

mod days;
mod files;
mod names;
mod people;
mod report;
mod resumed;
mod server;
