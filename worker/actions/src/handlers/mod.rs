//! Every action. Two lines each: the module, and the entry in the roster.

mod add_to_groups;
mod add_to_teams;
mod assign_licenses;
mod create_user;
mod delete_additional_calendars;
mod delete_primary_calendar_events;
mod delete_user;
mod disable_account;
mod disable_automatic_reply;
mod enable_account;
mod enable_automatic_reply;
mod forward_mail;
mod issue_temporary_access_pass;
mod migrate_onedrive;
mod remove_app_assignments;
mod remove_app_consents;
mod remove_authentication_methods;
mod remove_calendar_permissions;
mod remove_directory_roles;
mod remove_from_groups;
mod remove_from_teams;
mod remove_inbox_rules;
mod remove_licenses;
mod remove_manager;
mod reset_password;
mod restore_user;
mod retire_devices;
mod revoke_sessions;
mod run_exchange_command;
mod send_mail;
mod set_manager;
mod set_user_type;
mod share_onedrive;
mod transfer_group_ownership;
mod update_user;

#[cfg(test)]
pub(crate) mod conformance;

use crate::driver::Entry;

/// All actions, sorted: the order means nothing, being able to find one does.
pub fn roster() -> Vec<Entry> {
    vec![
        Entry::of::<add_to_groups::AddToGroups>(),
        Entry::of::<add_to_teams::AddToTeams>(),
        Entry::of::<assign_licenses::AssignLicenses>(),
        Entry::of::<create_user::CreateUser>(),
        Entry::of::<delete_additional_calendars::DeleteAdditionalCalendars>(),
        Entry::of::<delete_primary_calendar_events::DeletePrimaryCalendarEvents>(),
        Entry::of::<delete_user::DeleteUser>(),
        Entry::of::<disable_account::DisableAccount>(),
        Entry::of::<disable_automatic_reply::DisableAutomaticReply>(),
        Entry::of::<enable_account::EnableAccount>(),
        Entry::of::<enable_automatic_reply::EnableAutomaticReply>(),
        Entry::of::<forward_mail::ForwardMail>(),
        Entry::of::<issue_temporary_access_pass::IssueTemporaryAccessPass>(),
        Entry::of::<migrate_onedrive::MigrateOnedrive>(),
        Entry::of::<remove_app_assignments::RemoveAppAssignments>(),
        Entry::of::<remove_app_consents::RemoveAppConsents>(),
        Entry::of::<remove_authentication_methods::RemoveAuthenticationMethods>(),
        Entry::of::<remove_calendar_permissions::RemoveCalendarPermissions>(),
        Entry::of::<remove_directory_roles::RemoveDirectoryRoles>(),
        Entry::of::<remove_from_groups::RemoveFromGroups>(),
        Entry::of::<remove_from_teams::RemoveFromTeams>(),
        Entry::of::<remove_inbox_rules::RemoveInboxRules>(),
        Entry::of::<remove_licenses::RemoveLicenses>(),
        Entry::of::<remove_manager::RemoveManager>(),
        Entry::of::<reset_password::ResetPassword>(),
        Entry::of::<restore_user::RestoreUser>(),
        Entry::of::<retire_devices::RetireDevices>(),
        Entry::of::<revoke_sessions::RevokeSessions>(),
        Entry::of::<run_exchange_command::RunExchangeCommand>(),
        Entry::of::<send_mail::SendMail>(),
        Entry::of::<set_manager::SetManager>(),
        Entry::of::<set_user_type::SetUserType>(),
        Entry::of::<share_onedrive::ShareOnedrive>(),
        Entry::of::<transfer_group_ownership::TransferGroupOwnership>(),
        Entry::of::<update_user::UpdateUser>(),
    ]
}
