//! The ledger: its rules one by one, whole histories, and the model checker.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets something unexpected fails"
)]

mod any;
mod brake;
mod checker;
mod decide;
mod histories;
mod identity;
mod messages;
mod records;
mod shuts;
mod snapshots;
mod story;
