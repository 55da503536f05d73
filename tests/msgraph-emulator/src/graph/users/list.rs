//! The list of users, and one user: the properties asked for, and the manager beside them.

use std::ops::Bound;

use hyper::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::graph::users::expand::Expansion;
use crate::graph::users::sign_ins;
use crate::graph::users::user::selected;
use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::paging::{Page, Window};
use crate::http::query::{ENTITY, Filter, LIST, NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{Columns, Listed, SIGN_IN_ACTIVITY};

/// The properties users can be filtered by.
const FILTERS: &[&str] = &["userPrincipalName", "employeeId", "mail", "id"];

/// The one filter by which users can be counted.
const ENABLED_MEMBERS: &str = "accountEnabled eq true and userType eq 'Member'";

pub(crate) fn list(visit: &mut Visit<'_>) -> Answer {
    let query = Query::read(visit.request, &[LIST, &["$expand"]].concat())?;
    let names = selected(visit, &query)?;
    let expansion = Expansion::read(visit, &query, true)?;
    let mut window = Window::read(visit.request, &query, visit.page_limit)?;
    if names.contains(&SIGN_IN_ACTIVITY) {
        window = window.at_most(sign_ins::page(visit, &query)?);
    }
    let manager = expansion.as_ref().map(|expansion| expansion.selected(visit)).transpose()?;
    let columns = Columns::of_list(&names, manager.map(|names| Columns::of_manager(&names)));
    let tenant = &visit.tenant;
    let suffix = expansion.as_ref().map(|expansion| expansion.context_suffix(&query));
    let suffix = suffix.unwrap_or_else(|| query.context_suffix());
    let mut page = Page::begin(visit.request, &format!("users{suffix}"));
    let (last, total) = match query.filter_on(FILTERS)? {
        Some(Filter { property, value, .. }) => {
            let found = tenant.users_with(property, value);
            let after = window.after.map_or(Bound::Unbounded, Bound::Excluded);
            let rest = found.range((after, Bound::Unbounded)).filter_map(|id| tenant.listed(*id));
            (fill(visit, &mut page, &window, &columns, rest), found.len() as u64)
        }
        None => {
            let rest = tenant.listed_after(window.after);
            (fill(visit, &mut page, &window, &columns, rest), tenant.user_count())
        }
    };
    // Without the header Graph ignores `$count` silently; later pages never have it (2026-08).
    if query.count && visit.request.is_advanced() && window.is_first() {
        page.field("@odata.count", &json!(total));
    }
    if let Some(last) = last {
        page.field("@odata.nextLink", &json!(window.next_link(visit.request, last)));
    }
    Ok(Reply::ok_bytes(page.end()))
}

/// Writes the users that fit; returns the last of them if there are more.
fn fill<'a>(
    visit: &Visit<'_>,
    page: &mut Page,
    window: &Window,
    columns: &Columns<'_>,
    users: impl Iterator<Item = Listed<'a>>,
) -> Option<Uuid> {
    let mut last = None;
    for user in users {
        if page.len() == window.size {
            return last;
        }
        page.add(|out| visit.tenant.write_user(&user, columns, out));
        last = Some(user.id());
    }
    None
}

pub(crate) fn count(visit: &mut Visit<'_>) -> Answer {
    let options = visit.request.options()?;
    let filter = match options.as_slice() {
        [(name, filter)] if name == "$filter" => Some(filter.as_str()),
        _ => {
            Query::read(visit.request, NONE)?;
            None
        }
    };
    if !visit.request.is_advanced() {
        return Err(Refusal::bad_request("$count is not currently supported."));
    }
    let total = match filter {
        None => visit.tenant.user_count(),
        Some(ENABLED_MEMBERS) => visit.tenant.totals().enabled_members(),
        Some(_) => return Err(Refusal::unsupported_query("Unsupported Query.")),
    };
    Ok(Reply::text(StatusCode::OK, "text/plain", total.to_string()))
}

pub(crate) fn get(visit: &mut Visit<'_>, key: &str) -> Answer {
    let query = Query::read(visit.request, &[ENTITY, &["$expand"]].concat())?;
    let names = selected(visit, &query)?;
    let expansion = Expansion::read(visit, &query, false)?;
    if names.contains(&SIGN_IN_ACTIVITY) {
        sign_ins::check(visit)?;
        // The reports know ids only (seen 2026-09, with this number as the code).
        if Uuid::try_parse(key).is_err() {
            let message = "Get By Key only supports UserId and the key has to be a valid Guid";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "400", message));
        }
    }
    let manager = expansion.as_ref().map(|expansion| expansion.selected(visit)).transpose()?;
    let columns = Columns::of_list(&names, manager.map(|names| Columns::of_manager(&names)));
    let mut bytes = Vec::new();
    visit.tenant.write_user(&Listed::Held(visit.user(key)?), &columns, &mut bytes);
    let suffix = expansion.as_ref().map(|expansion| expansion.context_suffix(&query));
    let suffix = suffix.unwrap_or_else(|| query.context_suffix());
    let fields = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(Reply::ok(&entity(visit, &format!("users{suffix}/$entity"), fields)))
}
