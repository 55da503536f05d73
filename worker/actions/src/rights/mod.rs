//! Rights: directory roles, assignments to applications, and consents.

mod assign_applications;
mod remove_app_assignments;
mod remove_app_consents;
mod remove_directory_roles;

use crate::action::register::register;

register! {
    assign_applications::AssignApplications,
    remove_app_assignments::RemoveAppAssignments,
    remove_app_consents::RemoveAppConsents,
    remove_directory_roles::RemoveDirectoryRoles,
}
