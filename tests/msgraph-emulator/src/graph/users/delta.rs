//! Users changed since a delta token was issued.
//!
//! The token holds `$select` and the count of changes so far; tokens of pages also hold the position in
//! the round.
//! A user that changes during a round appears again in the next.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use hyper::header::LOCATION;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::graph::users::user::{project_user, selected};
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::Query;
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::Tenant;

/// Entra's page of a delta.
const PAGE: usize = 100;
/// The lifetime of a token (Microsoft Graph documentation, "Delta query", 2022).
const GOOD_FOR_SECONDS: i64 = 7 * 24 * 60 * 60;

/// The start of a round, or of the next one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Mark {
    epoch: u32,
    /// Changes after this many are listed; `None` lists every user.
    since: Option<usize>,
    /// How many changes there were when the round began.
    until: usize,
    /// The last user of the page before.
    after: Option<Uuid>,
    issued_at: i64,
    select: Option<Vec<String>>,
}

impl Mark {
    fn read(token: &str) -> Result<Self, Refusal> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok();
        let mark = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        mark.ok_or_else(|| Refusal::malformed("Badly formed token."))
    }

    fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(json!(self).to_string())
    }

    fn is_good(&self, tenant: &Tenant) -> bool {
        let age = Timestamp::now().as_second() - self.issued_at;
        let since = self.since.unwrap_or(self.until);
        self.epoch == tenant.history.epoch
            && age < GOOD_FOR_SECONDS
            && tenant.history.between(since, self.until).is_some()
    }
}

/// The options of a request.
#[derive(Default)]
struct Asked {
    select: Option<Vec<String>>,
    delta_token: Option<String>,
    skip_token: Option<String>,
}

impl Asked {
    fn read(visit: &Visit<'_>) -> Result<Self, Refusal> {
        let mut asked = Self::default();
        for (name, value) in visit.request.options()? {
            match name.to_ascii_lowercase().as_str() {
                "$select" => {
                    asked.select = Some(value.split(',').map(|name| name.trim().to_owned()).collect());
                }
                "$deltatoken" => asked.delta_token = Some(value),
                "$skiptoken" => asked.skip_token = Some(value),
                _ => {
                    return Err(Refusal::malformed(format!(
                        "The query parameter '{name}' is not supported."
                    )));
                }
            }
        }
        Ok(asked)
    }
}

pub(crate) fn users(visit: &mut Visit<'_>) -> Answer {
    let asked = Asked::read(visit)?;
    let history = &visit.tenant.history;
    let begin = |since, select| Mark {
        epoch: history.epoch,
        since,
        until: history.len(),
        after: None,
        issued_at: Timestamp::now().as_second(),
        select,
    };
    let mark = match (asked.skip_token, asked.delta_token) {
        (None, None) => begin(None, asked.select),
        (None, Some(token)) if token == "latest" => begin(Some(history.len()), asked.select),
        (None, Some(token)) => {
            let last = Mark::read(&token)?;
            if !last.is_good(visit.tenant) {
                return Ok(gone(visit));
            }
            begin(Some(last.until), last.select)
        }
        (Some(token), None) => Mark::read(&token)?,
        (Some(_), Some(_)) => return Err(Refusal::malformed("A round goes on or begins, not both.")),
    };
    if !mark.is_good(visit.tenant) {
        return Ok(gone(visit));
    }
    page(visit, &mark)
}

fn page(visit: &Visit<'_>, mark: &Mark) -> Answer {
    let query = Query { select: mark.select.clone(), ..Query::default() };
    let mut names = selected(visit, &query)?;
    if !names.contains(&"id") {
        names.push("id");
    }
    let size = PAGE.min(visit.page_limit);
    let mut entries: Vec<(Uuid, Value)> = match mark.since {
        None => {
            let users = visit.tenant.users_after(mark.after).take(size + 1);
            users.map(|user| (user.id, Value::Object(project_user(&user, &names)))).collect()
        }
        Some(since) => {
            let touched = visit.tenant.history.between(since, mark.until).unwrap_or_default();
            let touched: BTreeSet<Uuid> = touched.iter().copied().collect();
            let rest = touched.into_iter().filter(|id| mark.after.is_none_or(|after| *id > after));
            rest.take(size + 1).map(|id| (id, entry(visit.tenant, id, &names))).collect()
        }
    };
    let has_more = entries.len() > size;
    entries.truncate(size);
    let (option, next) = match entries.last() {
        Some((last, _)) if has_more => ("$skiptoken", Mark { after: Some(*last), ..mark.clone() }),
        _ => ("$deltatoken", Mark { after: None, since: None, ..mark.clone() }),
    };
    let link = format!("{}/v1.0/users/delta?{option}={}", visit.request.base(), next.token());
    let name = if has_more { "@odata.nextLink" } else { "@odata.deltaLink" };
    let entries: Vec<Value> = entries.into_iter().map(|(_, entry)| entry).collect();
    let context = metadata(visit.request, &format!("users{}", query.context_suffix()));
    Ok(Reply::ok(&json!({ "@odata.context": context, (name): link, "value": entries })))
}

/// A changed user: the current properties, or the mark of removal.
fn entry(tenant: &Tenant, id: Uuid, names: &[&str]) -> Value {
    match tenant.users.get(&id) {
        Some(user) => Value::Object(project_user(user, names)),
        None => {
            let reason = if tenant.deleted.contains_key(&id) { "changed" } else { "deleted" };
            json!({ "id": id, "@removed": { "reason": reason } })
        }
    }
}

/// 410, with the address to start again.
fn gone(visit: &Visit<'_>) -> Reply {
    let refusal = Refusal::new(
        StatusCode::GONE,
        "syncStateNotFound",
        "The sync state generation is not found. The delta token is expired and data must be synchronized again.",
    );
    let afresh = format!("{}/v1.0/users/delta?$deltatoken=", visit.request.base());
    Reply::refusal(&refusal, visit.request).header(LOCATION, &afresh)
}
