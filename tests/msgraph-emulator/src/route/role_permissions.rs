//! The permissions that operations on directory roles need.

pub(super) const READ_ROLES: &[&str] = &[
    "RoleManagement.Read.Directory",
    "RoleManagement.ReadWrite.Directory",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

/// "List roleEligibilitySchedules", 2026.
pub(super) const READ_ELIGIBLE_ROLES: &[&str] = &[
    "RoleEligibilitySchedule.Read.Directory",
    "RoleEligibilitySchedule.ReadWrite.Directory",
    "RoleManagement.Read.All",
    "RoleManagement.Read.Directory",
    "RoleManagement.ReadWrite.Directory",
];

pub(super) const WRITE_ROLES: &[&str] = &["RoleManagement.ReadWrite.Directory"];
