//! What the worker can make true in a tenant: one file an action, in `handlers/`.
//!
//! An [`Action`] observes (reads only), plans (pure) and applies (writes only). The driver runs every action the
//! same way, so that none of them can tell a dry run from a real one: in a dry run `apply` is not called.
//!
//! What is absent here, on purpose:
//! - No ledger of what was done: the tenant is the ledger, and an action that finds things as asked plans nothing.
//! - No HTTP: requests are `msgraph`'s business. No retry loop: a failure says who must act next, others wait.
//! - No knowledge of queues or messages.
//!
//! Start reading at [`action`], then any file in `handlers/`; [`driver`] is how one is run.

pub mod action;
mod administrators;
#[cfg(test)]
mod changes_refused;
pub mod definitions;
mod departure;
pub mod driver;
pub mod error;
mod exchange_commands;
mod groups;
mod handlers;
mod html;
mod licenses;
mod mailbox;
mod names;
mod namesakes;
mod onedrive;
mod ownership;
mod passes;
mod password;
pub mod person;
mod properties;
mod target;
mod teams;
mod window;

pub use action::{Action, Plan, Wait};
pub use definitions::default_definitions;
pub use driver::Entry;
pub use error::Error;
pub use handlers::roster;
pub use person::{Account, Reader};
