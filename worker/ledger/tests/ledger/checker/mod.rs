//! The model checker: every order in which few workers, messages and mishaps can meet.
//!
//! A world holds the real fold and a model of the broker, the workers and the tenant. A step is anything that can happen
//! between two awaits: a record, a request, its arrival, a kill, a cut wire, a tick of the clocks. The checker takes every
//! step from every world it has not seen, first things first, so that a history it reports is a shortest one.
//!
//! What keeps it sound though it is small:
//!
//! - A worker never reads more of the ledger than its own claims. One that reads more only stops earlier.
//! - A takeover counts from the moment a record was written: nobody can have read it before.
//! - A frozen worker is one that takes no step while the clocks tick. Its requests arrive all the same.
//! - Two worlds are one if they differ in the names of workers, in nonces, or in how many records there were.

mod explore;
mod mistakes;
mod model;
mod scenario;
mod scenarios;
mod steps;
mod worker;
