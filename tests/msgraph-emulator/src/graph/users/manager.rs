//! A user's manager.

use serde_json::json;

use crate::graph::groups::members::list_objects;
use crate::graph::users::user::{TYPE, project_user};
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{DIRECTORY, ENTITY, NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{USER_DEFAULTS, User};

pub(crate) fn get(visit: &mut Visit<'_>, key: &str, reference: bool) -> Answer {
    let query = Query::read(visit.request, if reference { NONE } else { ENTITY })?;
    let user = visit.user(key)?;
    let manager = user.manager.and_then(|id| visit.tenant.whole(id));
    // Not a client's error: Graph reports "no manager" this way (2026-08).
    let manager = manager.ok_or_else(|| Refusal::not_found("manager"))?;
    if reference {
        let base = visit.request.base();
        let address = format!("{base}/v1.0/users/{}", manager.id);
        let context = metadata(visit.request, "$ref");
        let body = json!({ "@odata.context": context, "@odata.id": address });
        return Ok(Reply::ok(&body));
    }
    let has = |name: &str| User::properties().any(|property| property == name);
    let names = query.selected(has, TYPE, USER_DEFAULTS)?;
    let mut fields = project_user(&manager, &names);
    fields.insert("@odata.type".to_owned(), json!("#microsoft.graph.user"));
    let body = crate::graph::visit::entity(visit, "directoryObjects/$entity", fields);
    Ok(Reply::ok(&body))
}

/// The people whose manager this user is ("List directReports", 2025).
pub(crate) fn list_reports(visit: &mut Visit<'_>, key: &str, cast: bool) -> Answer {
    let query = Query::read(visit.request, DIRECTORY)?;
    let manager = visit.user(key)?.id;
    let reports = visit.tenant.reports_of(manager).into_iter().collect();
    list_objects(visit, &query, &reports, cast)
}

pub(crate) fn set(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let wanted = visit.reference()?;
    let (id, before) = changeable(visit, key)?;
    let manager = visit.user(&wanted)?.id;
    if before != Some(manager) {
        visit.tenant.edit_user(id, |user| user.manager = Some(manager));
        let effect = format!("set manager of user {id} to {manager}");
        visit.effects.push(effect);
    }
    Ok(Reply::no_content())
}

pub(crate) fn remove(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let (id, before) = changeable(visit, key)?;
    if before.is_none() {
        return Err(Refusal::not_found("manager"));
    }
    visit.tenant.edit_user(id, |user| user.manager = None);
    visit.effects.push(format!("remove manager of user {id}"));
    Ok(Reply::no_content())
}

/// The user's id and manager, unless the user is synced.
fn changeable(visit: &Visit<'_>, key: &str) -> Result<(uuid::Uuid, Option<uuid::Uuid>), Refusal> {
    let user = visit.user(key)?;
    if user.formerly_synced {
        return Err(Refusal::external_object());
    }
    if user.synced {
        return Err(Refusal::synced_user());
    }
    let manager = user.manager;
    let manager = manager.filter(|&id| visit.tenant.listed(id).is_some());
    Ok((user.id, manager))
}
