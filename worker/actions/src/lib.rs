//! The actions: what the worker can make true in a tenant, one file each, in the folder of its noun.
//!
//! An `Action` observes (reads only), plans (pure) and applies (writes only). The driver runs every action in the
//! same way, so no action can tell a dry run from a real one: a dry run does not call `apply`.
//!
//! What this crate does not have, on purpose:
//! - No record of finished work: the tenant is the record, and an action whose goal is reached plans nothing.
//! - No HTTP, which is `msgraph`'s. No retry loop: a failure says who has to act next, and others wait.
//! - No knowledge of queues or messages.
//!
//! Start reading at `action`, then any action, such as `groups/add_to_groups.rs`; `action/driver.rs` runs them.

mod action;
mod calendar;
#[cfg(test)]
mod conformance;
mod devices;
mod groups;
mod licenses;
mod mail;
mod onedrive;
mod protection;
mod restore;
mod rights;
mod roster;
mod sign_in;
mod teams;
mod users;
mod workflows;

pub use action::driver::Entry;
pub use action::error::{CREDENTIALS_REFUSED, Error};
pub use action::manager::manager_of;
pub use action::pins::account_of;
pub use action::world::World;
pub use protection::{PROTECTED, ProtectedPeople, Protection, UNKNOWN as PROTECTION_UNKNOWN};
pub use restore::{Remembered, ReportUnrestored, Restorable, report_unrestored, restorable};
pub use roster::{removes_for_good, roster};
pub use workflows::default_definitions;

// What actions are written with.
pub(crate) use action::Action;
pub(crate) use action::person::{Account, Person, PersonRef};
pub(crate) use action::plan::{Plan, Wait};
pub(crate) use action::view::View;
pub(crate) use action::writes::Made;
#[cfg(test)]
pub(crate) use conformance::scenario::Scenario;
