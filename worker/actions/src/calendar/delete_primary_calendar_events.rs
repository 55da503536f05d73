//! Makes true: the primary calendar has no events in a time window, by default none at all.
//!
//! **Needs** `Calendars.ReadWrite` and `User.Read.All`.
//! **Refuses** `user_not_found`; `invalid_window`; `permission_missing`; after a pause `person_returned`,
//! `person_changed`.
//! **Waits** while Exchange creates the mailbox; briefly between the portions of a large calendar.
//! **Leaves** events outside the window; meetings that the person organized, if told to, with their number; events in
//! the calendars of groups, with a note. A person without a mailbox gets a note.
//! **Idempotent because** it reads the calendar and deletes the events it finds; "not found" counts as deleted, also
//! after a lost answer. The counts are those of the first look.
//! **Caveat:** Graph informs the attendees when a meeting of the person ends, even one in the past, with a
//! cancellation and with a deletion alike (its documentation, "Delete event", 2026). Avoid that with `from`, or with
//! `meetings: leave`. Graph accepts a cancellation before it carries it out: if a worker dies then and the run is
//! repeated within that moment, the attendees can get it twice. A series is deleted whole if one occurrence may be in
//! the window. A meeting that Exchange does not call off, because an invited address no longer works, is deleted
//! instead.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use msgraph::{Event, Writer};
use outcome::{Left, Needs, Taken, TakenKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::action::parameters::Moment;
use crate::calendar::time_window::TimeWindow;
use crate::mail::mailbox::{self, Mailbox};
use crate::{Account, Action, Error, PersonRef, Plan, View, Wait};

/// How many events one look deletes: a minute's work if Exchange is slow.
const PORTION: usize = 250;
/// How long an accepted cancellation may take to show.
const SETTLES: Duration = Duration::from_secs(10);
/// When to look again if a whole portion changed nothing.
const STUCK: Duration = Duration::from_secs(5 * 60);
/// Exchange allows an application ten thousand calls in ten minutes to a mailbox.
const AT_MOST: Duration = Duration::from_secs(24 * 60 * 60);

/// See the file's head.
pub struct DeletePrimaryCalendarEvents;

/// The person, the window, and what to do with meetings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The person to act on. Defaults to the event's person.
    user: PersonRef,
    /// Whether to wait for a mailbox that Exchange still has to create. Defaults to yes, unless the person leaves.
    #[serde(default = "mailbox::waits")]
    wait_for_mailbox: bool,
    /// What to do with meetings that the person organized and that have attendees.
    #[serde(default)]
    meetings: Meetings,
    /// The text of a cancellation to the attendees.
    #[serde(default = "note")]
    note: String,
    /// The start of the window: events that end before it stay. `{{ event.time }}` leaves the past.
    #[serde(default)]
    #[schemars(with = "Option<Moment>")]
    from: Option<Timestamp>,
    /// The end of the window: events that begin at or after it stay.
    #[serde(default)]
    #[schemars(with = "Option<Moment>")]
    until: Option<Timestamp>,
    /// The length of the window in days, instead of `until`. Needs `from`.
    #[serde(default)]
    #[schemars(range(max = u32::MAX))]
    days: Option<u32>,
}

/// What to do with meetings that the person organized and that have attendees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Meetings {
    /// Cancel them, with a note.
    #[default]
    Cancel,
    /// Leave them, with the person as the organizer.
    Leave,
}

fn note() -> String {
    "This meeting is cancelled because its organizer is leaving.".to_owned()
}

/// The events, and the counts of the first look.
pub struct Observed {
    mailbox: Mailbox<Vec<Event>>,
    counted: Option<Counted>,
}

/// How many events the first look found, and how many were left at the last look.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Counted {
    cancel: usize,
    delete: usize,
    left: usize,
}

/// Deletes an event, or cancels a meeting.
#[derive(Debug, PartialEq)]
pub struct Change {
    user: Account,
    event: String,
    /// The text for the attendees, if there are any.
    note: Option<String>,
}

