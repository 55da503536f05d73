//! Sign-in sessions: ended for a user, all at once.

use serde_json::json;

use crate::clock;
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{NONE, Query};
use crate::http::reply::Reply;

pub(crate) fn revoke(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    visit.request.no_body()?;
    let id = visit.user(key)?.id;
    visit.tenant.edit_user(id, |user| {
        user.sessions_from = clock::now();
        user.revoked = true;
    });
    // Every call ends the sessions started before it, so every call is a change.
    visit.effects.push(format!("revoke sessions of user {id}"));
    let context = metadata(visit.request, "Edm.Boolean");
    Ok(Reply::ok(&json!({ "@odata.context": context, "value": true })))
}
