//! Licences: assigned, and taken back by the route they came.

mod assign_licenses;
mod remove_licenses;

pub mod subscriptions;

use crate::action::driver::Entry;

/// The actions.
pub fn entries() -> Vec<Entry> {
    vec![Entry::of::<assign_licenses::AssignLicenses>(), Entry::of::<remove_licenses::RemoveLicenses>()]
}
