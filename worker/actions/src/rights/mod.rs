//! Rights: directory roles, applications, consents.

mod remove_app_assignments;
mod remove_app_consents;
mod remove_directory_roles;

use crate::action::driver::Entry;

/// The actions.
pub fn entries() -> Vec<Entry> {
    vec![
        Entry::of::<remove_app_assignments::RemoveAppAssignments>(),
        Entry::of::<remove_app_consents::RemoveAppConsents>(),
        Entry::of::<remove_directory_roles::RemoveDirectoryRoles>(),
    ]
}
