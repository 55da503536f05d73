//! Deleted users: listing, reading, restoring, and removing them for good.

use std::ops::Bound;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::graph::users::user::{TYPE, check_upn, is_taken, project_user};
use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::paging::Window;
use crate::http::query::{ENTITY, LIST, NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{USER_DEFAULTS, User};

/// The options of a restore.
const RESTORE_OPTIONS: &[&str] = &["autoReconcileProxyConflict", "newUserPrincipalName"];

pub(crate) fn list(visit: &mut Visit<'_>) -> Answer {
    let query = Query::read(visit.request, LIST)?;
    let names = selected(&query)?;
    let window = Window::read(visit.request, &query, visit.page_limit)?;
    let filter = query.filter_on(&["id", "userPrincipalName", "mail", "employeeId"])?;
    let after = window.after.map_or(Bound::Unbounded, Bound::Excluded);
    let users = visit
        .tenant
        .deleted
        .range((after, Bound::Unbounded))
        .filter(|(_, user)| {
            filter.is_none_or(|filter| {
                let held = user.property(&filter.property);
                let held = held.as_ref().and_then(Value::as_str);
                held.is_some_and(|held| held.eq_ignore_ascii_case(&filter.value))
            })
        })
        .map(|(&id, user)| (id, Value::Object(project_user(user, &names))));
    let context = format!("users{}", query.context_suffix());
    Ok(Reply::ok(&window.page(visit.request, &context, users)))
}

pub(crate) fn get_user(visit: &mut Visit<'_>, key: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let names = selected(&query)?;
    let id = Uuid::try_parse(key).ok();
    let user = id.and_then(|id| visit.tenant.deleted.get(&id));
    let user = user.ok_or_else(|| Refusal::not_found(key))?;
    let context = format!("users{}/$entity", query.context_suffix());
    Ok(Reply::ok(&entity(visit, &context, project_user(user, &names))))
}

pub(crate) fn get(visit: &mut Visit<'_>, key: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let has = |name: &str| ["id", "deletedDateTime"].contains(&name);
    let names = query.selected(has, "microsoft.graph.directoryObject", USER_DEFAULTS)?;
    let mut fields = project_user(find(visit, key)?, &names);
    fields.insert("@odata.type".to_owned(), json!("#microsoft.graph.user"));
    Ok(Reply::ok(&entity(visit, "directoryObjects/$entity", fields)))
}

pub(crate) fn restore(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let (mut new_name, mut gives_up) = (None, false);
    if !visit.request.body.is_empty() {
        let body = visit.request.object()?;
        if let Some(name) = body.keys().find(|name| !RESTORE_OPTIONS.contains(&name.as_str())) {
            return Err(Refusal::unknown_property(name, "microsoft.graph.restore"));
        }
        new_name = body.get("newUserPrincipalName").and_then(Value::as_str).map(str::to_owned);
        gives_up = body.get("autoReconcileProxyConflict").and_then(Value::as_bool).unwrap_or_default();
    }
    let user = find(visit, key)?;
    let id = user.id;
    if user.role.is_some() && !visit.caller.privileged {
        return Err(Refusal::denied());
    }
    match &new_name {
        Some(name) => check_upn(visit, name)?,
        None if visit.tenant.user_id(user.former_upn()).is_some() => {
            return Err(Refusal::conflict("userPrincipalName"));
        }
        None => {}
    }
    let is_taken = user.property("mail").is_some_and(|mail| is_taken(visit, user, &mail));
    if is_taken && !gives_up {
        return Err(Refusal::conflict("proxyAddresses"));
    }
    if visit.tenant.restore(id, new_name.as_deref(), is_taken) {
        visit.effects.push(format!("restore user {id}"));
    }
    let mut fields = project_user(visit.user(&id.to_string())?, USER_DEFAULTS);
    fields.insert("@odata.type".to_owned(), json!("#microsoft.graph.user"));
    Ok(Reply::ok(&entity(visit, "directoryObjects/$entity", fields)))
}

pub(crate) fn purge(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let user = find(visit, key)?;
    let id = user.id;
    if user.role.is_some() && !visit.caller.privileged {
        return Err(Refusal::denied());
    }
    if visit.tenant.purge(id) {
        visit.effects.push(format!("purge user {id}"));
    }
    Ok(Reply::no_content())
}

fn find<'a>(visit: &'a Visit<'_>, key: &str) -> Result<&'a User, Refusal> {
    let id = Uuid::try_parse(key).ok();
    let user = id.and_then(|id| visit.tenant.deleted.get(&id));
    user.ok_or_else(|| Refusal::not_found(key))
}

fn selected(query: &Query) -> Result<Vec<&str>, Refusal> {
    let has = |name: &str| User::properties().any(|property| property == name);
    query.selected(has, TYPE, USER_DEFAULTS)
}
