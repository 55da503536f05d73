//! What the worker can make true in a tenant: one file an action, in the folder of its noun.
//!
//! An [`Action`] observes (reads only), plans (pure) and applies (writes only). The driver runs every action the
//! same way, so that none of them can tell a dry run from a real one: in a dry run `apply` is not called.
//!
//! What is absent here, on purpose:
//! - No ledger of what was done: the tenant is the ledger, and an action that finds things as asked plans nothing.
//! - No HTTP: requests are `msgraph`'s business. No retry loop: a failure says who must act next, others wait.
//! - No knowledge of queues or messages.
//!
//! Start reading at [`action`], then any action, such as [`groups`]' `add_to_groups`; `action::driver` is how one is run.

mod action;
mod calendar;
#[cfg(test)]
mod conformance;
mod devices;
mod groups;
mod licenses;
mod mail;
mod onedrive;
mod rights;
mod roster;
mod sign_in;
mod teams;
mod users;
mod workflows;

pub use action::driver::Entry;
pub use action::error::Error;
pub use roster::roster;
pub use workflows::default_definitions;

// What every action is written with.
pub(crate) use action::Action;
pub(crate) use action::person::{Account, Person, PersonRef};
pub(crate) use action::plan::{Plan, Wait};
pub(crate) use action::view::View;
#[cfg(test)]
pub(crate) use conformance::scenario::Scenario;
