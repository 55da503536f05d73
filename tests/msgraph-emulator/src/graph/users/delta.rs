//! Users changed since a delta token was issued.
//!
//! The token holds the tenant, `$select` and the count of changes so far; tokens of pages also hold the position in
//! the round.
//! A user that changes during a round appears again in the next.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use hyper::header::{HeaderName, LOCATION};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::rounds::{Changed, Wanted, entry};
use crate::graph::users::user::selected;
use crate::graph::{Answer, Visit};
use crate::http::paging::Page;
use crate::http::query::Query;
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{Columns, Tenant};

/// Entra's page of a delta.
const PAGE: usize = 100;
/// The lifetime of a token (Microsoft Graph documentation, "Delta query", 2022).
const GOOD_FOR_SECONDS: i64 = 7 * 24 * 60 * 60;

const NOT_FOUND: &str =
    "The sync state generation is not found. The delta token is expired and data must be synchronized again.";
const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;
/// Properties that other services keep, and no delta has (microsoft-graph-docs 3189, 2024; 14141, 2021).
const KEPT_ELSEWHERE: [&str; 4] = ["aboutMe", "birthday", "signInActivity", "skills"];

/// The start of a round, or of the next one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Mark {
    tenant: Uuid,
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

/// The state of a token.
enum Standing {
    Good,
    /// Older than its lifetime.
    Expired,
    /// Of a state that is no more.
    Reset,
}

impl Mark {
    /// Reads a token of this tenant.
    fn read(token: &str, tenant: &Tenant) -> Result<Self, Refusal> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok();
        let mark: Option<Self> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mark = mark.filter(|mark| mark.tenant == tenant.id);
        mark.ok_or_else(|| Refusal::malformed("Badly formed token."))
    }

    fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(json!(self).to_string())
    }

    fn standing(&self, tenant: &Tenant) -> Standing {
        let history = &tenant.history;
        let age = Timestamp::now().as_second() - self.issued_at;
        let since = self.since.unwrap_or(self.until);
        if self.epoch != history.epoch || history.between(since, self.until).is_none() {
            Standing::Reset
        } else if age + i64::from(history.aged_days) * SECONDS_OF_A_DAY >= GOOD_FOR_SECONDS {
            Standing::Expired
        } else {
            Standing::Good
        }
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
                // Ignored without a word (microsoft-graph-docs-contrib 6380, 2019).
                "$expand" => {}
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
    // A token says when it was issued; aged tokens are older than that.
    let now = Timestamp::now().as_second() + i64::from(history.aged_days) * SECONDS_OF_A_DAY;
    let begin = |since, select| Mark {
        tenant: visit.tenant.id,
        epoch: history.epoch,
        since,
        until: history.len(),
        after: None,
        issued_at: now,
        select,
    };
    let mark = match (asked.skip_token, asked.delta_token) {
        // An empty token begins anew; it is what the answer to a reset asks for.
        (None, token) if token.as_ref().is_none_or(String::is_empty) => begin(None, asked.select),
        (None, Some(token)) if token == "latest" => begin(Some(history.len()), asked.select),
        (None, Some(token)) => {
            let last = Mark::read(&token, visit.tenant)?;
            if let Some(refused) = refused(visit, &last)? {
                return Ok(refused);
            }
            begin(Some(last.until), last.select)
        }
        (Some(token), None) => Mark::read(&token, visit.tenant)?,
        _ => return Err(Refusal::malformed("A round goes on or begins, not both.")),
    };
    match refused(visit, &mark)? {
        Some(refused) => Ok(refused),
        None => page(visit, &mark),
    }
}

/// The answer to a token that is no longer good.
fn refused(visit: &Visit<'_>, mark: &Mark) -> Result<Option<Reply>, Refusal> {
    match mark.standing(visit.tenant) {
        Standing::Good => Ok(None),
        Standing::Reset => Ok(Some(gone(visit))),
        // Microsoft says "40X-series" of an expired token ("Delta query", 2022); which one is our reading.
        Standing::Expired => Err(Refusal::new(StatusCode::BAD_REQUEST, "syncStateNotFound", NOT_FOUND)),
    }
}

