//! The permissions that operations of the services beside the directory need: Outlook, SharePoint, Teams and Intune.

pub(super) const READ_CALENDARS: &[&str] = &["Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite"];

/// Not in the table; from the reference of the operation ("Get calendarPermission", 2026).
pub(super) const READ_CALENDAR_PERMISSIONS: &[&str] = &["Calendars.Read", "Calendars.ReadWrite"];

pub(super) const WRITE_CALENDARS: &[&str] = &["Calendars.ReadWrite"];

pub(super) const READ_FILES: &[&str] =
    &["Files.Read.All", "Files.ReadWrite.All", "Sites.Read.All", "Sites.ReadWrite.All"];

pub(super) const WRITE_FILES: &[&str] = &["Files.ReadWrite.All", "Sites.ReadWrite.All"];

pub(super) const READ_MAIL: &[&str] = &["Mail.Read", "Mail.ReadWrite"];

pub(super) const READ_FOLDERS: &[&str] = &["Mail.ReadBasic.All", "Mail.Read", "Mail.ReadWrite"];

pub(super) const WRITE_MAIL: &[&str] = &["Mail.ReadWrite"];

pub(super) const SEND_MAIL: &[&str] = &["Mail.Send"];

pub(super) const READ_MAILBOX_SETTINGS: &[&str] = &["MailboxSettings.Read", "MailboxSettings.ReadWrite"];

pub(super) const WRITE_MAILBOX_SETTINGS: &[&str] = &["MailboxSettings.ReadWrite"];

pub(super) const READ_DEVICES: &[&str] =
    &["DeviceManagementManagedDevices.Read.All", "DeviceManagementManagedDevices.ReadWrite.All"];

pub(super) const RETIRE_DEVICES: &[&str] = &["DeviceManagementManagedDevices.PrivilegedOperations.All"];

pub(super) const WIPE_DEVICES: &[&str] = &[
    "DeviceManagementManagedDevices.ReadWrite.All",
    "DeviceManagementManagedDevices.PrivilegedOperations.All",
];

pub(super) const READ_TEAM_MEMBERS: &[&str] = &["TeamMember.Read.All", "TeamMember.ReadWrite.All"];

/// The narrower permission is for members who are not owners.
pub(super) const WRITE_TEAM_MEMBERS: &[&str] =
    &["TeamMember.ReadWriteNonOwnerRole.All", "TeamMember.ReadWrite.All"];

pub(super) const READ_CHANNELS: &[&str] = &[
    "Channel.ReadBasic.All",
    "ChannelSettings.Read.All",
    "ChannelSettings.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];

pub(super) const READ_CHANNEL_MEMBERS: &[&str] = &["ChannelMember.Read.All", "ChannelMember.ReadWrite.All"];

pub(super) const WRITE_CHANNEL_MEMBERS: &[&str] = &["ChannelMember.ReadWrite.All"];

pub(super) const READ_TEAMS: &[&str] = &[
    "Team.ReadBasic.All",
    "TeamSettings.Read.All",
    "TeamSettings.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
];
