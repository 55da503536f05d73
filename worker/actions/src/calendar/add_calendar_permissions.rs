//! Makes true: the person's calendars are shared with these people, in these roles.
//!
//! **Needs** `Calendars.ReadWrite` and `User.Read.All`.
//! **Refuses** `user_not_found`; `permission_missing`. **Waits** while Exchange creates the mailbox.
//! **Leaves** `calendar_not_found` (the calendar is gone, or another person's); `recipient_outside` (an operator
//! decides whether a calendar is shared outside again); `recipient_not_found` (no person has the address; it may be a
//! group's); `calendar_role_unsupported` (Graph shows the role and does not give it). Without a mailbox it says so.
//! **Idempotent because** it reads each calendar's permissions, adds the missing ones and changes a different role,
//! which is all that Graph changes of a permission.

use std::collections::BTreeSet;
use std::fmt;

use futures_util::future::{try_join, try_join_all};
use msgraph::{Calendar, CalendarPermission, Writer};
use outcome::{Left, Needs};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::mail::mailbox::{self, Mailbox};
use crate::mail::recipient;
use crate::{Account, Action, Error, PersonRef, Plan, View};

/// The roles that Graph gives. It also shows `none` and `custom` ("calendarPermission resource type", 2026).
const ROLES: [&str; 6] = [
    "freeBusyRead",
    "limitedRead",
    "read",
    "write",
    "delegateWithoutPrivateEventAccess",
    "delegateWithPrivateEventAccess",
];

/// See the file's head.
pub struct AddCalendarPermissions;

/// The person and the permissions.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Whether to wait for a mailbox that Exchange still has to create. Defaults to yes, unless the person leaves.
    #[serde(default = "mailbox::waits")]
    wait_for_mailbox: bool,
    /// The permissions.
    permissions: Vec<Sharing>,
}

/// A permission on a calendar.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sharing {
    /// The calendar's id. Defaults to the primary calendar.
    #[serde(default)]
    calendar: Option<String>,
    /// The address of the person with whom it is shared.
    address: String,
    /// The role, by Graph's name, such as `read` or `write`.
    role: String,
}

/// The mailbox, the addresses outside of the organization, and those that somebody has.
pub struct Observed {
    mailbox: Mailbox<Vec<Shared>>,
    outside: BTreeSet<String>,
    people: BTreeSet<String>,
}

/// A calendar with its permissions.
pub struct Shared {
    calendar: Calendar,
    permissions: Vec<CalendarPermission>,
}

/// One write that is missing.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// Shares a calendar.
    Add {
        /// The account.
        user: Account,
        /// The calendar's id.
        calendar: String,
        /// The place in the parameter: an address is not printed.
        entry: usize,
        /// The address.
        address: String,
        /// The role.
        role: String,
    },
    /// Changes the role of a permission.
    SetRole {
        /// The account.
        user: Account,
        /// The calendar's id.
        calendar: String,
        /// The permission's id.
        permission: String,
        /// The role.
        role: String,
    },
}

