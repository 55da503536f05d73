//! Events of a primary calendar: listed, deleted, called off.

use hyper::StatusCode;
use hyper::header::HeaderName;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::graph::calendar::outlook_pages::Part;
use crate::graph::mail::mailbox::{mailbox_of, not_in_store, open};
use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::query::{ENTITY, NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{EVENT_PROPERTIES, Event, Zone, is_valid_recurrence, moment_text};

const TYPE: &str = "microsoft.graph.event";

/// How many days a window of time may have (microsoft-graph-docs-contrib 6321, 2019).
const LONGEST_WINDOW: i64 = 1_825;

/// Single events and whole series; no occurrence of a series is listed here ("List events", 2024).
pub(crate) fn list(visit: &mut Visit<'_>, key: &str) -> Answer {
    let user = open(visit, key)?;
    let (part, zone) = (Part::read(visit, TYPE, EVENT_PROPERTIES)?, Preferred::of(visit)?);
    let (events, names) = (mailbox_of(user).events, part.names());
    let show = |event: &Event| Value::Object(event.shown(&names, &user.upn, &zone.zone));
    let context = format!("users('{}')/calendar/events", user.id);
    Ok(zone.applied(part.page(visit, &context, events.iter(), show)))
}

pub(crate) fn get(visit: &mut Visit<'_>, key: &str, event: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let names = query.selected(|name| EVENT_PROPERTIES.contains(&name), TYPE, EVENT_PROPERTIES)?;
    let zone = Preferred::of(visit)?;
    let (user, found) = find(visit, key, event)?;
    let fields = found.shown(&names, &visit.user(key)?.upn, &zone.zone);
    let context = format!("users('{user}')/events{}/$entity", query.context_suffix());
    Ok(zone.applied(Reply::ok(&entity(visit, &context, fields))))
}

/// A new event, or a series, in the primary calendar. Places are not emulated.
pub(crate) fn create(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.object()?;
    let preferred = Preferred::of(visit)?;
    let (mut event, mut start, mut end) = (Event::default(), None, None);
    for (name, value) in &body {
        match (name.as_str(), value) {
            ("subject", Value::String(text)) => event.subject.clone_from(text),
            ("start", value) => start = Some(moment(name, value)?),
            ("end", value) => end = Some(moment(name, value)?),
            ("recurrence", Value::Object(_)) => event.recurrence = Some(value.clone()),
            ("recurrence", Value::Null) => {}
            ("attendees", Value::Array(people)) => {
                let address =
                    |person: &Value| Some(person.get("emailAddress")?.get("address")?.as_str()?.to_owned());
                event.attendees = people.iter().filter_map(address).collect();
            }
            _ => return Err(Refusal::unknown_property(name, TYPE)),
        }
    }
    let (Some((zone, local, start)), Some((.., end))) = (start, end) else { return Err(invalid()) };
    (event.start, event.end) = (start, end);
    if let Some(recurrence) = &mut event.recurrence {
        if !is_valid_recurrence(recurrence, local.date()) {
            return Err(invalid());
        }
        // "If not specified, the time zone of the event is used" ("recurrenceRange resource type", 2024).
        let range = recurrence.get_mut("range").and_then(Value::as_object_mut);
        range.into_iter().for_each(|range| {
            range.entry("recurrenceTimeZone").or_insert_with(|| json!(zone));
        });
    }
    event.time_zone = Some(zone);
    let user = open(visit, key)?;
    let (id, holder) = (user.id, user.upn.clone());
    visit.effects.push(format!("create event {} of user {id}", event.subject));
    let made = visit.tenant.edit_mailbox(id, |mailbox| {
        let event = mailbox.events.add(event);
        mailbox.events.get(&event).cloned()
    });
    let made = made.flatten().ok_or_else(not_in_store)?;
    let fields = made.shown(EVENT_PROPERTIES, &holder, &preferred.zone);
    let body = entity(visit, &format!("users('{id}')/events/$entity"), fields);
    Ok(preferred.applied(Reply::json(StatusCode::CREATED, &body)))
}

fn invalid() -> Refusal {
    let message = "At least one property failed validation.";
    Refusal::new(StatusCode::BAD_REQUEST, "ErrorPropertyValidationFailure", message)
}

/// What happens in a window of time: single events, and of a series the occurrences and exceptions ("List calendarView",
/// 2024), in the order of their starts, which is our reading.
pub(crate) fn view(visit: &mut Visit<'_>, key: &str) -> Answer {
    let user = open(visit, key)?;
    let events = mailbox_of(user).events;
    let found = |first, last| Ok(events.iter().flat_map(|event| event.within(first, last)).collect());
    happening(visit, &format!("users('{}')/calendarView", user.id), &user.upn, found)
}

/// The occurrences and exceptions of a series in a window of time ("List instances", 2025). For an event that is no
/// series the page says nothing: refused, in our words.
pub(crate) fn list_instances(visit: &mut Visit<'_>, key: &str, event: &str) -> Answer {
    let (user, found) = find(visit, key, event)?;
    let instances = |first, last| match found.recurrence {
        Some(_) => Ok(found.within(first, last)),
        None => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "ErrorInvalidRequest",
            "Your request can't be completed. The event is not a series master.",
        )),
    };
    let context = format!("users('{user}')/events('{event}')/instances");
    happening(visit, &context, &visit.user(key)?.upn, instances)
}

