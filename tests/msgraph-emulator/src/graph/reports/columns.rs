//! The columns of every report, exactly and in order, and where each value comes from.
//!
//! As in Microsoft's documentation and in reports of 2020 to 2026; the README names the sources.

use crate::tenant::reports::habits::Used;

/// The name of a column, and what is in it.
pub(super) type Column = (&'static str, Cell);

/// What is in a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell {
    Refresh,
    Period,
    Upn,
    DisplayName,
    UserId,
    Tenant,
    Products,
    /// When the account was made.
    Created,
    /// When the apps were installed, which says nothing about their use.
    Activated,
    /// Whether any of these was used.
    Uses(Used),
    /// The last day on which any of these was used.
    Last(Used),
    /// A number below this one, or zero for who used none of these.
    Figure(Used, u64),
    /// The same for everybody.
    Fixed(&'static str),
}

pub(super) const OUTLOOK: Used = Used::app(0);
pub(super) const WORD: Used = Used::app(1);
pub(super) const EXCEL: Used = Used::app(2);
pub(super) const POWERPOINT: Used = Used::app(3);
pub(super) const ONENOTE: Used = Used::app(4);
pub(super) const TEAMS: Used = Used::app(5);
/// Who uses these opens files, and so OneDrive and SharePoint.
pub(super) const FILES: Used = WORD.and(EXCEL).and(POWERPOINT);
pub(super) const ALL: Used = OUTLOOK.and(FILES).and(ONENOTE).and(TEAMS);

const NONE: Cell = Cell::Fixed("");
/// `Is Deleted` was seen always false (microsoft-graph-docs 7568 and 13586, 2020 and 2021).
const FALSE: Cell = Cell::Fixed("False");

const fn on(app: u32, platform: u32) -> Cell {
    Cell::Uses(Used::on(app, platform))
}

pub(super) const APP_USERS: &[Column] = &[
    ("Report Refresh Date", Cell::Refresh),
    ("User Principal Name", Cell::Upn),
    ("Last Activation Date", Cell::Activated),
    ("Last Activity Date", Cell::Last(ALL)),
    ("Report Period", Cell::Period),
    ("Windows", Cell::Uses(Used::platform(0))),
    ("Mac", Cell::Uses(Used::platform(1))),
    ("Mobile", Cell::Uses(Used::platform(2))),
    ("Web", Cell::Uses(Used::platform(3))),
    ("Outlook", Cell::Uses(OUTLOOK)),
    ("Word", Cell::Uses(WORD)),
    ("Excel", Cell::Uses(EXCEL)),
    ("PowerPoint", Cell::Uses(POWERPOINT)),
    ("OneNote", Cell::Uses(ONENOTE)),
    ("Teams", Cell::Uses(TEAMS)),
    ("Outlook (Windows)", on(0, 0)),
    ("Word (Windows)", on(1, 0)),
    ("Excel (Windows)", on(2, 0)),
    ("PowerPoint (Windows)", on(3, 0)),
    ("OneNote (Windows)", on(4, 0)),
    ("Teams (Windows)", on(5, 0)),
    ("Outlook (Mac)", on(0, 1)),
    ("Word (Mac)", on(1, 1)),
    ("Excel (Mac)", on(2, 1)),
    ("PowerPoint (Mac)", on(3, 1)),
    ("OneNote (Mac)", on(4, 1)),
    ("Teams (Mac)", on(5, 1)),
    ("Outlook (Mobile)", on(0, 2)),
    ("Word (Mobile)", on(1, 2)),
    ("Excel (Mobile)", on(2, 2)),
    ("PowerPoint (Mobile)", on(3, 2)),
    ("OneNote (Mobile)", on(4, 2)),
    ("Teams (Mobile)", on(5, 2)),
    ("Outlook (Web)", on(0, 3)),
    ("Word (Web)", on(1, 3)),
    ("Excel (Web)", on(2, 3)),
    ("PowerPoint (Web)", on(3, 3)),
    ("OneNote (Web)", on(4, 3)),
    ("Teams (Web)", on(5, 3)),
];

pub(super) const ACTIVE_USERS: &[Column] = &[
    ("Report Refresh Date", Cell::Refresh),
    ("User Principal Name", Cell::Upn),
    ("Display Name", Cell::DisplayName),
    ("Is Deleted", FALSE),
    ("Deleted Date", NONE),
    ("Has Exchange License", Cell::Fixed("True")),
    ("Has OneDrive License", Cell::Fixed("True")),
    ("Has SharePoint License", Cell::Fixed("True")),
    ("Has Skype For Business License", FALSE),
    ("Has Yammer License", FALSE),
    ("Has Teams License", Cell::Fixed("True")),
    ("Exchange Last Activity Date", Cell::Last(OUTLOOK)),
    ("OneDrive Last Activity Date", Cell::Last(FILES)),
    ("SharePoint Last Activity Date", Cell::Last(FILES)),
    ("Skype For Business Last Activity Date", NONE),
    ("Yammer Last Activity Date", NONE),
    ("Teams Last Activity Date", Cell::Last(TEAMS)),
    ("Exchange License Assign Date", Cell::Created),
    ("OneDrive License Assign Date", Cell::Created),
    ("SharePoint License Assign Date", Cell::Created),
    ("Skype For Business License Assign Date", NONE),
    ("Yammer License Assign Date", NONE),
    ("Teams License Assign Date", Cell::Created),
    ("Assigned Products", Cell::Products),
];

pub(super) const ACTIVATIONS: &[Column] = &[
    ("Report Refresh Date", Cell::Refresh),
    ("User Principal Name", Cell::Upn),
    ("Display Name", Cell::DisplayName),
    ("Product Type", Cell::Fixed("MICROSOFT 365 APPS FOR ENTERPRISE")),
    ("Last Activated Date", Cell::Activated),
    ("Windows", Cell::Figure(Used::platform(0), 3)),
    ("Mac", Cell::Figure(Used::platform(1), 2)),
    ("Windows 10 Mobile", Cell::Fixed("0")),
    ("iOS", Cell::Figure(Used::platform(2), 2)),
    ("Android", Cell::Figure(Used::platform(2), 2)),
    ("Activated On Shared Computer", FALSE),
];

pub(super) const EMAIL_ACTIVITY: &[Column] = &[
    ("Report Refresh Date", Cell::Refresh),
    ("User Principal Name", Cell::Upn),
    ("Display Name", Cell::DisplayName),
    ("Is Deleted", FALSE),
    ("Deleted Date", NONE),
    ("Last Activity Date", Cell::Last(OUTLOOK)),
    ("Send Count", Cell::Figure(OUTLOOK, 40)),
    ("Receive Count", Cell::Figure(OUTLOOK, 120)),
    ("Read Count", Cell::Figure(OUTLOOK, 90)),
    ("Meeting Created Count", Cell::Figure(OUTLOOK, 4)),
    ("Meeting Interacted Count", Cell::Figure(OUTLOOK, 9)),
    ("Assigned Products", Cell::Products),
    ("Report Period", Cell::Period),
];

pub(super) const EMAIL_APPS: &[Column] = &[
    ("Report Refresh Date", Cell::Refresh),
    ("User Principal Name", Cell::Upn),
    ("Display Name", Cell::DisplayName),
    ("Is Deleted", FALSE),
    ("Deleted Date", NONE),
    ("Last Activity Date", Cell::Last(OUTLOOK)),
    ("Mail For Mac", FALSE),
    ("Outlook For Mac", on(0, 1)),
    ("Outlook For Windows", on(0, 0)),
    ("Outlook For Mobile", on(0, 2)),
    ("Other For Mobile", FALSE),
    ("Outlook For Web", on(0, 3)),
    ("POP3 App", FALSE),
    ("IMAP4 App", FALSE),
    ("SMTP App", FALSE),
    ("Report Period", Cell::Period),
];

const TALKS: Cell = Cell::Figure(TEAMS, 30);
const MEETINGS: Cell = Cell::Figure(TEAMS, 6);

pub(super) const TEAMS_ACTIVITY: &[Column] = &[
    ("Report Refresh Date", Cell::Refresh),
    ("Tenant Display Name", Cell::Tenant),
    ("Shared Channel Tenant Display Names", NONE),
    ("User Id", Cell::UserId),
    ("User Principal Name", Cell::Upn),
    ("Last Activity Date", Cell::Last(TEAMS)),
    ("Is Deleted", FALSE),
    ("Deleted Date", NONE),
    ("Assigned Products", Cell::Products),
    ("Team Chat Message Count", TALKS),
    ("Private Chat Message Count", TALKS),
    ("Call Count", MEETINGS),
    ("Meeting Count", MEETINGS),
    ("Post Messages", TALKS),
    ("Reply Messages", TALKS),
    ("Urgent Messages", MEETINGS),
    ("Meetings Organized Count", MEETINGS),
    ("Meetings Attended Count", MEETINGS),
    ("Ad Hoc Meetings Organized Count", MEETINGS),
    ("Ad Hoc Meetings Attended Count", MEETINGS),
    ("Scheduled One-time Meetings Organized Count", MEETINGS),
    ("Scheduled One-time Meetings Attended Count", MEETINGS),
    ("Scheduled Recurring Meetings Organized Count", MEETINGS),
    ("Scheduled Recurring Meetings Attended Count", MEETINGS),
    ("Audio Duration", Cell::Fixed("PT0S")),
    ("Video Duration", Cell::Fixed("PT0S")),
    ("Screen Share Duration", Cell::Fixed("PT0S")),
    ("Audio Duration In Seconds", Cell::Fixed("0")),
    ("Video Duration In Seconds", Cell::Fixed("0")),
    ("Screen Share Duration In Seconds", Cell::Fixed("0")),
    ("Has Other Action", Cell::Fixed("No")),
    ("Is Licensed", Cell::Fixed("Yes")),
    ("Report Period", Cell::Period),
];

pub(super) const TEAMS_DEVICES: &[Column] = &[
    ("Report Refresh Date", Cell::Refresh),
    ("User Id", Cell::UserId),
    ("User Principal Name", Cell::Upn),
    ("Last Activity Date", Cell::Last(TEAMS)),
    ("Is Deleted", FALSE),
    ("Deleted Date", NONE),
    ("Used Web", on(5, 3)),
    ("Used Windows Phone", Cell::Fixed("No")),
    ("Used iOS", on(5, 2)),
    ("Used Mac", on(5, 1)),
    ("Used Android Phone", Cell::Fixed("No")),
    ("Used Windows", on(5, 0)),
    ("Used Chrome OS", Cell::Fixed("No")),
    ("Used Linux", Cell::Fixed("No")),
    ("Is Licensed", Cell::Fixed("Yes")),
    ("Report Period", Cell::Period),
];

pub(super) const ONEDRIVE_ACTIVITY: &[Column] = &[
    ("Report Refresh Date", Cell::Refresh),
    ("User Principal Name", Cell::Upn),
    ("Is Deleted", FALSE),
    ("Deleted Date", NONE),
    ("Last Activity Date", Cell::Last(FILES)),
    ("Viewed Or Edited File Count", Cell::Figure(FILES, 50)),
    ("Synced File Count", Cell::Figure(FILES, 20)),
    ("Shared Internally File Count", Cell::Figure(FILES, 5)),
    ("Shared Externally File Count", Cell::Figure(FILES, 2)),
    ("Assigned Products", Cell::Products),
    ("Report Period", Cell::Period),
];

pub(super) const SHAREPOINT_ACTIVITY: &[Column] = &[
    ("Report Refresh Date", Cell::Refresh),
    ("User Principal Name", Cell::Upn),
    ("Is Deleted", FALSE),
    ("Deleted Date", NONE),
    ("Last Activity Date", Cell::Last(FILES)),
    ("Viewed Or Edited File Count", Cell::Figure(FILES, 50)),
    ("Synced File Count", Cell::Figure(FILES, 20)),
    ("Shared Internally File Count", Cell::Figure(FILES, 5)),
    ("Shared Externally File Count", Cell::Figure(FILES, 2)),
    ("Visited Page Count", Cell::Figure(FILES, 60)),
    ("Assigned Products", Cell::Products),
    ("Report Period", Cell::Period),
];

pub(super) const MAILBOXES: &[Column] = &[
    ("Report Refresh Date", Cell::Refresh),
    ("User Principal Name", Cell::Upn),
    ("Display Name", Cell::DisplayName),
    ("Is Deleted", FALSE),
    ("Deleted Date", NONE),
    ("Created Date", Cell::Created),
    ("Last Activity Date", Cell::Last(OUTLOOK)),
    ("Item Count", Cell::Figure(OUTLOOK, 90_000)),
    ("Storage Used (Byte)", Cell::Figure(OUTLOOK, 50_000_000_000)),
    ("Issue Warning Quota (Byte)", Cell::Fixed("105226698752")),
    ("Prohibit Send Quota (Byte)", Cell::Fixed("106300440576")),
    ("Prohibit Send/Receive Quota (Byte)", Cell::Fixed("107374182400")),
    ("Deleted Item Count", Cell::Figure(OUTLOOK, 900)),
    ("Deleted Item Size (Byte)", Cell::Figure(OUTLOOK, 90_000_000)),
    ("Deleted Item Quota (Byte)", Cell::Fixed("32212254720")),
    ("Has Archive", FALSE),
    ("Recipient Type", Cell::Fixed("User")),
    ("Report Period", Cell::Period),
];

pub(super) const COPILOT: &[Column] = &[
    ("Report Refresh Date", Cell::Refresh),
    ("User Principal Name", Cell::Upn),
    ("Display Name", Cell::DisplayName),
    ("Last Activity Date", Cell::Last(TEAMS.and(WORD))),
    ("Microsoft Teams Copilot Last Activity Date", Cell::Last(TEAMS)),
    ("Word Copilot Last Activity Date", Cell::Last(WORD)),
    ("Excel Copilot Last Activity Date", NONE),
    ("PowerPoint Copilot Last Activity Date", NONE),
    ("Outlook Copilot Last Activity Date", NONE),
    ("OneNote Copilot Last Activity Date", NONE),
    ("Loop Copilot Last Activity Date", NONE),
    ("Copilot Chat Last Activity Date", NONE),
];
