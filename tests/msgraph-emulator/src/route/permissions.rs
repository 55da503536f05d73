//! Which permissions an operation needs: any one of a row is enough. The names are those of application
//! permissions, and here of delegated ones too.
//!
//! The least privileged comes first, the usual broader ones after it, as in Microsoft's published table
//! (`permissions.json` behind Graph's reference, 2026-08-07). Left out are agents' and Intune's own
//! permissions. Rows about groups also take those that include one of the row (`GroupMember.ReadWrite.All`
//! where the table has `GroupMember.Read.All` or, for `memberOf`, only `GroupMember.ReadBasic.All`): that
//! Graph honours them there is known from use, not from the table.

use std::collections::BTreeSet;

use hyper::StatusCode;

use crate::auth::Caller;
use crate::http::refusal::Refusal;
use crate::route::role_permissions::{
    READ_APP_ROLES, READ_CONSENTS, READ_ELIGIBLE_ROLES, READ_PRINCIPALS, READ_ROLES, WRITE_APP_ROLES,
    WRITE_CONSENTS, WRITE_ELIGIBLE_ROLES, WRITE_ROLES,
};
use crate::route::service_permissions::{
    READ_CALENDAR_PERMISSIONS, READ_CALENDARS, READ_CHANNEL_MEMBERS, READ_CHANNELS, READ_DEVICES, READ_FILES,
    READ_FOLDERS, READ_MAIL, READ_MAILBOX_SETTINGS, READ_TEAM_MEMBERS, READ_TEAMS, RETIRE_DEVICES, SEND_MAIL,
    WIPE_DEVICES, WRITE_CALENDARS, WRITE_CHANNEL_MEMBERS, WRITE_FILES, WRITE_MAIL, WRITE_MAILBOX_SETTINGS,
    WRITE_TEAM_MEMBERS,
};
use crate::route::{
    CalendarOperation, DeviceOperation, DriveOperation, Operation, OwnerOperation, Right, TeamOperation,
};

