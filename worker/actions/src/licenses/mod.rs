//! Licences: assign and remove them, whether direct or by a group.

mod assign_licenses;
mod remove_licenses;

pub mod assignment;
pub mod instead_of;
pub mod reference;
pub mod removal;
pub mod selection;
pub mod subscriptions;

use crate::action::register::register;

register! {
    assign_licenses::AssignLicenses,
    remove_licenses::RemoveLicenses,
}
