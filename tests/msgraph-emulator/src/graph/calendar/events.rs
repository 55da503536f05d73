//! Events of a primary calendar: listed, deleted, called off.

use hyper::StatusCode;
use serde_json::Value;
use uuid::Uuid;

use crate::graph::calendar::outlook_pages::Part;
use crate::graph::mail::mailbox::{mailbox_of, not_in_store, open};
use crate::graph::{Answer, Visit};
use crate::http::query::{NONE, Query, project};
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
    if let Some(name) = body.keys().find(|name| *name != "Comment") {
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
