//! Calendars, and the permissions their owners gave to others.

use hyper::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::mailbox::{mailbox_of, not_in_store, open};
use super::{Answer, Visit};
use crate::error::Refusal;
use crate::paging::metadata;
use crate::query::{NONE, Query};
use crate::reply::Reply;
use crate::tenant::Calendar;

/// Outlook's page without `$top`, and its largest.
const DEFAULT_PAGE: usize = 10;
const LARGEST_PAGE: usize = 1_000;

pub(super) fn list(visit: &mut Visit<'_>, key: &str) -> Answer {
    let user = open(visit, key)?;
    let shown: Vec<Value> =
        mailbox_of(user).calendars.iter().map(|calendar| calendar.shown(&user.upn)).collect();
    page(visit, &format!("users('{}')/calendars", user.id), shown)
}

pub(super) fn delete(visit: &mut Visit<'_>, key: &str, calendar: &str) -> Answer {
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

pub(super) fn list_permissions(visit: &mut Visit<'_>, key: &str, calendar: &str) -> Answer {
    let (user, found) = find(visit, key, calendar)?;
    let context = format!("users('{user}')/calendars('{calendar}')/calendarPermissions");
    page(visit, &context, found.permissions())
}

pub(super) fn delete_permission(
    visit: &mut Visit<'_>,
    key: &str,
    calendar: &str,
    permission: &str,
) -> Answer {
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

/// The calendar with this id, and whose mailbox it is in.
fn find(visit: &Visit<'_>, key: &str, calendar: &str) -> Result<(Uuid, Calendar), Refusal> {
    let user = open(visit, key)?;
    let found = mailbox_of(user).calendars.into_iter().find(|held| held.id == calendar);
    Ok((user.id, found.ok_or_else(not_in_store)?))
}

/// Outlook's pages go by number.
fn page(visit: &Visit<'_>, context: &str, objects: Vec<Value>) -> Answer {
    let (mut top, mut skip) = (DEFAULT_PAGE, 0);
    for (name, value) in visit.request.options()? {
        let number = value.parse::<usize>().ok();
        match (name.as_str(), number) {
            ("$top", Some(number)) if (1..=LARGEST_PAGE).contains(&number) => top = number,
            ("$skip", Some(number)) => skip = number,
            _ => {
                let message = format!("The query parameter '{name}' or its value is not supported.");
                return Err(Refusal::malformed(message));
            }
        }
    }
    let top = top.min(visit.page_limit);
    let end = skip.saturating_add(top);
    let is_last = end >= objects.len();
    let value: Vec<Value> = objects.into_iter().skip(skip).take(top).collect();
    let mut page = json!({ "@odata.context": metadata(visit.request, context), "value": value });
    if let (false, Some(fields)) = (is_last, page.as_object_mut()) {
        let (base, path) = (visit.request.base(), &visit.request.path);
        fields.insert("@odata.nextLink".to_owned(), json!(format!("{base}{path}?$top={top}&$skip={end}")));
    }
    Ok(Reply::ok(&page))
}
