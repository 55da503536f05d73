//! Graph's operations on the tenant, one folder for each noun.
//!
//! `dispatch` calls the file of each operation; `visit` is what each of them is given.

mod calendar;
mod devices;
mod dispatch;
mod expand;
mod groups;
mod licenses;
mod mail;
pub(crate) mod onedrive;
mod organization;
pub(crate) mod reports;
mod rights;
mod sign_in;
mod teams;
mod users;
mod visit;

pub(crate) use dispatch::answer;
pub(crate) use visit::{Answer, Visit};
