//! What an application may do in an emulated tenant.

use msgraph_emulator::Application;

/// What the default workflows need beyond the emulator's usual permissions.
const DEFAULT_WORKFLOWS: [&str; 7] = [
    "AppRoleAssignment.ReadWrite.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "DeviceManagementManagedDevices.PrivilegedOperations.All",
    "DeviceManagementManagedDevices.Read.All",
    "Group.ReadWrite.All",
    "RoleManagement.ReadWrite.Directory",
    "UserAuthenticationMethod.ReadWrite.All",
];

/// An application that may do whatever a default workflow does.
pub fn of_default_workflows() -> Application {
    DEFAULT_WORKFLOWS.into_iter().fold(Application::default(), Application::role)
}
