//! The emulator over real HTTP: every refusal and quirk it promises to have.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop where it is"
)]

mod batch;
mod calendar;
mod connection;
mod control;
mod devices;
mod groups;
mod harness;
mod https;
mod lag;
mod licenses;
mod limits;
mod mail;
mod onedrive;
mod program;
mod readme;
mod reports;
mod rights;
mod sign_in;
mod teams;
mod users;