impl Action for AddCalendarPermissions {
    const NAME: &'static str = "add_calendar_permissions";
    const MAKES_TRUE: &'static str = "The person's calendars are shared with these people";
    const NEEDS: &'static [&'static str] = &["Calendars.ReadWrite", "User.Read.All"];
    const READS_ORGANIZATION: bool = true;
    const DEFAULTS: &'static [(&'static str, &'static str)] = mailbox::DEFAULTS;

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let is_wanted = |calendar: &Calendar| params.permissions.iter().any(|wanted| wanted.is_on(calendar));
        let mailbox = Mailbox::look(&params.user, params.wait_for_mailbox, graph, async |id| {
            let Some(calendars) = graph.calendars(&id).await? else { return Ok(None) };
            let id = id.as_str();
            let shared = calendars.into_iter().filter(is_wanted).map(async |calendar| {
                let permissions = graph.calendar_permissions(id, &calendar.id).await?.unwrap_or_default();
                Ok(Shared { calendar, permissions })
            });
            try_join_all(shared).await.map(Some)
        });
        let addresses: BTreeSet<_> = params.permissions.iter().map(Sharing::address).collect();
        let people = async {
            let outside = recipient::outside(addresses.iter().map(String::as_str), graph).await?;
            let inside = addresses.iter().filter(|address| !outside.contains(*address));
            let people = inside.map(async |address| {
                let is_there = graph.has_person_with_address(address).await?;
                Ok::<_, Error>(is_there.then(|| address.clone()))
            });
            let people: BTreeSet<String> = try_join_all(people).await?.into_iter().flatten().collect();
            Ok::<_, Error>((outside, people))
        };
        let (mailbox, (outside, people)) = try_join(mailbox, people).await?;
        Ok(Observed { mailbox, outside, people })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        let (user, calendars) = match observed.mailbox.or_nothing() {
            Ok(seen) => seen,
            Err(plan) => return Ok(plan),
        };
        let (mut changes, mut left, mut known) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (entry, wanted) in (1..).zip(&params.permissions) {
            let shared = calendars.iter().find(|shared| wanted.is_on(&shared.calendar));
            let id = shared.map(|shared| shared.calendar.id.as_str());
            if id.is_some() && !known.insert((id, wanted.address())) {
                continue;
            }
            match wanted.missing(entry, user, shared, observed) {
                Ok(change) => changes.extend(change),
                Err((code, why, needs)) => left.push(Left {
                    code: code.to_owned(),
                    detail: format!("entry {entry} of the calendar permissions of {user} {why}"),
                    needs,
                }),
            }
        }
        Ok(Plan::together(changes).leaving(left))
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        let outcome = match change {
            Change::Add { user, calendar, address, role, .. } => {
                graph.add_calendar_permission(user.id()?, calendar, address, role).await
            }
            Change::SetRole { user, calendar, permission, role } => {
                graph.set_calendar_role(user.id()?, calendar, permission, role).await
            }
        };
        outcome.map_err(mailbox::or_missing_calendars)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        let (grace, ada, edsger) = ("grace@contoso.example", "ada@contoso.example", "edsger@contoso.example");
        let scenario = crate::Scenario::new(serde_json::Value::Null);
        let voyages = scenario.tenant.calendar_id(grace, "Voyages");
        let params = serde_json::json!({ "user": grace, "permissions": [
            { "address": ada, "role": "read" },
            { "address": edsger, "role": "read" },
            { "address": "admin@contoso.example", "role": "freeBusyRead" },
            { "calendar": voyages, "address": edsger, "role": "limitedRead" },
            { "calendar": "AAMkgone=", "address": ada, "role": "read" },
            { "address": "desk@fabrikam.example", "role": "read" },
            { "address": "nobody@contoso.example", "role": "read" },
            { "calendar": voyages, "address": ada, "role": "custom" },
        ]});
        crate::Scenario { params, ..scenario }
    }
}

/// A code, the rest of a sentence that begins with the permission, and who has to act.
type Reason = (&'static str, &'static str, Needs);

impl Sharing {
    fn is_on(&self, calendar: &Calendar) -> bool {
        match &self.calendar {
            Some(id) => calendar.id == *id,
            None => calendar.is_default_calendar == Some(true),
        }
    }

    /// The address as it is compared: Exchange ignores case.
    fn address(&self) -> String {
        self.address.trim().to_lowercase()
    }

