//! The controls under `/_emulator/`: journal, state, totals, secrets, faults, delta, reports, sign-ins, tokens,
//! applications, reset. They need no token.

use hyper::{Method, StatusCode};
use jiff::Span;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::auth::Decision;
use crate::control::faults::Fault;
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::world::{Inside, World};

/// The path of the controls.
const ROOT: &str = "/_emulator/";

/// Answers a request for a control; nothing for any other request.
pub(crate) fn answer(world: &World, request: &Request) -> Option<Reply> {
    let control = request.path.strip_prefix(ROOT)?;
    let reply = control_reply(world, request, control);
    Some(reply.unwrap_or_else(|error| error.reply()))
}

/// The error of a request for a control.
struct Wrong(StatusCode, String);

impl Wrong {
    fn bad(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }

    fn reply(&self) -> Reply {
        Reply::json(self.0, &json!({ "error": self.1 }))
    }
}

fn control_reply(world: &World, request: &Request, control: &str) -> Result<Reply, Wrong> {
    let method = &request.method;
    match control {
        "health" if method == Method::GET => Ok(Reply::ok(&json!({ "status": "ok" }))),
        "journal" if method == Method::GET => {
            let after = after(request)?;
            Ok(Reply::ok(&json!(world.lock().journal.after(after))))
        }
        "journal" if method == Method::DELETE => {
            world.lock().journal.clear();
            Ok(Reply::no_content())
        }
        "state" if method == Method::GET => {
            let mut inside = world.lock();
            inside.tenant.go_on_copying();
            let state = inside.tenant.state();
            Ok(Reply::ok(&state))
        }
        "usage" if method == Method::GET => Ok(Reply::ok(&json!(world.lock().limiter.usage()))),
        "secrets" if method == Method::GET => Ok(Reply::ok(&json!(world.lock().secrets()))),
        "faults" if method == Method::GET => Ok(Reply::ok(&json!(world.lock().faults.rules()))),
        "faults" if method == Method::POST => set_faults(world, request),
        "faults" if method == Method::DELETE => {
            world.lock().faults.clear();
            Ok(Reply::no_content())
        }
        "delta" if method == Method::PATCH => change_delta(world, request),
        "totals" if method == Method::GET => Ok(Reply::ok(&json!(world.lock().tenant.totals()))),
        "reports" if method == Method::GET => Ok(Reply::ok(&json!(world.lock().tenant.report_switches()))),
        "reports" if method == Method::PATCH => change_reports(world, request),
        "reports/totals" if method == Method::GET => usage_totals(world, request),
        "delta" if method == Method::DELETE => {
            world.lock().tenant.expire_delta_tokens();
            Ok(Reply::no_content())
        }
        "sign-ins" if method == Method::GET => Ok(Reply::ok(&json!(world.lock().tokens.pending()))),
        "sign-ins" if method == Method::POST => decide_sign_in(world, request),
        "tokens" if method == Method::POST => end_tokens(world, request),
        "applications" if method == Method::PATCH => change_application(world, request),
        "reset" if method == Method::POST => {
            world.lock().reset();
            Ok(Reply::no_content())
        }
        _ => Err(Wrong(
            StatusCode::NOT_FOUND,
            format!(
                "no control {method} {control}; there are GET health, GET|DELETE journal, GET \
                 state, GET usage, GET secrets, GET|POST|DELETE faults, PATCH|DELETE delta, \
                 GET totals, GET|PATCH reports, GET reports/totals, GET|POST sign-ins, POST tokens, PATCH applications, POST reset"
            ),
        )),
    }
}

fn after(request: &Request) -> Result<u64, Wrong> {
    let options = request.options();
    let options = options.map_err(|refusal| Wrong::bad(refusal.message))?;
    match options.as_slice() {
        [] => Ok(0),
        [(name, n)] if name == "after" => {
            n.parse().map_err(|_| Wrong::bad(format!("after must be a number, not {n}")))
        }
        _ => Err(Wrong::bad("the only query option is after")),
    }
}

