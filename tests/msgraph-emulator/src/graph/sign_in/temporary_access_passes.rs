//! Temporary access passes: listed, and issued to users.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::clock;
use crate::graph::sign_in::authentication_methods::method_id;
use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{PASS_METHOD, Pass};

/// The default policy of a tenant ("Configure Temporary Access Pass", Microsoft Entra documentation, 2026).
const LIFETIMES: std::ops::RangeInclusive<i64> = 60..=480;
const DEFAULT_LIFETIME: i64 = 60;

pub(crate) fn list(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let user = visit.user(key)?;
    let shown: Vec<Value> =
        user.pass.iter().map(|pass| pass.shown(method_id(user.id, PASS_METHOD))).collect();
    let context = format!("users('{}')/authentication/temporaryAccessPassMethods", user.id);
    Ok(Reply::ok(&json!({ "@odata.context": metadata(visit.request, &context), "value": shown })))
}

pub(crate) fn issue(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let pass = read(&visit.request.object()?)?;
    let user = visit.user(key)?;
    let (id, is_held) = (user.id, user.pass.is_some());
    visit.check_administrator(id)?;
    if is_held {
        // Editions of the documentation differ on whether a second pass replaces it.
        // The wording is not Microsoft's.
        let message = "The user already has a Temporary Access Pass. Delete it before another is created.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "badRequest", message));
    }
    let mut shown = pass.shown(method_id(id, PASS_METHOD));
    let value = visit.tenant.edit_user(id, |user| user.take_pass(pass)).unwrap_or_default();
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("temporaryAccessPass".to_owned(), json!(value));
    }
    visit.passes.push(value);
    visit.effects.push(format!("issue {PASS_METHOD} to user {id}"));
    let context = format!("users('{id}')/authentication/temporaryAccessPassMethods/$entity");
    let shown = entity(visit, &context, shown.as_object().cloned().unwrap_or_default());
    Ok(Reply::json(StatusCode::CREATED, &shown))
}

fn read(body: &Map<String, Value>) -> Result<Pass, Refusal> {
    let now = clock::now();
    let mut pass = Pass { created: now.clone(), start: now, minutes: DEFAULT_LIFETIME, ..Pass::default() };
    for (name, value) in body {
        let wrong = || Refusal::malformed(format!("The value of property '{name}' is of another type."));
        match name.as_str() {
            "@odata.type" => {}
            "startDateTime" => {
                let start = value.as_str().filter(|start| start.parse::<Timestamp>().is_ok());
                start.ok_or_else(wrong)?.clone_into(&mut pass.start);
            }
            "lifetimeInMinutes" => pass.minutes = value.as_i64().ok_or_else(wrong)?,
            "isUsableOnce" => pass.is_usable_once = value.as_bool().ok_or_else(wrong)?,
            _ => {
                return Err(Refusal::unknown_property(
                    name,
                    "microsoft.graph.temporaryAccessPassAuthenticationMethod",
                ));
            }
        }
    }
    if !LIFETIMES.contains(&pass.minutes) {
        let (least, most) = (LIFETIMES.start(), LIFETIMES.end());
        let message =
            format!("Invalid LifetimeInMinutes specified. The valid range between {least} and {most}.");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "badRequest", message));
    }
    Ok(pass)
}