/// A page of what happens in the window of time that a request names.
fn happening(
    visit: &Visit<'_>,
    context: &str,
    holder: &str,
    find: impl FnOnce(DateTime, DateTime) -> Result<Vec<Event>, Refusal>,
) -> Answer {
    let (part, others) = Part::beside(visit, TYPE, EVENT_PROPERTIES, &["startDateTime", "endDateTime"])?;
    let zone = Preferred::of(visit)?;
    let bound = |name: &str| {
        let value = others.iter().find(|(other, _)| *other == name);
        value.and_then(|(_, value)| bound(value))
    };
    let (Some(first), Some(last)) = (bound("startDateTime"), bound("endDateTime")) else {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "ErrorInvalidParameter",
            "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.",
        ));
    };
    if last.duration_since(first) > SignedDuration::from_hours(24 * LONGEST_WINDOW) {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "ErrorInvalidRequest",
            format!(
                "Your request can't be completed. The range between the start and end dates is greater than the allowed \
                 range. Maximum number of days: {LONGEST_WINDOW}"
            ),
        ));
    }
    let mut found = find(first, last)?;
    found.sort_by(|one, other| (&one.start, &one.id).cmp(&(&other.start, &other.id)));
    let names = part.names();
    let show = |event: &Event| Value::Object(event.shown(&names, holder, &zone.zone));
    Ok(zone.applied(part.page(visit, context, found.iter(), show)))
}

/// A bound of a window, in UTC. Its offset counts, not the zone preferred for the answer; without one it is UTC ("List
/// calendarView", 2024).
fn bound(text: &str) -> Option<DateTime> {
    match text.parse::<Timestamp>() {
        Ok(moment) => Some(TimeZone::UTC.to_datetime(moment)),
        Err(_) => text.parse().ok(),
    }
}

/// The zone in which an answer is to show times.
struct Preferred {
    zone: Zone,
    is_asked: bool,
}

impl Preferred {
    /// Reads `Prefer: outlook.timezone="..."`. Without it times are in UTC ("List events", 2024). A zone that is not known
    /// is refused in Graph's words (microsoft-graph-docs 6870, 2020).
    fn of(visit: &Visit<'_>) -> Result<Self, Refusal> {
        let headers = visit.request.headers.get_all("prefer").into_iter();
        let texts: Vec<&str> = headers.filter_map(|value| value.to_str().ok()).collect();
        let preferences = texts.iter().flat_map(|text| text.split(','));
        let name = preferences.filter_map(|preference| preference.trim().split_once('=')).find_map(
            |(name, value)| {
                name.trim().eq_ignore_ascii_case("outlook.timezone").then(|| value.trim().trim_matches('"'))
            },
        );
        match name {
            None => Ok(Self { zone: Zone::utc(), is_asked: false }),
            Some(name) => Ok(Self { zone: known_zone(name)?, is_asked: true }),
        }
    }

