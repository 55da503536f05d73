//! The controls under `/_emulator/`: journal, state, secrets, faults, reset. They need no token.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::faults::Fault;
use crate::reply::Reply;
use crate::request::Request;
use crate::world::World;

/// Where the controls are.
const ROOT: &str = "/_emulator/";

/// Answers a request for a control; nothing where it is for somebody else.
pub(crate) fn answer(world: &World, request: &Request) -> Option<Reply> {
    let control = request.path.strip_prefix(ROOT)?;
    let reply = control_reply(world, request, control);
    Some(reply.unwrap_or_else(|error| error.reply()))
}

/// What is wrong with a request for a control.
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
            let state = world.lock().tenant.state();
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
        "delta" if method == Method::DELETE => {
            world.lock().tenant.expire_delta_tokens();
            Ok(Reply::no_content())
        }
        "reset" if method == Method::POST => {
            world.lock().reset();
            Ok(Reply::no_content())
        }
        _ => Err(Wrong(
            StatusCode::NOT_FOUND,
            format!(
                "no control {method} {control}; there are GET health, GET|DELETE journal, GET \
                 state, GET usage, GET secrets, GET|POST|DELETE faults, DELETE delta, \
                 POST reset"
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
        _ => Err(Wrong::bad("the one option is after")),
    }
}

/// Sets one rule, or every rule of a list or none of it.
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
