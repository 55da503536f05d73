//! Calendars, and the permissions their owners gave to others.

use hyper::StatusCode;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::graph::calendar::events;
use crate::graph::calendar::outlook_pages::Part;
use crate::graph::mail::mailbox::{mailbox_of, not_in_store, open};
use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::query::{NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::route::CalendarOperation;
use crate::tenant::{Calendar, Sharing};

const PERMISSION: &str = "microsoft.graph.calendarPermission";
/// The members of `calendarRoleType` that can be given.
const ROLES: &[&str] = &[
    "none",
    "freeBusyRead",
    "limitedRead",
    "read",
    "write",
    "delegateWithoutPrivateEventAccess",
    "delegateWithPrivateEventAccess",
];

pub(crate) fn answer(visit: &mut Visit<'_>, key: &str, operation: CalendarOperation<'_>) -> Answer {
    match operation {
        CalendarOperation::List => list(visit, key),
        CalendarOperation::Get => get(visit, key),
        CalendarOperation::Delete(calendar) => delete(visit, key, calendar),
        CalendarOperation::ListPermissions(calendar) => list_permissions(visit, key, calendar),
        CalendarOperation::AddPermission(calendar) => add_permission(visit, key, calendar),
        CalendarOperation::UpdatePermission { calendar, permission } => {
            update_permission(visit, key, calendar, permission)
        }
        CalendarOperation::DeletePermission { calendar, permission } => {
            delete_permission(visit, key, calendar, permission)
        }
        CalendarOperation::ListEvents => events::list(visit, key),
        CalendarOperation::CreateEvent => events::create(visit, key),
        CalendarOperation::GetEvent(event) => events::get(visit, key, event),
        CalendarOperation::View => events::view(visit, key),
        CalendarOperation::ListInstances(event) => events::list_instances(visit, key, event),
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

/// The primary calendar.
fn get(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let user = open(visit, key)?;
    let calendars = mailbox_of(user).calendars;
    let primary = calendars.iter().find(|calendar| calendar.is_default).ok_or_else(not_in_store)?;
    let Value::Object(fields) = primary.shown(&user.upn) else { return Err(not_in_store()) };
    let context = format!("users('{}')/calendar/$entity", user.id);
    Ok(Reply::ok(&entity(visit, &context, fields)))
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
    let part = Part::read(visit, PERMISSION, &[])?;
    let context = format!("users('{user}')/calendars('{calendar}')/calendarPermissions");
    Ok(part.page(visit, &context, found.permissions().into_iter(), |permission| permission))
}

/// Shares a calendar with a person of the tenant ("Create calendarPermission", 2026). The wording of the refusals is
/// not Microsoft's: no samples were found.
fn add_permission(visit: &mut Visit<'_>, key: &str, calendar: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.object()?;
    let (user, found) = find(visit, key, calendar)?;
    let known = ["emailAddress", "isInsideOrganization", "isRemovable", "role"];
    if let Some(name) = body.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(Refusal::unknown_property(name, PERMISSION));
    }
    let refused = |message: &str| Refusal::new(StatusCode::BAD_REQUEST, "ErrorInvalidRequest", message);
    if !found.is_own() {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "ErrorAccessDenied",
            "Only the owner shares a calendar.",
        ));
    }
    let address = body.get("emailAddress").and_then(|to| to.get("address")?.as_str()).unwrap_or_default();
    if visit.tenant.users_with("userPrincipalName", address).is_empty()
        && visit.tenant.users_with("mail", address).is_empty()
    {
        return Err(refused("The recipient cannot be resolved."));
    }
    if found.shared_with.iter().any(|held| held.address.eq_ignore_ascii_case(address)) {
        return Err(refused("The calendar is shared with the recipient already."));
    }
    let role = role_in(&body)?;
    let sharing = Sharing { address: address.to_owned(), role: role.to_owned() };
    let id = sharing.id();
    edit(visit, user, calendar, |held| held.share(sharing.clone()));
    visit.effects.push(format!("share calendar {} of user {user}: {role}", found.name));
    shown(visit, key, calendar, &id)
}

/// Only the role can be changed, also that of the whole organization ("Update calendarPermission", 2021).
fn update_permission(visit: &mut Visit<'_>, key: &str, calendar: &str, permission: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.object()?;
    let (user, found) = find(visit, key, calendar)?;
    if let Some(name) = body.keys().find(|name| *name != "role") {
        return Err(Refusal::unknown_property(name, PERMISSION));
    }
    let role = role_in(&body)?;
    if !found.permissions().iter().any(|held| held["id"] == permission) {
        return Err(not_in_store());
    }
    edit(visit, user, calendar, |held| held.set_role(permission, role));
    visit.effects.push(format!("change a permission on calendar {} of user {user}: {role}", found.name));
    shown(visit, key, calendar, permission)
}

/// The role in a body, if it is one that can be given.
fn role_in(body: &Map<String, Value>) -> Result<&str, Refusal> {
    let role = body.get("role").and_then(Value::as_str).unwrap_or_default();
    ROLES
        .contains(&role)
        .then_some(role)
        .ok_or_else(|| Refusal::malformed(format!("Requested value '{role}' was not found.")))
}

fn edit(visit: &mut Visit<'_>, user: Uuid, calendar: &str, change: impl Fn(&mut Calendar)) {
    visit.tenant.edit_mailbox(user, |mailbox| {
        mailbox.calendars.iter_mut().filter(|held| held.id == calendar).for_each(change);
    });
}

/// The permission as it is now.
fn shown(visit: &Visit<'_>, key: &str, calendar: &str, permission: &str) -> Answer {
    let (_, found) = find(visit, key, calendar)?;
    let shown = found.permissions().into_iter().find(|held| held["id"] == permission);
    Ok(Reply::ok(&shown.ok_or_else(not_in_store)?))
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
