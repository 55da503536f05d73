//! The sign-in methods of users.

use hyper::StatusCode;
use serde_json::{Value, json};
use uuid::{Uuid, uuid};

use crate::clock::CREATED;
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::PASS_METHOD;

/// The id of every user's password method, the same in every tenant.
const PASSWORD: Uuid = uuid!("28c10230-6103-485e-b985-444c60001490");

pub(crate) fn list(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let user = visit.user(key)?;
    let show = |kind: &str, id: Uuid| {
        json!({
            "@odata.type": format!("#microsoft.graph.{kind}AuthenticationMethod"),
            "createdDateTime": CREATED,
            "id": id,
        })
    };
    let registered = user.methods.iter().map(|kind| show(kind, method_id(user.id, kind)));
    let value: Vec<Value> = std::iter::once(show("password", PASSWORD)).chain(registered).collect();
    let context = format!("users('{}')/authentication/methods", user.id);
    Ok(Reply::ok(&json!({ "@odata.context": metadata(visit.request, &context), "value": value })))
}

/// `segment` is `phoneMethods` and the like; there is no removal by the id alone.
pub(crate) fn remove(visit: &mut Visit<'_>, key: &str, segment: &str, method: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let user = visit.user(key)?;
    let id = user.id;
    let mut kinds = user.methods.iter();
    let kind = kinds.find(|kind| {
        segment == path_of(kind) && method_id(id, kind).to_string().eq_ignore_ascii_case(method)
    });
    let kind = kind.ok_or_else(|| Refusal::not_found(method))?.clone();
    if user.default_method.as_ref() == Some(&kind) && user.methods.len() > 1 {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "badRequest",
            format!(
                "The requested authentication method id of [{method}] matches the user's current default \
                 authentication method, and cannot be deleted until the default authentication method is changed"
            ),
        ));
    }
    visit.tenant.edit_user(id, |user| {
        user.methods.remove(&kind);
        user.pass = user.pass.take().filter(|_| kind != PASS_METHOD);
    });
    visit.effects.push(format!("remove {kind} of user {id}"));
    Ok(Reply::no_content())
}

/// The path's name is the type's, but for one.
fn path_of(kind: &str) -> String {
    match kind {
        "external" => "externalAuthenticationMethods".to_owned(),
        _ => format!("{kind}Methods"),
    }
}

pub(crate) fn method_id(user: Uuid, kind: &str) -> Uuid {
    Uuid::new_v5(&user, format!("method/{kind}").as_bytes())
}
