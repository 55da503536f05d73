//! Licences: assigned, and taken back by the route they came.

mod assign_licenses;
mod remove_licenses;

pub mod subscriptions;

use crate::action::register::register;

register! {
    assign_licenses::AssignLicenses,
    remove_licenses::RemoveLicenses,
}
