//! The client of the ledger: publishes claims, reads every record, and holds a lease for whoever acts.
//!
//! `worker/ledger/README.md` specifies what it does. [`log::Log`] is where the records are, [`book::Book`] what was read
//! of them, [`client::Client`] the connection of the two, and [`hold::Hold`] the right to act.

mod book;
pub(crate) mod client;
pub(crate) mod hold;
pub(crate) mod identifiers;
pub(crate) mod log;
mod snapshots;
pub(crate) mod standing;
#[cfg(test)]
mod tests;