impl Action for DeletePrimaryCalendarEvents {
    const NAME: &'static str = "delete_primary_calendar_events";
    const MAKES_TRUE: &'static str = "The primary calendar has no events, or none in a time window";
    const NEEDS: &'static [&'static str] = &["Calendars.ReadWrite", "User.Read.All"];
    const REMOVES_FOR_GOOD: bool = true;
    const DEFAULTS: &'static [(&'static str, &'static str)] = mailbox::DEFAULTS;

    type Params = Params;
    type Observed = Observed;
    type Change = Change;

    async fn observe(params: &Params, graph: View<'_>) -> Result<Observed, Error> {
        let mailbox = Mailbox::look(&params.user, params.wait_for_mailbox, graph, async |id| {
            Ok(graph.events(&id).await?)
        })
        .await?;
        Ok(Observed { mailbox, counted: graph.notes().pop() })
    }

    fn plan(params: &Params, observed: &Observed) -> Result<Plan<Change>, Error> {
        let window = TimeWindow::of(params.from, params.until, params.days)?;
        let (user, events) = match observed.mailbox.or_nothing() {
            Ok(seen) => seen,
            Err(plan) => return Ok(plan),
        };
        let (inside, outside): (Vec<_>, Vec<_>) = events.iter().partition(|event| window.has(event));
        let (meetings, others): (Vec<_>, Vec<_>) =
            inside.into_iter().partition(|event| is_meeting_of_person(event));
        let (cancelled, left) = match params.meetings {
            Meetings::Cancel => (meetings, 0),
            Meetings::Leave => (Vec::new(), meetings.len()),
        };
        let now =
            Counted { cancel: cancelled.len(), delete: others.len(), left: cancelled.len() + others.len() };
        let first = observed.counted.unwrap_or(now);
        let change = |event: &Event, note| Change { user: user.clone(), event: event.id.clone(), note };
        // Meetings come first, so that the attendees learn of it early.
        let called_off = cancelled.into_iter().map(|event| change(event, Some(params.note.clone())));
        let all = called_off.chain(others.into_iter().map(|event| change(event, None)));
        let plan = Plan::together(all.take(PORTION)).leaving(told(user, left));
        let plan = plan.counting([
            ("cancel", json!(first.cancel)),
            ("delete", json!(first.delete)),
            ("leave", json!(left)),
            ("outside", json!(outside.len())),
        ]);
        Ok(match now.left.checked_sub(PORTION) {
            None | Some(0) => plan,
            Some(_) => {
                let is_stuck = observed.counted.is_some_and(|before| before.left <= now.left);
                plan.waiting(next_portion(user, now, first, is_stuck))
            }
        })
    }

    fn takes(_: &Observed, changes: &[&Change]) -> Vec<Taken> {
        let taken = changes.first().and_then(|change| change.user.loses(TakenKind::CalendarEvents));
        taken.into_iter().map(|taken| taken.with("events", changes.len())).collect()
    }

    async fn apply(change: &Change, graph: Writer<'_>) -> Result<(), Error> {
        let (user, event) = (change.user.id()?, &change.event);
        if let Some(note) = &change.note {
            match graph.cancel_event(user, event, note).await {
                Ok(()) => return Ok(()),
                // One invited address that no longer works is enough (jamesiarmes/php-ews issue 465, 2017).
                Err(error) if is_not_called_off(&error) => {}
                Err(error) => return Err(mailbox::or_missing_calendars(error)),
            }
        }
        graph.delete_event(user, event).await.map_err(mailbox::or_missing_calendars)
    }

    #[cfg(test)]
    fn scenario() -> crate::Scenario {
        crate::Scenario::new(json!({
            "user": "grace@contoso.example", "from": "2026-03-02T00:00:00Z", "days": 30,
        }))
    }
}

/// The wait before the next portion. After a portion that changed nothing it is longer.
fn next_portion(user: &Account, now: Counted, first: Counted, is_stuck: bool) -> Wait {
    let cancel = now.cancel.saturating_sub(PORTION);
    let delete = now.left - PORTION - cancel;
    let later = [(cancel, "cancel", "meetings"), (delete, "delete", "events")];
    let later = later.into_iter().filter(|(count, ..)| *count > 0);
    Wait {
        after: match now.cancel {
            _ if is_stuck => STUCK,
            0 => Duration::ZERO,
            _ => SETTLES,
        },
        at_most: AT_MOST,
        reason: format!("the other {} events of {user} to be deleted", now.left - PORTION),
        notes: vec![json!(Counted { left: now.left, ..first })],
        later: later
            .map(|(count, verb, what)| format!("{verb} the other {count} {what} of {user}"))
            .collect(),
    }
}

/// The notes about events of groups, and about meetings that stay.
fn told(user: &Account, meetings: usize) -> Vec<Left> {
    let left = |code: &str, detail| Left { code: code.to_owned(), detail, needs: Needs::Nobody };
    let called = || format!("{meetings} meetings that {user} organized stay, as requested");
    let groups = format!(
        "events in the calendars of groups belong to the groups and stay, even if {user} created them"
    );
    let called = (meetings > 0).then(|| left("organized_meetings", called()));
    called.into_iter().chain([left("group_calendars", groups)]).collect()
}

/// Whether Exchange refuses to call this one meeting off, in whatever words.
fn is_not_called_off(error: &msgraph::Error) -> bool {
    matches!(error.status(), Some(400 | 403 | 405 | 409 | 422)) && !error.is_throttled()
}

