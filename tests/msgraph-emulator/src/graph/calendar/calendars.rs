//! Calendars, and the permissions their owners gave to others.

use hyper::StatusCode;
use uuid::Uuid;

use crate::graph::calendar::events;
use crate::graph::calendar::outlook_pages::Part;
use crate::graph::mail::mailbox::{mailbox_of, not_in_store, open};
use crate::graph::{Answer, Visit};
use crate::http::query::{NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::route::CalendarOperation;
use crate::tenant::Calendar;

pub(crate) fn answer(visit: &mut Visit<'_>, key: &str, operation: CalendarOperation<'_>) -> Answer {
    match operation {
        CalendarOperation::List => list(visit, key),
        CalendarOperation::Delete(calendar) => delete(visit, key, calendar),
        CalendarOperation::ListPermissions(calendar) => list_permissions(visit, key, calendar),
        CalendarOperation::DeletePermission { calendar, permission } => {
            delete_permission(visit, key, calendar, permission)
        }
        CalendarOperation::ListEvents => events::list(visit, key),
        CalendarOperation::DeleteEvent(event) => events::delete(visit, key, event),
        CalendarOperation::CancelEvent(event) => events::cancel(visit, key, event),
    }
}

fn list(visit: &mut Visit<'_>, key: &str) -> Answer {
    let user = open(visit, key)?;
    let part = Part::read(visit, "microsoft.graph.calendar", &[])?;
    let (calendars, context) = (mailbox_of(user).calendars, format!("users('{}')/calendars", user.id));
    Ok(part.page(visit, &context, calendars.iter(), |calendar| calendar.shown(&user.upn)))
}

fn delete(visit: &mut Visit<'_>, key: &str, calendar: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let (user, found) = find(visit, key, calendar)?;
    if found.is_fixed {
        // Seen of birthdays and holidays, with an empty message (support threads, 2024).
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "UnknownError", ""));
    }
    if found.is_default {
        // The wording is not Microsoft's: no sample of it was found.
        let message = "The default calendar cannot be deleted.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "ErrorInvalidRequest", message));
    }
    visit.tenant.edit_mailbox(user, |mailbox| mailbox.calendars.retain(|held| held.id != calendar));
    visit.effects.push(format!("delete calendar {} of user {user}", found.name));
    Ok(Reply::no_content())
}

fn list_permissions(visit: &mut Visit<'_>, key: &str, calendar: &str) -> Answer {
    let (user, found) = find(visit, key, calendar)?;
    let part = Part::read(visit, "microsoft.graph.calendarPermission", &[])?;
    let context = format!("users('{user}')/calendars('{calendar}')/calendarPermissions");
    Ok(part.page(visit, &context, found.permissions().into_iter(), |permission| permission))
}

fn delete_permission(visit: &mut Visit<'_>, key: &str, calendar: &str, permission: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let (user, found) = find(visit, key, calendar)?;
    let shown = found.permissions();
    let shown = shown.iter().find(|shown| shown["id"] == permission).ok_or_else(not_in_store)?;
    if shown["isRemovable"] == false {
        // The wording is not Microsoft's: no sample of it was found.
        let message = "The permission cannot be removed.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "ErrorInvalidRequest", message));
    }
    visit.tenant.edit_mailbox(user, |mailbox| {
        let calendars = mailbox.calendars.iter_mut().filter(|held| held.id == calendar);
        calendars.for_each(|held| held.shared_with.retain(|sharing| sharing.id() != permission));
    });
    visit.effects.push(format!("remove permission on calendar {} of user {user}", found.name));
    Ok(Reply::no_content())
}

/// The calendar with this id, and the user of its mailbox.
fn find(visit: &Visit<'_>, key: &str, calendar: &str) -> Result<(Uuid, Calendar), Refusal> {
    let user = open(visit, key)?;
    let found = mailbox_of(user).calendars.into_iter().find(|held| held.id == calendar);
    Ok((user.id, found.ok_or_else(not_in_store)?))
}
