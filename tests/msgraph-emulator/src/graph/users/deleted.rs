//! Deleted items by id alone, and bringing them back. Only users are kept here.

use serde_json::json;
use uuid::Uuid;

use crate::graph::users::user::{entity, project_user};
use crate::graph::{Answer, Visit};
use crate::http::query::{ENTITY, NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{USER_DEFAULTS, User};

/// What a restore may be asked beside the item.
const RESTORE_OPTIONS: &[&str] = &["autoReconcileProxyConflict", "newUserPrincipalName"];

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
    if !visit.request.body.is_empty() {
        let body = visit.request.object()?;
        if let Some(name) = body.keys().find(|name| !RESTORE_OPTIONS.contains(&name.as_str())) {
            return Err(Refusal::unknown_property(name, "microsoft.graph.restore"));
        }
        // What they do to names is not known well enough to be played.
        if !body.is_empty() {
            return Err(Refusal::malformed("The emulator restores under the old name only."));
        }
    }
    let user = find(visit, key)?;
    let id = user.id;
    if user.role.is_some() && !visit.caller.privileged {
        return Err(Refusal::denied());
    }
    if visit.tenant.restore(id) {
        visit.effects.push(format!("restore user {id}"));
    }
    let mut fields = project_user(visit.user(&id.to_string())?, USER_DEFAULTS);
    fields.insert("@odata.type".to_owned(), json!("#microsoft.graph.user"));
    Ok(Reply::ok(&entity(visit, "directoryObjects/$entity", fields)))
}

fn find<'a>(visit: &'a Visit<'_>, key: &str) -> Result<&'a User, Refusal> {
    let id = Uuid::try_parse(key).ok();
    let user = id.and_then(|id| visit.tenant.deleted.get(&id));
    user.ok_or_else(|| Refusal::not_found(key))
}