const READ_USERS: &[&str] = &[
    "User.ReadBasic.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

/// More than `User.ReadBasic.All`, which shows names and addresses only.
const READ_USERS_FULLY: &[&str] =
    &["User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];

const CREATE_USERS: &[&str] = &["User.ReadWrite.All", "Directory.ReadWrite.All"];

const UPDATE_USERS: &[&str] = &[
    "User.ReadWrite.All",
    "Directory.ReadWrite.All",
    "User.EnableDisableAccount.All",
    "User-PasswordProfile.ReadWrite.All",
    "User-Phone.ReadWrite.All",
    "User-Mail.ReadWrite.All",
    "User-LifeCycleInfo.ReadWrite.All",
];

const DELETE_USERS: &[&str] = &["User.DeleteRestore.All", "User.ReadWrite.All"];

const READ_GROUPS: &[&str] = &[
    "Group.ReadBasic.All",
    "GroupMember.Read.All",
    "GroupMember.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

const READ_MEMBERS: &[&str] = &[
    "GroupMember.ReadBasic.All",
    "GroupMember.Read.All",
    "GroupMember.ReadWrite.All",
    "Group.ReadBasic.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

const READ_OWNERS: &[&str] = &[
    "GroupMember.Read.All",
    "GroupMember.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

const WRITE_MEMBERS: &[&str] =
    &["GroupMember.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All"];

const CREATE_GROUPS: &[&str] = &["Group.Create", "Group.ReadWrite.All", "Directory.ReadWrite.All"];

const UPDATE_GROUPS: &[&str] = &["Group.ReadWrite.All", "Directory.ReadWrite.All"];

const WRITE_OWNERS: &[&str] = &["Group.ReadWrite.All", "Directory.ReadWrite.All"];

const REVOKE_SESSIONS: &[&str] =
    &["User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All"];

const READ_SKUS: &[&str] = &[
    "LicenseAssignment.Read.All",
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

/// Not in the table; the least one from the operation's reference ("List subscriptions", 2025).
const READ_SUBSCRIPTIONS: &[&str] =
    &["Organization.Read.All", "Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"];

const READ_SIGN_INS: &[&str] = &["AuditLog.Read.All"];

/// Of `employeeLeaveDateTime`, by the type's reference ("user resource type", 2025).
const READ_LAST_DAYS: &[&str] = &["User-LifeCycleInfo.Read.All", "User-LifeCycleInfo.ReadWrite.All"];

const READ_LICENSE_DETAILS: &[&str] = &[
    "LicenseAssignment.Read.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

const ASSIGN_LICENSES: &[&str] =
    &["LicenseAssignment.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"];

const READ_ORGANIZATION: &[&str] = &[
    "DeviceManagementServiceConfig.Read.All",
    "DeviceManagementServiceConfig.ReadWrite.All",
    "DeviceManagementConfiguration.Read.All",
    "DeviceManagementConfiguration.ReadWrite.All",
    "User.Read.All",
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

const READ_METHODS: &[&str] =
    &["UserAuthenticationMethod.Read.All", "UserAuthenticationMethod.ReadWrite.All"];

/// Each kind has a permission of its own, too; removing every kind needs this one.
const WRITE_METHODS: &[&str] = &["UserAuthenticationMethod.ReadWrite.All"];

const READ_PASSES: &[&str] = &[
    "UserAuthMethod-TAP.Read.All",
    "UserAuthMethod-TAP.ReadWrite.All",
    "UserAuthenticationMethod.Read.All",
    "UserAuthenticationMethod.ReadWrite.All",
];

const WRITE_PASSES: &[&str] = &["UserAuthMethod-TAP.ReadWrite.All", "UserAuthenticationMethod.ReadWrite.All"];

const READ_REPORTS: &[&str] = &["Reports.Read.All"];

const READ_REPORT_SETTINGS: &[&str] = &["ReportSettings.Read.All", "ReportSettings.ReadWrite.All"];

const WRITE_REPORT_SETTINGS: &[&str] = &["ReportSettings.ReadWrite.All"];

/// Not one of Graph's.
const ADMINISTER_EXCHANGE: &[&str] = &["Exchange.ManageAsApp"];

/// Every permission some operation needs.
pub(crate) fn all() -> BTreeSet<&'static str> {
    let rows = [
        READ_USERS,
        UPDATE_USERS,
        DELETE_USERS,
        READ_GROUPS,
        READ_MEMBERS,
        WRITE_MEMBERS,
        WRITE_OWNERS,
        CREATE_GROUPS,
        READ_TEAMS,
        READ_TEAM_MEMBERS,
        WRITE_TEAM_MEMBERS,
        READ_CHANNELS,
        READ_CHANNEL_MEMBERS,
        REVOKE_SESSIONS,
        READ_SKUS,
        READ_SIGN_INS,
        READ_LAST_DAYS,
        ASSIGN_LICENSES,
        READ_CALENDARS,
        READ_FILES,
        WRITE_FILES,
        READ_FOLDERS,
        WRITE_MAIL,
        SEND_MAIL,
        READ_MAILBOX_SETTINGS,
        READ_ORGANIZATION,
        READ_PRINCIPALS,
        READ_METHODS,
        READ_PASSES,
        READ_DEVICES,
        RETIRE_DEVICES,
        READ_ROLES,
        READ_ELIGIBLE_ROLES,
        WRITE_APP_ROLES,
        WRITE_CONSENTS,
        READ_REPORT_SETTINGS,
    ];
    rows.into_iter().flatten().copied().collect()
}

/// The permissions of which the token must have one.
pub(crate) fn any_of(operation: &Operation<'_>) -> &'static [&'static str] {
    match operation {
        Operation::ListUsers | Operation::CountUsers | Operation::GetUser(_) => READ_USERS,
        Operation::CreateUser | Operation::SetManager(_) | Operation::RemoveManager(_) => CREATE_USERS,
        Operation::UpdateUser(_) => UPDATE_USERS,
        Operation::DeleteUser(_) | Operation::RestoreDeletedItem(_) | Operation::PurgeDeletedItem(_) => {
            DELETE_USERS
        }
        Operation::ListUserChanges
        | Operation::GetManager { .. }
        | Operation::ListDeletedUsers
        | Operation::GetDeletedUser(_)
        | Operation::GetDeletedItem(_) => READ_USERS_FULLY,
        Operation::RevokeSessions(_) => REVOKE_SESSIONS,
        Operation::ListMemberOf { .. } | Operation::ListMembers { .. } => READ_MEMBERS,
        Operation::Owner(OwnerOperation::ListOwned { .. })
        | Operation::ListDirectReports { .. }
        | Operation::ListTransitiveMemberOf { .. } => READ_USERS_FULLY,
        Operation::Owner(OwnerOperation::List { .. }) => READ_OWNERS,
        Operation::Owner(OwnerOperation::Add(_) | OwnerOperation::Remove { .. }) => WRITE_OWNERS,
        Operation::Team(operation) => team(operation),
        Operation::ListGroups | Operation::CountGroups | Operation::GetGroup(_) => READ_GROUPS,
        Operation::CreateGroup => CREATE_GROUPS,
        Operation::UpdateGroup(_) => UPDATE_GROUPS,
        Operation::AddMember(_) | Operation::RemoveMember { .. } | Operation::DeleteMember { .. } => {
            WRITE_MEMBERS
        }
        Operation::ListLicenseDetails(_) => READ_LICENSE_DETAILS,
        Operation::AssignLicense(_) => ASSIGN_LICENSES,
        Operation::Drive(operation) => any_of_drives(operation),
        Operation::ListMessages(_) | Operation::GetMessage { .. } => READ_MAIL,
        Operation::GetMailFolder { .. } => READ_FOLDERS,
        Operation::CreateDraft(_) | Operation::DeleteMessage { .. } => WRITE_MAIL,
        Operation::SendDraft { .. } | Operation::SendMail(_) => SEND_MAIL,
        Operation::GetMailboxSettings(_)
        | Operation::GetAutomaticReplies(_)
        | Operation::ListInboxRules(_) => READ_MAILBOX_SETTINGS,
        Operation::UpdateMailboxSettings(_)
        | Operation::CreateInboxRule(_)
        | Operation::DeleteInboxRule { .. } => WRITE_MAILBOX_SETTINGS,
        Operation::Calendars(_, operation) => any_of_calendars(operation),
        Operation::ListSubscribedSkus => READ_SKUS,
        Operation::ListSubscriptions => READ_SUBSCRIPTIONS,
        Operation::ListOrganization => READ_ORGANIZATION,
        Operation::ListPrincipals
        | Operation::GetPrincipal(_)
        | Operation::ListAppRoleAssignments(_)
        | Operation::ListPrincipalRoles { .. } => READ_PRINCIPALS,
        Operation::Right(operation) => any_of_rights(operation),
        Operation::ListMethods(_) => READ_METHODS,
        Operation::ListPasses(_) => READ_PASSES,
        Operation::IssuePass(_) | Operation::RemoveMethod { segment: "temporaryAccessPassMethods", .. } => {
            WRITE_PASSES
        }
        Operation::RemoveMethod { .. } => WRITE_METHODS,
        Operation::InvokeCommand(_) => ADMINISTER_EXCHANGE,
        Operation::Device(operation) => any_of_devices(operation),
        Operation::GetReport(_) => READ_REPORTS,
        Operation::GetReportSettings => READ_REPORT_SETTINGS,
        Operation::UpdateReportSettings => WRITE_REPORT_SETTINGS,
    }
}

fn team(operation: &TeamOperation<'_>) -> &'static [&'static str] {
    let (place, of_team, of_channel) = match operation {
        TeamOperation::ListJoined(_) | TeamOperation::Get(_) => return READ_TEAMS,
        TeamOperation::ListChannels(_) => return READ_CHANNELS,
        TeamOperation::ListMembers(place) => (place, READ_TEAM_MEMBERS, READ_CHANNEL_MEMBERS),
        TeamOperation::AddMember(place)
        | TeamOperation::UpdateMember { place, .. }
        | TeamOperation::RemoveMember { place, .. } => (place, WRITE_TEAM_MEMBERS, WRITE_CHANNEL_MEMBERS),
    };
    if place.channel.is_some() { of_channel } else { of_team }
}

fn any_of_calendars(operation: &CalendarOperation<'_>) -> &'static [&'static str] {
    match operation {
        CalendarOperation::List
        | CalendarOperation::Get
        | CalendarOperation::ListEvents
        | CalendarOperation::GetEvent(_)
        | CalendarOperation::ListInstances(_)
        | CalendarOperation::View => READ_CALENDARS,
        CalendarOperation::ListPermissions(_) => READ_CALENDAR_PERMISSIONS,
        CalendarOperation::Delete(_)
        | CalendarOperation::CreateEvent
        | CalendarOperation::AddPermission(_)
        | CalendarOperation::UpdatePermission { .. }
        | CalendarOperation::DeletePermission { .. }
        | CalendarOperation::DeleteEvent(_)
        | CalendarOperation::CancelEvent(_) => WRITE_CALENDARS,
    }
}

fn any_of_drives(operation: &DriveOperation<'_>) -> &'static [&'static str] {
    match operation {
        DriveOperation::GetDrive(_)
        | DriveOperation::GetDriveById(_)
        | DriveOperation::ListItemPermissions { .. }
        | DriveOperation::ListChildren { .. }
        | DriveOperation::Download { .. }
        | DriveOperation::ListDrivePermissions(_)
        | DriveOperation::ListDriveItems(_)
        | DriveOperation::GetItem { .. }
        | DriveOperation::GetChild { .. } => READ_FILES,
        DriveOperation::ShareDrive(_)
        | DriveOperation::ShareItem { .. }
        | DriveOperation::CreateFolder { .. }
        | DriveOperation::UploadFile { .. }
        | DriveOperation::CopyItem { .. } => WRITE_FILES,
    }
}

fn any_of_rights(operation: &Right<'_>) -> &'static [&'static str] {
    match operation {
        Right::ListRoles => READ_ROLES,
        Right::ListEligibleRoles => READ_ELIGIBLE_ROLES,
        Right::RemoveRole(_) => WRITE_ROLES,
        Right::RequestEligibility => WRITE_ELIGIBLE_ROLES,
        Right::ListAppRoles(_) => READ_APP_ROLES,
        Right::AssignAppRole(_) | Right::RemoveAppRole { .. } => WRITE_APP_ROLES,
        Right::ListConsents(_) => READ_CONSENTS,
        Right::RemoveConsent(_) => WRITE_CONSENTS,
    }
}

fn any_of_devices(operation: &DeviceOperation<'_>) -> &'static [&'static str] {
    match operation {
        DeviceOperation::List(_) => READ_DEVICES,
        DeviceOperation::ListOwned(_) => READ_USERS_FULLY,
        DeviceOperation::Retire(_) => RETIRE_DEVICES,
        DeviceOperation::Wipe(_) => WIPE_DEVICES,
    }
}

/// Whether the caller may write this property of a user.
pub(crate) fn may_write(caller: &Caller, property: &str) -> bool {
    let narrow = match property {
        "accountEnabled" => "User.EnableDisableAccount.All",
        "passwordProfile" => "User-PasswordProfile.ReadWrite.All",
        "businessPhones" | "mobilePhone" => "User-Phone.ReadWrite.All",
        "otherMails" => "User-Mail.ReadWrite.All",
        "employeeLeaveDateTime" => "User-LifeCycleInfo.ReadWrite.All",
        _ => return caller.has_any(CREATE_USERS),
    };
    let broad: &[&str] = match property {
        "passwordProfile" => &["User.ReadWrite.All"],
        "employeeLeaveDateTime" => &[],
        _ => CREATE_USERS,
    };
    // These narrow permissions need one to read users beside them.
    let sees = !["accountEnabled", "employeeLeaveDateTime"].contains(&property) || caller.has_any(READ_USERS);
    caller.has_any(broad) || (caller.has_any(&[narrow]) && sees)
}

/// Whether the caller sees more of a user than names and addresses.
pub(crate) fn reads_users_fully(caller: &Caller) -> bool {
    caller.has_any(READ_USERS_FULLY)
}

/// Whether the caller sees users at all.
pub(crate) fn reads_users(caller: &Caller) -> bool {
    caller.has_any(READ_USERS)
}

/// Whether the caller sees groups.
pub(crate) fn reads_groups(caller: &Caller) -> bool {
    caller.has_any(READ_GROUPS)
}

/// Whether the caller sees when users signed in.
pub(crate) fn reads_sign_ins(caller: &Caller) -> bool {
    caller.has_any(READ_SIGN_INS)
}

/// Whether the caller sees users' last day of work.
pub(crate) fn reads_last_days(caller: &Caller) -> bool {
    caller.has_any(READ_LAST_DAYS)
}

/// Whether the caller sees which directory roles a user holds.
pub(crate) fn reads_roles(caller: &Caller) -> bool {
    caller.has_any(READ_ROLES)
}

/// Whether the caller may change groups that may hold a directory role.
pub(crate) fn manages_role_groups(caller: &Caller) -> bool {
    caller.has_any(WRITE_ROLES)
}

/// Whether the caller may read applications: to assign somebody "also requires" it (permission table, 2026-08-07).
pub(crate) fn reads_principals(caller: &Caller) -> bool {
    caller.has_any(READ_PRINCIPALS)
}

/// Whether the caller may read devices of the directory, and not only their ids ("List ownedDevices", 2024).
pub(crate) fn reads_directory_devices(caller: &Caller) -> bool {
    caller.has_any(&[
        "Device.Read.All",
        "Device.ReadWrite.All",
        "Directory.Read.All",
        "Directory.ReadWrite.All",
    ])
}

/// Whether the caller sees who is in groups with hidden members ("List a user's direct memberships", 2026).
pub(crate) fn reads_hidden_members(caller: &Caller) -> bool {
    caller.has_any(&["Member.Read.Hidden"])
}

/// Whether the caller may make owners of teams, and remove them.
pub(crate) fn manages_team_owners(caller: &Caller) -> bool {
    caller.has_any(&["TeamMember.ReadWrite.All"])
}

/// Whether the caller may delete users.
pub(crate) fn deletes_users(caller: &Caller) -> bool {
    caller.has_any(DELETE_USERS)
}

/// The refusal of a caller without any of these permissions. Only reports and Teams have texts of their own.
pub(crate) fn denied(path: &[String], needed: &[&str], held: &[String]) -> Refusal {
    let path: Vec<&str> = path.iter().map(String::as_str).skip(1).collect();
    match *path {
        ["reports", ..] | ["admin", "reportSettings"] => {
            Refusal::new(StatusCode::FORBIDDEN, "S2SUnauthorized", "Invalid permission.")
        }
        [
            "users",
            _,
            "mailboxSettings" | "mailFolders" | "messages" | "sendMail" | "calendar" | "calendarView"
            | "calendars" | "events",
            ..,
        ] => {
            let message = "Access is denied. Check credentials and try again.";
            Refusal::new(StatusCode::FORBIDDEN, "ErrorAccessDenied", message)
        }
        ["teams", ..] | ["users", _, "joinedTeams" | "teamwork", ..] => Refusal::new(
            StatusCode::FORBIDDEN,
            "Forbidden",
            format!(
                "Missing role permissions on the request. API requires one of '{}'. Roles on the request \
                 '{}'. Resource specific consent grants on the request ''.",
                needed.join(", "),
                held.join(", ")
            ),
        ),
        _ => Refusal::denied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_permissions_only_if_graph_does() {
        let refusal = |path: &str| {
            let path: Vec<String> = path.split('/').map(str::to_owned).collect();
            let held = ["User.Read.All".to_owned()];
            let refusal = denied(&path, &["TeamMember.Read.All", "TeamMember.ReadWrite.All"], &held);
            (refusal.code, refusal.message)
        };
        let (code, message) = refusal("v1.0/teams/1/members");
        assert_eq!(code, "Forbidden");
        assert!(message.contains(
            "one of 'TeamMember.Read.All, TeamMember.ReadWrite.All'. Roles on the request 'User.Read.All'."
        ));
        assert_eq!(refusal("v1.0/reports/x").0, "S2SUnauthorized");
        assert_eq!(refusal("v1.0/users/1/mailboxSettings").0, "ErrorAccessDenied");
        assert_eq!(
            refusal("v1.0/users/1"),
            ("Authorization_RequestDenied".to_owned(), Refusal::denied().message)
        );
    }

    #[test]
    fn every_row_is_part_of_the_whole() {
        let all = all();
        let rows = [
            READ_USERS_FULLY,
            CREATE_USERS,
            READ_OWNERS,
            READ_LICENSE_DETAILS,
            READ_MAIL,
            READ_SUBSCRIPTIONS,
            READ_CALENDAR_PERMISSIONS,
            WRITE_CALENDARS,
            WRITE_MAILBOX_SETTINGS,
            WRITE_REPORT_SETTINGS,
        ];
        assert!(rows.into_iter().flatten().all(|permission| all.contains(permission)));
    }
}
