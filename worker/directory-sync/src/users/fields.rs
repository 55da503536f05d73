//! Which properties of people a pass reads.

use msgraph::{Grants, UserFields};

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

/// The permission for the leave date.
const LEAVE_DATE_PERMISSION: &str = "User-LifeCycleInfo.Read.All";
/// Templates of the roles of which a service account needs one as well: Lifecycle Workflows Administrator, Global
/// Reader, Global Administrator.
const LEAVE_DATE_ROLES: [&str; 3] = [
    "59d46f88-662b-457b-bceb-5c3809e5908f",
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "62e90394-69f5-4237-9190-012177145e10",
];

/// Why leave dates are hidden, if they are (Microsoft Graph documentation, "user resource type", 2024). Graph then
/// answers with an empty date and no error (seen in a report of 2026), so the token has to tell.
pub(crate) fn why_leave_dates_are_hidden(grants: &Grants) -> Option<String> {
    if !grants.covers(LEAVE_DATE_PERMISSION) {
        return Some(format!("grant {LEAVE_DATE_PERMISSION}"));
    }
    let roles = grants.role_templates.iter().flatten();
    let mut may = roles.filter(|role| LEAVE_DATE_ROLES.iter().any(|may| may.eq_ignore_ascii_case(role)));
    let is_hidden = grants.is_delegated && may.next().is_none();
    is_hidden
        .then(|| "give the service account the role Global Reader; it counts with the next token".to_owned())
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_leave_date_is_believed_only_of_a_token_that_may_see_it() {
        let grants = |permission: &str, is_delegated, roles: Option<&[&str]>| Grants {
            permissions: [permission.to_owned()].into(),
            is_delegated,
            object_id: None,
            role_templates: roles.map(|roles| roles.iter().map(|role| (*role).to_owned()).collect()),
        };
        let is_hidden = |grants| why_leave_dates_are_hidden(&grants).is_some();
        assert!(is_hidden(grants("User.Read.All", false, None)));
        assert!(!is_hidden(grants(LEAVE_DATE_PERMISSION, false, None)));
        assert!(is_hidden(grants(LEAVE_DATE_PERMISSION, true, None)));
        assert!(is_hidden(grants(
            LEAVE_DATE_PERMISSION,
            true,
            Some(&["88d8e3e3-8f55-4a1e-953a-9b9898b8876b"])
        )));
        assert!(!is_hidden(grants(LEAVE_DATE_PERMISSION, true, Some(&LEAVE_DATE_ROLES[1..2]))));
    }
}
