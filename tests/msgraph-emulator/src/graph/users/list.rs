//! The list of users, and one user: the properties asked for, and one relation beside them.

use std::collections::BTreeSet;

use hyper::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::graph::expand::{Expansion, Of, append};
use crate::graph::users::sign_ins;
use crate::graph::users::user::selected;
use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::paging::{Page, Window};
use crate::http::query::{DIRECTORY, ENTITY, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::odata::{Asked, USERS};
use crate::tenant::{Columns, Listed, SIGN_IN_ACTIVITY};

/// The properties by which an index finds users.
const INDEXED: &[&str] = &["userPrincipalName", "employeeId", "mail", "id"];

/// The filter whose count needs no look at every user.
const ENABLED_MEMBERS: &str = "accountEnabled eq true and userType eq 'Member'";

pub(crate) fn list(visit: &mut Visit<'_>) -> Answer {
    let query = Query::read(visit.request, &[DIRECTORY, &["$expand"]].concat())?;
    let names = selected(visit, &query)?;
    let expansion = Expansion::read(visit, &query, Of::Users)?;
    let mut window = Window::read(visit.request, &query, visit.page_limit)?;
    if names.contains(&SIGN_IN_ACTIVITY) {
        window = window.at_most(sign_ins::page(visit, &query)?);
    }
    let managers = expansion.as_ref().map(|expansion| expansion.managers(visit, None)).transpose()?;
    let columns = Columns::of_list(&names, managers.flatten());
    let tenant = &visit.tenant;
    let suffix = expansion.as_ref().map(|expansion| expansion.context_suffix(&query));
    let suffix = suffix.unwrap_or_else(|| query.context_suffix());
    let mut page = Page::begin(visit.request, &format!("users{suffix}"));
    let asked = Asked::read(visit.request, &query, &USERS)?;
    let (last, total) = if asked.is_all() {
        let rest = tenant.listed_after(window.after);
        let last = fill(visit, &mut page, &window, (&columns, expansion.as_ref()), rest)?;
        (last, tenant.user_count())
    } else {
        let found = chosen(visit, &asked);
        let rest = window.rest(&found, asked.is_ordered())?.iter().filter_map(|id| tenant.listed(*id));
        let last = fill(visit, &mut page, &window, (&columns, expansion.as_ref()), rest)?;
        (last, found.len() as u64)
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

/// The users a query asks for, by an index where there is one.
fn chosen(visit: &Visit<'_>, asked: &Asked) -> Vec<Uuid> {
    let tenant = &visit.tenant;
    match asked.lookup().filter(|(name, _)| INDEXED.contains(name)) {
        Some((name, values)) => {
            let found = values.into_iter().flat_map(|value| tenant.users_with(name, value));
            found.collect::<BTreeSet<Uuid>>().into_iter().collect()
        }
        None => {
            let everybody = tenant.listed_after(None).map(|user| user.id());
            asked.choose(everybody, |id, name| tenant.whole(id)?.property(name))
        }
    }
}

/// Writes the users that fit, with what is expanded; returns the last of them if there are more.
fn fill<'a>(
    visit: &Visit<'_>,
    page: &mut Page,
    window: &Window,
    (columns, expansion): (&Columns<'_>, Option<&Expansion>),
    users: impl Iterator<Item = Listed<'a>>,
) -> Result<Option<Uuid>, Refusal> {
    let mut last = None;
    for user in users {
        if page.len() == window.size {
            return Ok(last);
        }
        let beside = expansion.map(|expansion| expansion.beside(visit, user.id())).transpose()?.flatten();
        page.add(|out| {
            visit.tenant.write_user(&user, columns, out);
            beside.iter().for_each(|beside| append(out, beside));
        });
        last = Some(user.id());
    }
    Ok(None)
}

pub(crate) fn count(visit: &mut Visit<'_>) -> Answer {
    let mut query = Query::read(visit.request, &["$filter", "$search"])?;
    if !visit.request.is_advanced() {
        return Err(Refusal::bad_request("$count is not currently supported."));
    }
    // The path counts as the option does.
    query.count = true;
    let total = match query.filter_text.as_deref() {
        None if query.search.is_none() => visit.tenant.user_count(),
        Some(ENABLED_MEMBERS) => visit.tenant.totals().enabled_members(),
        _ => chosen(visit, &Asked::read(visit.request, &query, &USERS)?).len() as u64,
    };
    Ok(Reply::text(StatusCode::OK, "text/plain", total.to_string()))
}

pub(crate) fn get(visit: &mut Visit<'_>, key: &str) -> Answer {
    // Beside a chain of managers Microsoft shows `$count=true`, which counts nothing here ("List manager", 2022).
    let query = Query::read(visit.request, &[ENTITY, &["$expand", "$count"]].concat())?;
    if query.count && query.expand.is_none() {
        return Err(Refusal::malformed("The query parameter '$count' is not supported."));
    }
    let names = selected(visit, &query)?;
    let expansion = Expansion::read(visit, &query, Of::OneUser)?;
    if names.contains(&SIGN_IN_ACTIVITY) {
        sign_ins::check(visit)?;
        // The reports know ids only (seen 2026-09, with this number as the code).
        if Uuid::try_parse(key).is_err() {
            let message = "Get By Key only supports UserId and the key has to be a valid Guid";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "400", message));
        }
    }
    let user = visit.user(key)?;
    let managers =
        expansion.as_ref().map(|expansion| expansion.managers(visit, Some(user.id))).transpose()?;
    let columns = Columns::of_list(&names, managers.flatten());
    let mut bytes = Vec::new();
    visit.tenant.write_user(&Listed::Held(user), &columns, &mut bytes);
    let beside = expansion.as_ref().map(|expansion| expansion.beside(visit, user.id)).transpose()?.flatten();
    beside.iter().for_each(|beside| append(&mut bytes, beside));
    let suffix = expansion.as_ref().map(|expansion| expansion.context_suffix(&query));
    let suffix = suffix.unwrap_or_else(|| query.context_suffix());
    let fields = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(Reply::ok(&entity(visit, &format!("users{suffix}/$entity"), fields)))
}
