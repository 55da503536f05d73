//! Makes true: no other person has a permission by name to the person's calendars.
//!
//! **Needs** `Calendars.ReadWrite` and `User.Read.All`.
//! **Refuses** `user_not_found`; `permission_missing`.
//! **Waits** while Exchange creates the mailbox.
//! **Leaves** the permission of the whole organization, which Graph cannot remove, with a note if it shows more than
//! free and busy times. Calendars that other people have shared stay. A person without a mailbox gets a note.
//! **Idempotent because** it reads each calendar's permissions and removes those it finds; "not found" counts as
//! removed.

use std::fmt;

use msgraph::{CalendarPermission, Writer};
use outcome::{Left, Needs, Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::looks::{self, Looks};
use crate::mail::mailbox::{self, Mailbox};
use crate::{Account, Action, Error, PersonRef, Plan, View};

/// See the file's head.
pub struct RemoveCalendarPermissions;

/// The person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Whether to wait for a mailbox that Exchange still has to create. Defaults to yes, unless the person leaves.
    #[serde(default = "mailbox::waits")]
    wait_for_mailbox: bool,
}

/// A calendar that the person owns, and its permissions.
pub struct Shared {
    calendar: String,
    is_primary: bool,
    permissions: Vec<CalendarPermission>,
}

/// Removes a permission.
#[derive(Debug, PartialEq)]
pub struct Remove {
    user: Account,
    calendar: String,
    permission: String,
}

impl Action for RemoveCalendarPermissions {
    const NAME: &'static str = "remove_calendar_permissions";
    const MAKES_TRUE: &'static str = "The person's calendars are shared with no other person by name";
    const NEEDS: &'static [&'static str] = &["Calendars.ReadWrite", "User.Read.All"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = mailbox::DEFAULTS;

    type Params = Params;
    type Observed = Mailbox<Looks<Shared>>;
    type Change = Remove;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Mailbox<Looks<Shared>>, Error> {
        Mailbox::look(&params.user, params.wait_for_mailbox, graph, async |id| {
            let Some(calendars) = graph.calendars(&id).await? else { return Ok(None) };
            let own = calendars.into_iter().filter(|calendar| calendar.can_share != Some(false));
            let id = id.as_str();
            let shared = own.map(|calendar| {
                let name = format!("who may see calendar {}", calendar.id);
                let look = async move {
                    let permissions = graph.calendar_permissions(id, &calendar.id).await?.unwrap_or_default();
                    let is_primary = calendar.is_default_calendar == Some(true);
                    Ok(Shared { calendar: calendar.id, is_primary, permissions })
                };
                (name, look)
            });
            looks::at_each(shared).await.map(Some)
        })
        .await
    }

    fn plan(_: &Params, mailbox: &Mailbox<Looks<Shared>>) -> Result<Plan<Remove>, Error> {
        let (user, (calendars, unread)) = match mailbox.or_nothing() {
            Ok(seen) => seen,
            Err(plan) => return Ok(plan),
        };
        let (mut changes, mut left) = (Vec::new(), unread.clone());
        for Shared { calendar, permissions, .. } in calendars {
            for permission in permissions {
                match permission.is_removable {
                    Some(false) => left.extend(for_everybody(calendar, permission)),
                    _ => changes.push(Remove {
                        user: user.clone(),
                        calendar: calendar.clone(),
                        permission: permission.id.clone(),
                    }),
                }
            }
        }
        Ok(Plan::together(changes).leaving(left))
    }

    fn takes(mailbox: &Mailbox<Looks<Shared>>, changes: &[&Remove]) -> Vec<Taken> {
        let Some((user, (calendars, _))) = mailbox.present() else { return Vec::new() };
        let all = calendars.iter().flat_map(|Shared { calendar, is_primary, permissions }| {
            permissions.iter().map(move |permission| (calendar, *is_primary, permission))
        });
        let gone = all.filter(|(calendar, _, permission)| {
            changes.iter().any(|change| change.calendar == **calendar && change.permission == permission.id)
        });
        let taken = gone.filter_map(|(calendar, is_primary, permission)| {
            let taken = user.loses(TakenKind::CalendarPermission)?.with("calendar", calendar.clone());
            let taken = taken.with("primary", is_primary).with("role", permission.role.clone());
            Some(taken.with_text(serde_json::to_value(&permission.email_address).ok()?))
        });
        taken.collect()
    }

    async fn apply(change: &Remove, graph: Writer<'_>) -> Result<(), Error> {
        let (calendar, permission) = (&change.calendar, &change.permission);
        let outcome = graph.delete_calendar_permission(change.user.id()?, calendar, permission).await;
        outcome.map_err(mailbox::or_missing_calendars)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "grace@contoso.example" }))
    }
}

/// The note about a permission of the whole organization. Free and busy times are its default.
fn for_everybody(calendar: &str, permission: &CalendarPermission) -> Option<Left> {
    let role = permission.role.as_deref().unwrap_or_default();
    if matches!(role, "none" | "freeBusyRead") {
        return None;
    }
    let detail = format!(
        "calendar {calendar} is open to the whole organization ({role}); limit that permission in Outlook or Exchange"
    );
    Some(Left { code: "shared_with_everybody".to_owned(), detail, needs: Needs::Operator })
}

impl fmt::Display for Remove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "remove permission {} on calendar {} of {}", self.permission, self.calendar, self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn permission(id: &str, is_removable: Option<bool>, role: &str) -> CalendarPermission {
        CalendarPermission { id: id.into(), is_removable, role: Some(role.into()), email_address: None }
    }

    #[test]
    fn permissions_by_name_go_and_a_wide_one_for_everybody_is_reported() {
        let seen = vec![
            Shared {
                calendar: "a".into(),
                is_primary: true,
                permissions: vec![
                    permission("1", Some(false), "freeBusyRead"),
                    permission("2", Some(true), "write"),
                    permission("3", None, "delegateWithPrivateEventAccess"),
                ],
            },
            Shared {
                calendar: "b".into(),
                is_primary: false,
                permissions: vec![permission("4", Some(false), "read")],
            },
        ];
        let seen = (seen, Vec::new());
        let mailbox = Mailbox::Present { user: Account::Known("1".into()), seen };
        let params: Params = serde_json::from_value(json!({ "user": "ada@contoso.example" })).unwrap();
        let plan = RemoveCalendarPermissions::plan(&params, &mailbox).unwrap();
        let changes: Vec<_> = plan.changes().map(ToString::to_string).collect();
        let expected =
            ["2", "3"].map(|permission| format!("remove permission {permission} on calendar a of user 1"));
        assert_eq!(changes, expected);
        let left: Vec<_> = plan.left.iter().map(|left| (left.code.as_str(), left.needs)).collect();
        assert_eq!(left, [("shared_with_everybody", Needs::Operator)]);
        assert!(plan.left[0].detail.starts_with("calendar b"));
    }
}
