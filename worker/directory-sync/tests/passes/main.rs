//! Passes over tenants of the emulator, which is a second reading of Microsoft's documentation.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets something unexpected fails"
)]

mod changes;
mod interrupted;
mod licenses;
mod people;
mod sign_ins;
mod tenant;