/// What was selected without the manager, and whether the manager was; refused if no delta has a property.
fn split_select(mark: &Mark) -> Result<(Query, bool), Refusal> {
    let Some(select) = &mark.select else { return Ok((Query::default(), false)) };
    let elsewhere: Vec<&str> =
        select.iter().map(String::as_str).filter(|name| KEPT_ELSEWHERE.contains(name)).collect();
    if !elsewhere.is_empty() {
        return Err(Refusal::malformed(format!(
            "Invalid request for delta query: for this entity set, $expand/$select is not supported for the following \
             properties: {}",
            elsewhere.join(",")
        )));
    }
    let names: Vec<String> = select.iter().filter(|name| *name != "manager").cloned().collect();
    let has_manager = names.len() < select.len();
    Ok((Query { select: Some(names), ..Query::default() }, has_manager))
}

fn page(visit: &Visit<'_>, mark: &Mark) -> Answer {
    let (query, has_manager) = split_select(mark)?;
    let prefer = visit.request.header("Prefer").unwrap_or_default();
    let wanted = Wanted {
        names: selected(visit, &query)?,
        selects: mark.select.is_some(),
        manager: has_manager,
        minimal: prefer.split([',', ';']).any(|part| part.trim().eq_ignore_ascii_case("return=minimal")),
    };
    let tenant = &visit.tenant;
    let size = PAGE.min(visit.page_limit);
    let changes = mark.since.and_then(|since| tenant.history.between(since, mark.until)).unwrap_or_default();
    let changed = Changed::merge(changes);
    let mut ids: Vec<Uuid> = match mark.since {
        None => tenant.listed_after(mark.after).take(size + 1).map(|user| user.id()).collect(),
        Some(_) => {
            let counting = changed.iter().filter(|(_, changed)| changed.counts(&wanted)).map(|(id, _)| *id);
            counting.filter(|id| mark.after.is_none_or(|after| *id > after)).take(size + 1).collect()
        }
    };
    let has_more = ids.len() > size;
    ids.truncate(size);
    let (name, option, next) = match ids.last() {
        Some(last) if has_more => {
            ("@odata.nextLink", "$skiptoken", Mark { after: Some(*last), ..mark.clone() })
        }
        _ => ("@odata.deltaLink", "$deltatoken", Mark { after: None, since: None, ..mark.clone() }),
    };
    let mut page = Page::begin(visit.request, &format!("users{}", query.context_suffix()));
    if mark.since.is_none() && !has_manager && !tenant.history.replays {
        let names: Vec<&str> =
            wanted.names.iter().copied().filter(|name| *name != "id").chain(["id"]).collect();
        let columns = Columns::of_delta(&names);
        for user in ids.iter().filter_map(|id| tenant.listed(*id)) {
            page.add(|out| tenant.write_user(&user, &columns, out));
        }
    } else {
        let mut entries: Vec<_> =
            ids.iter().map(|id| (changed.get(id), entry(tenant, *id, changed.get(id), &wanted))).collect();
        if tenant.history.replays {
            // In any order, and the last of two is not the newest ("Delta query", 2022).
            entries.reverse();
            let repeated = entries.first().map(|(changed, entry)| (*changed, entry.clone()));
            entries.extend(repeated.map(|(changed, entry)| {
                let stale = changed.map_or_else(|| entry.clone(), |changed| changed.stale(&entry));
                (changed, stale)
            }));
        }
        for (_, entry) in entries {
            page.add(|out| out.extend_from_slice(json!(entry).to_string().as_bytes()));
        }
    }
    let link = format!("{}/v1.0/users/delta?{option}={}", visit.request.base(), next.token());
    page.field(name, &json!(link));
    let reply = Reply::ok_bytes(page.end());
    let applied = HeaderName::from_static("preference-applied");
    Ok(if wanted.minimal { reply.header(applied, "return=minimal") } else { reply })
}

/// 410, with the address to start again.
fn gone(visit: &Visit<'_>) -> Reply {
    let refusal = Refusal::new(StatusCode::GONE, "syncStateNotFound", NOT_FOUND);
    let afresh = format!("{}/v1.0/users/delta?$deltatoken=", visit.request.base());
    Reply::refusal(&refusal, visit.request).header(LOCATION, &afresh)
}