    /// The write that is missing, or why there is none.
    fn missing(
        &self,
        entry: usize,
        user: &Account,
        shared: Option<&Shared>,
        observed: &Observed,
    ) -> Result<Option<Change>, Reason> {
        let shared = shared.filter(|shared| shared.calendar.can_share != Some(false));
        let Shared { calendar, permissions } = shared.ok_or((
            "calendar_not_found",
            "is on a calendar that does not exist any more, or is another person's",
            Needs::Nobody,
        ))?;
        let address = self.address();
        let is_it = |permission: &&CalendarPermission| {
            let held = permission.email_address.as_ref().and_then(|held| held.address.as_ref());
            held.is_some_and(|held| held.to_lowercase() == address)
        };
        let held = permissions.iter().find(is_it);
        if held.is_some_and(|held| held.role.as_deref() == Some(self.role.as_str())) {
            return Ok(None);
        }
        if !ROLES.contains(&self.role.as_str()) {
            let why = "has a role that Graph shows and does not give; share the calendar in Outlook";
            return Err(("calendar_role_unsupported", why, Needs::Operator));
        }
        if observed.outside.contains(&address) {
            let why = "is for an address outside of the organization; share the calendar in Outlook if that is wanted";
            return Err(("recipient_outside", why, Needs::Operator));
        }
        let (user, calendar, role) = (user.clone(), calendar.id.clone(), self.role.clone());
        match held {
            Some(held) => Ok(Some(Change::SetRole { user, calendar, permission: held.id.clone(), role })),
            None if observed.people.contains(&address) => {
                Ok(Some(Change::Add { user, calendar, entry, address, role }))
            }
            None => {
                let why =
                    "is for an address that no person has; if it is a group's, share the calendar in Outlook";
                Err(("recipient_not_found", why, Needs::Nobody))
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { user, calendar, entry, role, .. } => {
                write!(f, "share calendar {calendar} of {user} by entry {entry} of the permissions ({role})")
            }
            Self::SetRole { user, calendar, permission, role } => {
                write!(f, "give permission {permission} on calendar {calendar} of {user} the role {role}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::EmailAddress;
    use serde_json::{Value, json};

    fn permission(id: &str, address: Option<&str>, role: &str) -> CalendarPermission {
        let email_address = Some(EmailAddress { name: None, address: address.map(Into::into) });
        CalendarPermission {
            id: id.into(),
            role: Some(role.into()),
            email_address,
            ..CalendarPermission::default()
        }
    }

    fn calendar(id: &str, is_default: bool, can_share: bool) -> Calendar {
        let (is_default_calendar, can_share) = (Some(is_default), Some(can_share));
        Calendar { id: id.into(), is_default_calendar, can_share, ..Calendar::default() }
    }

    /// The changes, and the codes of what is left.
    fn plan(wanted: Value) -> (Vec<String>, Vec<String>) {
        let params = json!({ "user": "ada@contoso.example", "permissions": wanted });
        let params: Params = serde_json::from_value(params).unwrap();
        let held = vec![
            permission("all", None, "freeBusyRead"),
            permission("g", Some("Grace@contoso.example"), "write"),
            permission("o", Some("o@fabrikam.example"), "read"),
        ];
        let seen = vec![
            Shared { calendar: calendar("primary", true, true), permissions: held },
            Shared { calendar: calendar("voyages", false, true), permissions: vec![] },
            Shared { calendar: calendar("ada's", false, false), permissions: vec![] },
        ];
        let set = |addresses: &[&str]| addresses.iter().map(|&address| address.to_owned()).collect();
        let observed = Observed {
            mailbox: Mailbox::Present { user: Account::Known("1".into()), seen },
            outside: set(&["o@fabrikam.example", "p@fabrikam.example"]),
            people: set(&["grace@contoso.example"]),
        };
        let plan = AddCalendarPermissions::plan(&params, &observed).unwrap();
        let changes = plan.changes().map(ToString::to_string).collect();
        (changes, plan.left.into_iter().map(|left| left.code).collect())
    }

    #[test]
    fn missing_permissions_are_added_and_other_roles_changed() {
        let grace = |calendar: Value, role: &str| json!({ "calendar": calendar, "address": "grace@contoso.example", "role": role });
        let wanted =
            json!([grace(Value::Null, "read"), grace(Value::Null, "write"), grace("voyages".into(), "read")]);
        let expected = [
            "give permission g on calendar primary of user 1 the role read",
            "share calendar voyages of user 1 by entry 3 of the permissions (read)",
        ];
        assert_eq!(plan(wanted), (expected.map(str::to_owned).to_vec(), vec![]));
        assert_eq!(plan(json!([grace(Value::Null, "write")])), (vec![], vec![]));
    }

    #[test]
    fn what_is_gone_or_outside_is_left_and_keeps_nobody_from_the_rest() {
        let wanted = json!([
            { "calendar": "gone", "address": "grace@contoso.example", "role": "read" },
            { "calendar": "ada's", "address": "grace@contoso.example", "role": "read" },
            { "address": "o@fabrikam.example", "role": "read" },
            { "address": "p@fabrikam.example", "role": "read" },
            { "address": "nobody@contoso.example", "role": "read" },
            { "calendar": "voyages", "address": "grace@contoso.example", "role": "custom" },
        ]);
        let left = [
            "calendar_not_found",
            "calendar_not_found",
            "recipient_outside",
            "recipient_not_found",
            "calendar_role_unsupported",
        ];
        assert_eq!(plan(wanted), (vec![], left.map(str::to_owned).to_vec()));
    }
}
