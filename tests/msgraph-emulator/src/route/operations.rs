//! Every operation of the emulated Graph, with the keys from its path.

/// Every operation of the emulated Graph, with the keys from its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation<'a> {
    ListUsers,
    CountUsers,
    /// `/users/delta`.
    ListUserChanges,
    CreateUser,
    GetUser(&'a str),
    UpdateUser(&'a str),
    DeleteUser(&'a str),
    GetManager {
        user: &'a str,
        reference: bool,
    },
    SetManager(&'a str),
    RemoveManager(&'a str),
    RevokeSessions(&'a str),
    /// `cast` leaves only groups.
    ListMemberOf {
        user: &'a str,
        cast: bool,
    },
    /// Groups and directory roles, through groups as well.
    ListTransitiveMemberOf {
        user: &'a str,
        cast: bool,
    },
    /// `cast` says that reports are users, which they all are.
    ListDirectReports {
        user: &'a str,
        cast: bool,
    },
    ListLicenseDetails(&'a str),
    AssignLicense(&'a str),
    Drive(DriveOperation<'a>),
    Device(DeviceOperation<'a>),
    /// Of Exchange's administration, which is not behind Graph.
    InvokeCommand(&'a str),
    ListMessages(&'a str),
    CreateDraft(&'a str),
    GetMessage {
        user: &'a str,
        message: &'a str,
    },
    /// Without a draft before it.
    SendMail(&'a str),
    DeleteMessage {
        user: &'a str,
        message: &'a str,
    },
    SendDraft {
        user: &'a str,
        message: &'a str,
    },
    GetMailboxSettings(&'a str),
    GetAutomaticReplies(&'a str),
    UpdateMailboxSettings(&'a str),
    ListInboxRules(&'a str),
    CreateInboxRule(&'a str),
    GetMailFolder {
        user: &'a str,
        folder: &'a str,
    },
    DeleteInboxRule {
        user: &'a str,
        rule: &'a str,
    },
    /// Of a user.
    Calendars(&'a str, CalendarOperation<'a>),
    ListGroups,
    CountGroups,
    CreateGroup,
    UpdateGroup(&'a str),
    GetGroup(&'a str),
    /// `cast` leaves only members of this type.
    ListMembers {
        group: &'a str,
        cast: Option<&'a str>,
    },
    Owner(OwnerOperation<'a>),
    AddMember(&'a str),
    RemoveMember {
        group: &'a str,
        member: &'a str,
    },
    /// Without `/$ref`: the member itself is deleted.
    DeleteMember {
        group: &'a str,
        member: &'a str,
    },
    Team(TeamOperation<'a>),
    ListSubscribedSkus,
    /// `/directory/subscriptions`.
    ListSubscriptions,
    ListOrganization,
    ListDeletedUsers,
    GetDeletedUser(&'a str),
    /// Without a type in the path: of a directory object only the id and the type are shown.
    GetDeletedItem(&'a str),
    RestoreDeletedItem(&'a str),
    PurgeDeletedItem(&'a str),
    Right(Right<'a>),
    ListMethods(&'a str),
    RemoveMethod {
        user: &'a str,
        segment: &'a str,
        method: &'a str,
    },
    ListPasses(&'a str),
    IssuePass(&'a str),
    ListPrincipals,
    /// By id, or by `appId='…'`.
    GetPrincipal(&'a str),
    ListAppRoleAssignments(&'a str),
    /// `cast` leaves only directory roles, which are all there are.
    ListPrincipalRoles {
        principal: &'a str,
        cast: bool,
    },
    /// By the function's call: `getM365AppUserDetail(period='D7')`.
    GetReport(&'a str),
    GetReportSettings,
    UpdateReportSettings,
}

/// Operations on a user's calendars and events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CalendarOperation<'a> {
    List,
    Delete(&'a str),
    ListPermissions(&'a str),
    AddPermission(&'a str),
    UpdatePermission {
        calendar: &'a str,
        permission: &'a str,
    },
    DeletePermission {
        calendar: &'a str,
        permission: &'a str,
    },
    /// The primary one.
    Get,
    /// Of the primary calendar.
    ListEvents,
    CreateEvent,
    GetEvent(&'a str),
    /// What happens in a window of time.
    View,
    /// What of a series happens in a window of time.
    ListInstances(&'a str),
    DeleteEvent(&'a str),
    CancelEvent(&'a str),
}

/// Operations on owners of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnerOperation<'a> {
    /// The groups of one owner; `cast` says that they are groups.
    ListOwned {
        user: &'a str,
        cast: bool,
    },
    /// `cast` says that owners are users, which they all are.
    List {
        group: &'a str,
        cast: bool,
    },
    Add(&'a str),
    Remove {
        group: &'a str,
        owner: &'a str,
    },
}

/// Operations on directory roles, assignments to applications, and consents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right<'a> {
    ListRoles,
    /// Of those who may activate a role and have not.
    ListEligibleRoles,
    RemoveRole(&'a str),
    /// To take an eligibility back, for one.
    RequestEligibility,
    ListAppRoles(&'a str),
    /// By the application.
    AssignAppRole(&'a str),
    RemoveAppRole {
        resource: &'a str,
        assignment: &'a str,
    },
    ListConsents(&'a str),
    RemoveConsent(&'a str),
}

/// Operations on devices that Intune manages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceOperation<'a> {
    List(&'a str),
    /// Those of the directory.
    ListOwned(&'a str),
    Retire(&'a str),
    Wipe(&'a str),
}

/// Operations on a drive, by its owner, and on items, by the drive's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DriveOperation<'a> {
    /// Of a user.
    GetDrive(&'a str),
    /// By the drive's id.
    GetDriveById(&'a str),
    ListDrivePermissions(&'a str),
    ShareDrive(&'a str),
    /// The same two by the drive's id; the item is the root.
    ListItemPermissions {
        drive: &'a str,
        item: &'a str,
    },
    ShareItem {
        drive: &'a str,
        item: &'a str,
    },
    ListChildren {
        drive: &'a str,
        item: &'a str,
    },
    Download {
        drive: &'a str,
        item: &'a str,
    },
    /// `/drives/{id}/root/delta`: every item.
    ListDriveItems(&'a str),
    GetItem {
        drive: &'a str,
        item: &'a str,
    },
    /// `/items/{id}:/{name}`.
    GetChild {
        drive: &'a str,
        folder: &'a str,
        name: &'a str,
    },
    CreateFolder {
        drive: &'a str,
        folder: &'a str,
    },
    /// `/items/{id}:/{name}:/content`.
    UploadFile {
        drive: &'a str,
        folder: &'a str,
        name: &'a str,
    },
    CopyItem {
        drive: &'a str,
        item: &'a str,
    },
}

/// Operations on teams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TeamOperation<'a> {
    /// Of a user.
    ListJoined(&'a str),
    Get(&'a str),
    ListChannels(&'a str),
    ListMembers(Place<'a>),
    AddMember(Place<'a>),
    UpdateMember {
        place: Place<'a>,
        membership: &'a str,
    },
    RemoveMember {
        place: Place<'a>,
        membership: &'a str,
    },
}

/// The place of a member: a team, or a channel with members of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) team: &'a str,
    pub(crate) channel: Option<&'a str>,
}
