//! Calendars and their permissions.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::request::{Query, Write};
use crate::mail::mailbox::in_mailbox;
use crate::mail::recipient::EmailAddress;

/// Outlook's own page is ten.
const PAGE: usize = 100;

/// A calendar in a mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Calendar {
    pub id: String,
    pub name: Option<String>,
    pub is_default_calendar: Option<bool>,
    /// Birthdays, holidays and the default calendar are not removable.
    pub is_removable: Option<bool>,
    pub can_edit: Option<bool>,
    /// Only its creator can share a calendar.
    pub can_share: Option<bool>,
    pub owner: Option<EmailAddress>,
}

/// A permission on a calendar.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct CalendarPermission {
    pub id: String,
    /// The permission of the whole organization cannot be removed.
    pub is_removable: Option<bool>,
    /// `none`, `freeBusyRead`, `limitedRead`, `read`, `write` and those of delegates.
    pub role: Option<String>,
    /// Without an address for the permission of the whole organization.
    pub email_address: Option<EmailAddress>,
}

/// The body that shares a calendar.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewPermission<'a> {
    email_address: EmailAddress,
    is_inside_organization: bool,
    is_removable: bool,
    role: &'a str,
}

#[derive(Serialize)]
struct RolePatch<'a> {
    role: &'a str,
}

impl Reader<'_> {
    /// The calendars of a mailbox, including those that others shared; `None` if there is no mailbox, or not yet.
    pub async fn calendars(self, user_id: &str) -> Result<Option<Vec<Calendar>>, Error> {
        in_mailbox(self.list(Query::new(&["users", user_id, "calendars"])?.page_size(PAGE)).await)
    }

    /// The permissions on a calendar, without its owner's; `None` if the calendar does not exist.
    pub async fn calendar_permissions(
        self,
        user_id: &str,
        calendar_id: &str,
    ) -> Result<Option<Vec<CalendarPermission>>, Error> {
        let segments = ["users", user_id, "calendars", calendar_id, "calendarPermissions"];
        in_mailbox(self.list(Query::new(&segments)?.page_size(PAGE)).await)
    }
}

impl Writer<'_> {
    /// Deletes a calendar with its content. A calendar that another person shared is only no longer shown.
    pub async fn delete_calendar(self, user_id: &str, calendar_id: &str) -> Result<(), Error> {
        self.remove(&["users", user_id, "calendars", calendar_id]).await
    }

    /// Shares a calendar with a person of the organization, in this role.
    ///
    /// # Errors
    ///
    /// [`is_ambiguous`](Error::is_ambiguous) when the answer is lost: look for the permission before adding another.
    pub async fn add_calendar_permission(
        self,
        user_id: &str,
        calendar_id: &str,
        address: &str,
        role: &str,
    ) -> Result<(), Error> {
        // Clients were seen to need a name beside the address (msgraph-sdk-powershell issue 2296, 2023).
        let name = Some(address.to_owned());
        let permission = NewPermission {
            email_address: EmailAddress { address: name.clone(), name },
            is_inside_organization: true,
            is_removable: true,
            role,
        };
        let segments = ["users", user_id, "calendars", calendar_id, "calendarPermissions"];
        self.send(Write::post(&segments)?.json(&permission)?).await
    }

    /// Gives a permission on a calendar another role, which is all that Graph changes of it (Microsoft Graph
    /// documentation, "calendarPermission resource type", 2026).
    pub async fn set_calendar_role(
        self,
        user_id: &str,
        calendar_id: &str,
        permission_id: &str,
        role: &str,
    ) -> Result<(), Error> {
        let segments = ["users", user_id, "calendars", calendar_id, "calendarPermissions", permission_id];
        self.send(Write::patch(&segments)?.json(&RolePatch { role })?).await
    }

    /// Removes a permission on a calendar.
    pub async fn delete_calendar_permission(
        self,
        user_id: &str,
        calendar_id: &str,
        permission_id: &str,
    ) -> Result<(), Error> {
        let segments = ["users", user_id, "calendars", calendar_id, "calendarPermissions", permission_id];
        self.remove(&segments).await
    }
}