    /// The answer, which tells that the zone was heard.
    fn applied(&self, reply: Reply) -> Reply {
        if !self.is_asked {
            return reply;
        }
        let applied = format!("outlook.timezone=\"{}\"", self.zone.name);
        reply.header(HeaderName::from_static("preference-applied"), &applied)
    }
}

fn known_zone(name: &str) -> Result<Zone, Refusal> {
    Zone::named(name).ok_or_else(|| {
        let message = format!(
            "A valid TimeZone value must be specified. The following TimeZone value is not supported: '{name}'."
        );
        Refusal::new(StatusCode::BAD_REQUEST, "TimeZoneNotSupportedException", message)
    })
}

/// The zone of a moment, the moment in it, and the same in UTC.
fn moment(name: &str, value: &Value) -> Result<(String, DateTime, String), Refusal> {
    let zone = known_zone(value.get("timeZone").and_then(Value::as_str).unwrap_or_default())?;
    let local = value.get("dateTime").and_then(Value::as_str).and_then(|moment| moment.parse().ok());
    let pair = local.and_then(|local| Some((local, zone.to_utc(local)?)));
    let (local, utc) = pair.ok_or_else(|| {
        let message = format!("The value of '{name}' is not a moment.");
        Refusal::new(StatusCode::BAD_REQUEST, "ErrorInvalidRequest", message)
    })?;
    Ok((zone.name, local, moment_text(utc)))
}

/// Deletes an event, a series with all its occurrences, or one occurrence. Attendees are notified, without a comment
/// ("Delete event", Microsoft Graph documentation, 2026).
pub(crate) fn delete(visit: &mut Visit<'_>, key: &str, event: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let (user, found) = find(visit, key, event)?;
    remove(visit, user, &found, "delete event");
    Ok(Reply::no_content())
}

/// Calls a meeting off, or one occurrence of it ("event: cancel", 2022).
pub(crate) fn cancel(visit: &mut Visit<'_>, key: &str, event: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.object()?;
    if let Some(name) = body.keys().find(|name| !name.eq_ignore_ascii_case("comment")) {
        return Err(Refusal::unknown_property(name, "microsoft.graph.cancel"));
    }
    let (user, found) = find(visit, key, event)?;
    // For an event without attendees the wording is not Microsoft's: no sample of it was found.
    if found.organizer.is_some() || found.attendees.is_empty() {
        let message = "Your request can't be completed. You need to be an organizer to cancel a meeting.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "ErrorInvalidRequest", message));
    }
    if found.not_called_off {
        let message = "At least one recipient isn't valid.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "ErrorInvalidRecipients", message));
    }
    remove(visit, user, &found, "cancel meeting");
    Ok(Reply::accepted())
}

fn remove(visit: &mut Visit<'_>, user: Uuid, event: &Event, how: &str) {
    visit.tenant.edit_mailbox(user, |mailbox| mailbox.events.remove(event));
    let told = match event.told() {
        0 => String::new(),
        attendees => format!(", told {attendees} attendees"),
    };
    let which = event.part.as_ref().map(|part| format!(", its occurrence of {},", part.original_start));
    visit.effects.push(format!("{how} {}{} of user {user}{told}", event.subject, which.unwrap_or_default()));
}

/// The event with this id, and the user of its mailbox.
fn find(visit: &Visit<'_>, key: &str, event: &str) -> Result<(Uuid, Event), Refusal> {
    let user = open(visit, key)?;
    let found = user.mailbox.as_ref().and_then(|mailbox| mailbox.events.find(event));
    Ok((user.id, found.ok_or_else(not_in_store)?))
}
