//! Rights: directory roles, assignments to applications, and consents.

mod remove_app_assignments;
mod remove_app_consents;
mod remove_directory_roles;

use crate::action::register::register;

register! {
    remove_app_assignments::RemoveAppAssignments,
    remove_app_consents::RemoveAppConsents,
    remove_directory_roles::RemoveDirectoryRoles,
}