/// Sets one rule, or a list of rules, all or none.
fn set_faults(world: &World, request: &Request) -> Result<Reply, Wrong> {
    let body: Value = serde_json::from_slice(&request.body).map_err(|error| Wrong::bad(error.to_string()))?;
    let rules = match body {
        Value::Array(rules) => rules,
        rule => vec![rule],
    };
    let mut faults = Vec::new();
    for (index, rule) in rules.into_iter().enumerate() {
        let wrong = |why: String| Wrong::bad(format!("rule {index}: {why}"));
        let fault: Fault = serde_json::from_value(rule).map_err(|error| wrong(error.to_string()))?;
        fault.check().map_err(wrong)?;
        faults.push(fault);
    }
    let mut inside = world.lock();
    let ids: Vec<u64> = faults.into_iter().map(|fault| inside.faults.set(fault)).collect();
    Ok(Reply::ok(&json!({ "ids": ids })))
}

/// How delta rounds go on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeltaChange {
    age_days: Option<u32>,
    replays: Option<bool>,
}

fn change_delta(world: &World, request: &Request) -> Result<Reply, Wrong> {
    let change: DeltaChange = body(request)?;
    let history = &mut world.lock().tenant.history;
    history.aged_days += change.age_days.unwrap_or_default();
    history.replays = change.replays.unwrap_or(history.replays);
    Ok(Reply::no_content())
}

/// Changes the switches that the body names.
fn change_reports(world: &World, request: &Request) -> Result<Reply, Wrong> {
    let changes: Map<String, Value> = body(request)?;
    let mut inside = world.lock();
    let mut switches = json!(inside.tenant.report_switches());
    if let Some(fields) = switches.as_object_mut() {
        fields.extend(changes);
    }
    let switches = serde_json::from_value(switches).map_err(|error| Wrong::bad(error.to_string()))?;
    *inside.tenant.report_switches() = switches;
    Ok(Reply::no_content())
}

/// Counts what people used on all days with figures, or from `first` to `last`.
fn usage_totals(world: &World, request: &Request) -> Result<Reply, Wrong> {
    let options = request.options().map_err(|refusal| Wrong::bad(refusal.message))?;
    let mut inside = world.lock();
    let today = inside.tenant.report_switches().today();
    let (mut first, mut last) = (today.saturating_sub(Span::new().days(60)), today);
    for (name, value) in options {
        let day = value.parse().map_err(|_| Wrong::bad(format!("{name} must be a day, not {value}")))?;
        match name.as_str() {
            "first" => first = day,
            "last" => last = day,
            _ => return Err(Wrong::bad("the query options are first and last")),
        }
    }
    Ok(Reply::ok(&json!(inside.tenant.usage_totals(first, last))))
}

/// The decision about a sign-in on another device.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    user_code: String,
    decision: Decision,
}

/// Tokens that end before their time.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    RevokeAccess,
    RevokeRefresh,
    ExpireRefresh,
}

/// A change of an application.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApplicationChange {
    client_id: String,
    client_secret: Option<String>,
    secret_expired: Option<bool>,
    expires_in: Option<u64>,
    scopes: Option<Vec<String>>,
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Wrong> {
    serde_json::from_slice(&request.body).map_err(|error| Wrong::bad(error.to_string()))
}

fn decide_sign_in(world: &World, request: &Request) -> Result<Reply, Wrong> {
    let SignIn { user_code, decision } = body(request)?;
    let mut inside = world.lock();
    let Inside { tenant, tokens, .. } = &mut *inside;
    if tokens.decide(tenant, &user_code, &decision) {
        return Ok(Reply::no_content());
    }
    Err(Wrong::bad("no pending sign-in has this code, or there is no such user"))
}

fn end_tokens(world: &World, request: &Request) -> Result<Reply, Wrong> {
    let tokens = &mut world.lock().tokens;
    match body(request)? {
        End::RevokeAccess => tokens.revoke_access(),
        End::RevokeRefresh => tokens.revoke_refresh(),
        End::ExpireRefresh => tokens.expire_refresh(),
    }
    Ok(Reply::no_content())
}

fn change_application(world: &World, request: &Request) -> Result<Reply, Wrong> {
    let change: ApplicationChange = body(request)?;
    let mut inside = world.lock();
    let application = inside.tenant.applications.get_mut(&change.client_id.to_ascii_lowercase());
    let application = application.ok_or_else(|| Wrong::bad("there is no application with this client id"))?;
    if let Some(secret) = change.client_secret {
        application.client_secret = secret;
    }
    application.secret_expired = change.secret_expired.unwrap_or(application.secret_expired);
    application.expires_in = change.expires_in.unwrap_or(application.expires_in);
    if let Some(scopes) = change.scopes {
        application.scopes = scopes.into_iter().collect();
    }
    Ok(Reply::no_content())
}