/// A meeting that is cancelled already needs no second cancellation.
fn is_meeting_of_person(event: &Event) -> bool {
    event.is_organizer == Some(true)
        && event.is_cancelled != Some(true)
        && event.attendees.as_ref().is_some_and(|attendees| !attendees.is_empty())
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.note.is_some() { "cancel meeting" } else { "delete event" };
        write!(f, "{verb} {} of {}", self.event, self.user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::DateTimeTimeZone;

    fn event(id: &str, day: &str, attendees: usize) -> Event {
        let moment = |hour: &str| format!("{day}T{hour}:00:00Z").parse().ok().map(DateTimeTimeZone::utc);
        Event {
            id: id.into(),
            is_organizer: Some(true),
            attendees: Some(vec![serde::de::IgnoredAny; attendees]),
            start: moment("08"),
            end: moment("09"),
            ..Event::default()
        }
    }

    fn plan(params: serde_json::Value, seen: Vec<Event>, counted: Option<Counted>) -> Plan<String> {
        let mut all = json!({ "user": "grace@contoso.example" });
        all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
        let mailbox = Mailbox::Present { user: Account::Known("1".into()), seen };
        let observed = Observed { mailbox, counted };
        let plan = DeletePrimaryCalendarEvents::plan(&serde_json::from_value(all).unwrap(), &observed);
        plan.unwrap().map(|change| change.to_string())
    }

    #[test]
    fn a_meeting_with_attendees_is_cancelled_and_other_events_are_deleted() {
        let seen = || {
            vec![
                event("dentist", "2026-03-02", 0),
                event("review", "2026-03-02", 2),
                Event { is_organizer: Some(false), ..event("engines", "2026-03-02", 3) },
                Event { is_cancelled: Some(true), ..event("old", "2026-03-02", 3) },
            ]
        };
        let called_off = plan(json!({}), seen(), None);
        let delete = |id: &str| format!("delete event {id} of user 1");
        let deleted = ["dentist", "engines", "old"].map(delete);
        let changes: Vec<_> = called_off.changes().collect();
        assert_eq!(changes[0], "cancel meeting review of user 1");
        assert_eq!(changes[1..], deleted.iter().collect::<Vec<_>>());
        assert_eq!(called_off.wait, None);
        assert_eq!((&called_off.details["cancel"], &called_off.details["delete"]), (&json!(1), &json!(3)));
        let left = plan(json!({ "meetings": "leave" }), seen(), None);
        assert!(left.changes().eq(&deleted));
        assert_eq!(left.left[0].code, "organized_meetings");
        assert_eq!(left.left[1].code, "group_calendars");
    }

    #[test]
    fn events_outside_the_window_stay_and_are_counted() {
        let seen = ["2026-03-01", "2026-03-02", "2026-03-03"].map(|day| event(day, day, 0)).to_vec();
        let plan = plan(json!({ "from": "2026-03-02T08:30:00Z", "days": 1 }), seen, None);
        let kept = ["2026-03-02", "2026-03-03"].map(|id| format!("delete event {id} of user 1"));
        assert!(plan.changes().eq(&kept));
        assert_eq!(plan.details["outside"], json!(1));
    }

    #[test]
    fn a_large_calendar_goes_in_portions_and_its_plan_shows_all_of_it() {
        let many = |meetings: usize, others: usize| {
            let event = |n: usize| event(&n.to_string(), "2026-03-02", usize::from(n < meetings));
            (0..meetings + others).map(event).collect::<Vec<_>>()
        };
        assert_eq!(plan(json!({}), many(0, PORTION), None).wait, None);
        let first = plan(json!({}), many(300, 700), None);
        assert_eq!(first.changes().count(), PORTION);
        let wait = first.wait.unwrap();
        assert_eq!(wait.after, SETTLES);
        let later = ["cancel the other 50 meetings of user 1", "delete the other 700 events of user 1"];
        assert_eq!(
            (wait.reason.as_str(), wait.later),
            ("the other 750 events of user 1 to be deleted", later.map(str::to_owned).to_vec())
        );
        let counted: Counted = serde_json::from_value(wait.notes[0].clone()).unwrap();
        let second = plan(json!({}), many(0, 600), Some(counted));
        assert_eq!(
            (second.details["cancel"].clone(), second.details["delete"].clone()),
            (json!(300), json!(700))
        );
        let wait = second.wait.unwrap();
        assert_eq!(wait.after, Duration::ZERO);
        let counted: Counted = serde_json::from_value(wait.notes[0].clone()).unwrap();
        assert_eq!(counted, Counted { cancel: 300, delete: 700, left: 600 });
        let stuck = plan(json!({}), many(0, 600), Some(counted));
        assert_eq!(stuck.wait.unwrap().after, STUCK);
        let same = Counted { cancel: 0, delete: 600, left: 600 };
        assert_eq!(plan(json!({}), many(0, 600), Some(same)).wait.unwrap().after, STUCK);
    }
}
