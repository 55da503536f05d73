//! The permissions that operations on directory roles, applications and consents need.

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

/// "Create roleEligibilityScheduleRequests" (Microsoft's permission table, 2026-08-07).
pub(super) const WRITE_ELIGIBLE_ROLES: &[&str] = &["RoleEligibilitySchedule.ReadWrite.Directory"];

pub(super) const WRITE_ROLES: &[&str] = &["RoleManagement.ReadWrite.Directory"];

pub(super) const READ_PRINCIPALS: &[&str] = &[
    "Application.Read.All",
    "Application.ReadWrite.OwnedBy",
    "Application.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

pub(super) const READ_APP_ROLES: &[&str] = &["Directory.Read.All", "AppRoleAssignment.ReadWrite.All"];

pub(super) const WRITE_APP_ROLES: &[&str] = &["AppRoleAssignment.ReadWrite.All", "Application.ReadWrite.All"];

pub(super) const READ_CONSENTS: &[&str] = &["Directory.Read.All", "DelegatedPermissionGrant.ReadWrite.All"];

pub(super) const WRITE_CONSENTS: &[&str] =
    &["DelegatedPermissionGrant.ReadWrite.All", "Directory.ReadWrite.All"];
