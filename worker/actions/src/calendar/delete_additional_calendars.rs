//! Makes true: the mailbox has no calendars of the person's own but the primary one.
//!
//! **Needs** `Calendars.ReadWrite` and `User.Read.All`.
//! **Refuses** `user_not_found`; `permission_missing`; after a pause `person_returned`, `person_changed`.
//! **Waits** while Exchange creates the mailbox.
//! **Leaves** calendars that other people have shared, and those that Exchange keeps, such as birthdays and holidays;
//! the result names each. Groups' calendars are not among a person's. A person without a mailbox gets a note.
//! **Idempotent because** it reads the calendars and deletes those it finds; "not found" counts as deleted.

use std::fmt;

use msgraph::{Calendar, Writer};
use outcome::{Left, Needs, Taken, TakenKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::mail::mailbox::{self, Mailbox};
use crate::{Account, Action, Error, PersonRef, Plan, View};

/// See the file's head.
pub struct DeleteAdditionalCalendars;

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

/// Deletes a calendar with all its events.
#[derive(Debug, PartialEq)]
pub struct Delete {
    user: Account,
    calendar: String,
}

impl Action for DeleteAdditionalCalendars {
    const NAME: &'static str = "delete_additional_calendars";
    const MAKES_TRUE: &'static str = "The person owns no calendar but the primary one";
    const NEEDS: &'static [&'static str] = &["Calendars.ReadWrite", "User.Read.All"];
    const REMOVES_FOR_GOOD: bool = true;
    const DEFAULTS: &'static [(&'static str, &'static str)] = mailbox::DEFAULTS;

    type Params = Params;
    type Observed = Mailbox<Vec<Calendar>>;
    type Change = Delete;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Mailbox<Vec<Calendar>>, Error> {
        Mailbox::look(&params.user, params.wait_for_mailbox, graph, async |id| {
            Ok(graph.calendars(&id).await?)
        })
        .await
    }

    fn plan(_: &Params, mailbox: &Mailbox<Vec<Calendar>>) -> Result<Plan<Delete>, Error> {
        let (user, calendars) = match mailbox.or_nothing() {
            Ok(seen) => seen,
            Err(plan) => return Ok(plan),
        };
        let is_primary = |calendar: &&Calendar| calendar.is_default_calendar == Some(true);
        let person = calendars.iter().find(is_primary).and_then(owner);
        let (mut changes, mut left) = (Vec::new(), Vec::new());
        for calendar in calendars.iter().filter(|calendar| !is_primary(calendar)) {
            match reason_to_keep(calendar, person.as_deref()) {
                Some((code, because)) => left.push(Left {
                    code: code.to_owned(),
                    detail: format!("calendar {} of {user} {because}", calendar.id),
                    needs: Needs::Nobody,
                }),
                None => {
                    changes.push(Delete { user: user.clone(), calendar: calendar.id.clone() });
                }
            }
        }
        Ok(Plan::together(changes).leaving(left))
    }

    fn takes(_: &Self::Observed, changes: &[&Delete]) -> Vec<Taken> {
        let taken = changes.iter().filter_map(|change| {
            Some(change.user.loses(TakenKind::Calendar)?.with("calendar", change.calendar.clone()))
        });
        taken.collect()
    }

    async fn apply(change: &Delete, graph: Writer<'_>) -> Result<(), Error> {
        let outcome = graph.delete_calendar(change.user.id()?, &change.calendar).await;
        outcome.map_err(mailbox::or_missing_calendars)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(serde_json::json!({ "user": "grace@contoso.example" }))
    }
}

/// Why a calendar stays, if so. The owner of the primary calendar is the person.
fn reason_to_keep(calendar: &Calendar, person: Option<&str>) -> Option<(&'static str, &'static str)> {
    let is_other_s = owner(calendar).is_some_and(|owner| person.is_some_and(|person| owner != person));
    if is_other_s {
        return Some(("shared_calendar", "belongs to another person, who shared it"));
    }
    // Graph answers a deletion of these with a 503 without a message, or accepts it and the calendar comes back (seen
    // in support threads, 2024).
    let is_kept = calendar.is_removable == Some(false) || calendar.can_edit == Some(false);
    is_kept.then_some(("built_in_calendar", "is kept by Exchange, such as birthdays or holidays"))
}

/// The owner's address in lower case.
fn owner(calendar: &Calendar) -> Option<String> {
    calendar.owner.as_ref()?.address.as_ref().map(|address| address.to_lowercase())
}

impl fmt::Display for Delete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delete calendar {} of {}", self.calendar, self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::EmailAddress;
    use serde_json::json;

    #[test]
    fn only_the_persons_own_calendars_are_deleted() {
        let calendar = |id: &str, address: &str| Calendar {
            id: id.into(),
            is_removable: Some(true),
            can_edit: Some(true),
            owner: Some(EmailAddress { name: None, address: Some(address.into()) }),
            ..Calendar::default()
        };
        let own = |id: &str| calendar(id, "Grace@contoso.example");
        let primary =
            Calendar { is_default_calendar: Some(true), is_removable: Some(false), ..own("primary") };
        let seen = vec![
            primary,
            calendar("own", "grace@contoso.example"),
            Calendar { owner: None, ..own("of nobody") },
            calendar("ada's", "ada@contoso.example"),
            Calendar { is_removable: Some(false), ..own("birthdays") },
            Calendar { can_edit: Some(false), ..own("holidays") },
        ];
        let mailbox = Mailbox::Present { user: Account::Known("1".into()), seen };
        let params: Params = serde_json::from_value(json!({ "user": "grace@contoso.example" })).unwrap();
        let plan = DeleteAdditionalCalendars::plan(&params, &mailbox).unwrap();
        let deleted: Vec<_> = plan.changes().map(|change| change.calendar.as_str()).collect();
        assert_eq!(deleted, ["own", "of nobody"]);
        let left: Vec<_> = plan.left.iter().map(|left| left.code.as_str()).collect();
        assert_eq!(left, ["shared_calendar", "built_in_calendar", "built_in_calendar"]);
    }
}
