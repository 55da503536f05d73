//! Which properties of people a pass reads.

use msgraph::UserFields;

use crate::rows::user::{LEAVE_DATE, MANAGER};

/// Every property that a row has, under Graph's names. A change here is another list of fields: see `cursor.rs`.
const SELECT: [&str; 23] = [
    "id",
    "userPrincipalName",
    "displayName",
    "givenName",
    "surname",
    "mail",
    "mailNickname",
    "jobTitle",
    "department",
    "officeLocation",
    "companyName",
    "country",
    "usageLocation",
    "mobilePhone",
    "userType",
    "accountEnabled",
    "createdDateTime",
    "employeeId",
    "employeeType",
    "employeeHireDate",
    "onPremisesSyncEnabled",
    "externalUserState",
    "assignedLicenses",
];

/// The permission for [`LEAVE_DATE`] (Microsoft Graph documentation, "Configure the employeeLeaveDateTime property",
/// 2024). For a service account an administrator's role is needed as well.
pub(crate) const LEAVE_DATE_PERMISSION: &str = "User-LifeCycleInfo.Read.All";

/// How to ask for the manager. Graph takes the second where it refuses the first (microsoft-graph-docs issues 1029,
/// 2019, and 18615, 2022).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Managers {
    Expanded,
    ExpandedOneLevel,
    Unread,
}

/// What a pass reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) leave_dates: bool,
    pub(crate) managers: Managers,
}

impl Fields {
    /// The properties to select.
    pub(crate) fn select(self) -> Vec<&'static str> {
        let leave_date = self.leave_dates.then_some("employeeLeaveDateTime");
        SELECT.into_iter().chain(leave_date).collect()
    }

    /// The properties to select in a round of changes, which has no `$expand`.
    pub(crate) fn select_of_delta(self) -> Vec<&'static str> {
        self.select().into_iter().chain(["manager"]).collect()
    }

    /// The same as a request.
    pub(crate) fn of<'a>(self, select: &'a [&'a str]) -> UserFields<'a> {
        let expand = match self.managers {
            Managers::Expanded => Some("manager($select=id)"),
            Managers::ExpandedOneLevel => Some("manager($levels=1;$select=id)"),
            Managers::Unread => None,
        };
        UserFields { expand, ..UserFields::of(select) }
    }

    /// The columns that are not read.
    pub(crate) fn unknown(self) -> &'static [&'static str] {
        match (self.leave_dates, self.managers) {
            (true, Managers::Unread) => &[MANAGER],
            (true, _) => &[],
            (false, Managers::Unread) => &[LEAVE_DATE, MANAGER],
            (false, _) => &[LEAVE_DATE],
        }
    }
}
