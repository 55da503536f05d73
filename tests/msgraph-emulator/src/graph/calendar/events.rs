//! Events of a primary calendar: listed, deleted, called off.

use hyper::StatusCode;
use jiff::civil::DateTime;
use serde_json::Value;
use uuid::Uuid;

use crate::graph::calendar::outlook_pages::Part;
use crate::graph::mail::mailbox::{mailbox_of, not_in_store, open};
use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::query::{ENTITY, NONE, Query, project};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{EVENT_PROPERTIES, Event};

const TYPE: &str = "microsoft.graph.event";

/// Single events and whole series; no occurrence of a series is listed here.
pub(crate) fn list(visit: &mut Visit<'_>, key: &str) -> Answer {
    let user = open(visit, key)?;
    let part = Part::read(visit, TYPE, EVENT_PROPERTIES)?;
    let (events, names) = (mailbox_of(user).events, part.names());
    let show = |event: &Event| Value::Object(project(&names, |name| event.property(name, &user.upn)));
    let context = format!("users('{}')/calendar/events", user.id);
    Ok(part.page(visit, &context, events.iter(), show))
}

pub(crate) fn get(visit: &mut Visit<'_>, key: &str, event: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let names = query.selected(|name| EVENT_PROPERTIES.contains(&name), TYPE, EVENT_PROPERTIES)?;
    let (user, found) = find(visit, key, event)?;
    let holder = visit.user(key)?.upn.clone();
    let fields = project(&names, |name| found.property(name, &holder));
    let context = format!("users('{user}')/events{}/$entity", query.context_suffix());
    Ok(Reply::ok(&entity(visit, &context, fields)))
}

/// A new event in the primary calendar. Series, places and other time zones than UTC are not emulated.
pub(crate) fn create(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.object()?;
    let (mut subject, mut start, mut end, mut attendees) = (String::new(), None, None, Vec::new());
    for (name, value) in &body {
        match (name.as_str(), value) {
            ("subject", Value::String(text)) => subject.clone_from(text),
            ("start", value) => start = Some(moment(name, value)?),
            ("end", value) => end = Some(moment(name, value)?),
            ("attendees", Value::Array(people)) => {
                let address =
                    |person: &Value| Some(person.get("emailAddress")?.get("address")?.as_str()?.to_owned());
                attendees = people.iter().filter_map(address).collect();
            }
            _ => return Err(Refusal::unknown_property(name, TYPE)),
        }
    }
    let (Some(start), Some(end)) = (start, end) else {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "ErrorPropertyValidationFailure",
            "At least one property failed validation.",
        ));
    };
    let user = open(visit, key)?;
    let (id, holder) = (user.id, user.upn.clone());
    let event = Event { attendees, ..Event::new(&subject, &start, &end) };
    visit.effects.push(format!("create event {subject} of user {id}"));
    let made = visit.tenant.edit_mailbox(id, |mailbox| {
        let event = mailbox.events.add(event);
        mailbox.events.get(&event).cloned()
    });
    let made = made.flatten().ok_or_else(not_in_store)?;
    let fields = project(EVENT_PROPERTIES, |name| made.property(name, &holder));
    Ok(Reply::json(StatusCode::CREATED, &entity(visit, &format!("users('{id}')/events/$entity"), fields)))
}

/// What happens in a window of time. Of a series only the first event is known here, and stands for itself.
pub(crate) fn view(visit: &mut Visit<'_>, key: &str) -> Answer {
    let user = open(visit, key)?;
    let (part, others) = Part::beside(visit, TYPE, EVENT_PROPERTIES, &["startDateTime", "endDateTime"])?;
    let bound = |name: &str| {
        let text =
            others.iter().find(|(other, _)| *other == name).map(|(_, value)| value.trim_end_matches('Z'));
        text.and_then(|text| text.parse::<DateTime>().ok())
    };
    let (Some(first), Some(last)) = (bound("startDateTime"), bound("endDateTime")) else {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "ErrorInvalidParameter",
            "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.",
        ));
    };
    let (events, names) = (mailbox_of(user).events, part.names());
    let at = |text: &str| text.parse::<DateTime>().ok();
    let overlaps = |event: &&Event| {
        let pair = at(&event.start).zip(at(&event.end));
        pair.is_some_and(|(start, end)| start < last && end > first)
    };
    let found: Vec<&Event> = events.iter().filter(overlaps).collect();
    let show = |event: &Event| Value::Object(project(&names, |name| event.property(name, &user.upn)));
    let context = format!("users('{}')/calendarView", user.id);
    Ok(part.page(visit, &context, found.into_iter(), show))
}

/// A moment in UTC, which is the only zone known here.
fn moment(name: &str, value: &Value) -> Result<String, Refusal> {
    let zone = value.get("timeZone").and_then(Value::as_str);
    let moment = value.get("dateTime").and_then(Value::as_str).filter(|_| zone == Some("UTC"));
    let moment = moment.and_then(|moment| moment.parse::<DateTime>().ok());
    let moment = moment.ok_or_else(|| {
        let message = format!("The value of '{name}' is not a moment in UTC.");
        Refusal::new(StatusCode::BAD_REQUEST, "ErrorInvalidRequest", message)
    })?;
    Ok(moment.strftime("%Y-%m-%dT%H:%M:%S").to_string())
}

/// Deletes an event. Attendees are notified, without a comment ("Delete event", Microsoft Graph
/// documentation, 2026).
pub(crate) fn delete(visit: &mut Visit<'_>, key: &str, event: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let (user, found) = find(visit, key, event)?;
    remove(visit, user, &found, "delete event");
    Ok(Reply::no_content())
}

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
    visit.tenant.edit_mailbox(user, |mailbox| mailbox.events.remove(&event.id));
    let told = match event.told() {
        0 => String::new(),
        attendees => format!(", told {attendees} attendees"),
    };
    visit.effects.push(format!("{how} {} of user {user}{told}", event.subject));
}

/// The event with this id, and the user of its mailbox.
fn find(visit: &Visit<'_>, key: &str, event: &str) -> Result<(Uuid, Event), Refusal> {
    let user = open(visit, key)?;
    let found = user.mailbox.as_ref().and_then(|mailbox| mailbox.events.get(event)).cloned();
    Ok((user.id, found.ok_or_else(not_in_store)?))
}
