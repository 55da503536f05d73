//! `$batch`: up to twenty requests in one round trip.
//!
//! Each part is treated as a request of its own: faults, permission, journal. A part that loses its
//! connection loses the batch's, and with it the answers of all other parts, acted on or not.
//! The facts are those of Graph's page on JSON batching (read 2026-08); where it only says that a
//! batch is refused, the words are ours.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::control::journal::Outcome;
use crate::http::pace::Pace;
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::http::request::{Request, single_slashes};
use crate::limits::{MAILBOX_CONCURRENCY, mailbox};
use crate::random::unguessable;
use crate::world::World;

/// Graph's own limit.
const LARGEST: usize = 20;

/// A batch as it is sent; a field Graph does not know refuses it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    requests: Vec<PartBody>,
}

/// Graph ignores properties it does not know, as `depends_on` beside `dependsOn` (msgraph-core for Python 1.5, 2026).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartBody {
    id: String,
    method: String,
    url: String,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    depends_on: Vec<String>,
}

/// One request of a batch.
#[derive(Debug)]
struct Part {
    id: String,
    request: Request,
    /// The indexes of the parts that have to succeed first.
    after: Vec<usize>,
}

/// The result of a part.
struct Done {
    reply: Option<Reply>,
    outcome: Outcome,
}

/// Carries out a batch whose caller is known; `None` closes the connection.
///
/// Parts that depend on none run at once, so the slowest decides how long they take together. With
/// `lost` everything is carried out and nothing is answered.
pub(crate) async fn answer(world: &World, envelope: &Request, lost: bool) -> Option<Reply> {
    let parts = match read(envelope) {
        Ok(parts) => parts,
        Err(refusal) => return Some(Reply::refusal(&refusal, envelope)).filter(|_| !lost),
    };
    let mut done: Vec<Option<Done>> = parts.iter().map(|_| None).collect();
    loop {
        let ready = ready(&parts, &done);
        if ready.is_empty() {
            break;
        }
        for (index, one) in carry_out(world, &parts, &done, &ready).await {
            if let Some(place) = done.get_mut(index) {
                *place = Some(one);
            }
        }
    }
    let is_lost = lost || done.iter().flatten().any(|one| one.reply.is_none());
    let mut responses = Vec::new();
    let mut pace = Pace::Whole;
    let mut inside = world.lock();
    for (part, one) in parts.iter().zip(done) {
        let Some(Done { reply, mut outcome }) = one else { continue };
        if is_lost {
            outcome.status = None;
        }
        inside.journal.write(&part.request, outcome);
        // A part's dripping or cut body is that of the batch, the only one on the wire.
        pace = reply.as_ref().map(|reply| reply.pace).filter(|pace| *pace != Pace::Whole).unwrap_or(pace);
        responses.extend(reply.map(|reply| reply.into_part(&part.id)));
    }
    // Graph allows any order: a client that relies on the order sent fails here.
    responses.reverse();
    (!is_lost).then(|| Reply::ok(&json!({ "responses": responses })).paced(pace))
}

/// The parts that are ready to run: of those for one mailbox, Outlook takes no more at a time
/// than it allows a caller.
fn ready(parts: &[Part], done: &[Option<Done>]) -> Vec<usize> {
    let is_done = |index: &usize| done.get(*index).is_some_and(Option::is_some);
    let mut mailboxes: HashMap<String, usize> = HashMap::new();
    let waiting = parts.iter().enumerate().filter(|(index, _)| !is_done(index));
    let free = waiting.filter(|(_, part)| part.after.iter().all(is_done));
    let taken = free.filter(|(_, part)| {
        let segments = part.request.segments().unwrap_or_default();
        let path: Vec<&str> = segments.iter().map(String::as_str).skip(1).collect();
        mailbox(&path).is_none_or(|mailbox| {
            let count = mailboxes.entry(mailbox.to_lowercase()).or_default();
            *count += 1;
            *count <= MAILBOX_CONCURRENCY
        })
    });
    taken.map(|(index, _)| index).collect()
}

/// Carries out parts that run at the same time.
async fn carry_out(
    world: &World,
    parts: &[Part],
    done: &[Option<Done>],
    ready: &[usize],
) -> Vec<(usize, Done)> {
    let failed = |index: &usize| {
        let one = done.get(*index).and_then(Option::as_ref);
        one.and_then(|one| one.outcome.status).is_none_or(|status| status >= 400)
    };
    let mut all = Vec::new();
    let mut under_way = Vec::new();
    for &index in ready {
        let Some(part) = parts.get(index) else { continue };
        if part.after.iter().any(failed) {
            all.push((index, refused(&Refusal::failed_dependency(), &part.request)));
        } else {
            under_way.push((index, part, world.lock().begin(&part.request)));
        }
    }
    let longest = under_way.iter().map(|(.., started)| started.delay()).max();
    tokio::time::sleep(longest.unwrap_or_default()).await;
    let mut inside = world.lock();
    all.extend(under_way.into_iter().map(|(index, part, started)| {
        let (reply, outcome) = inside.finish(&part.request, started);
        (index, Done { reply, outcome })
    }));
    all
}

fn refused(refusal: &Refusal, request: &Request) -> Done {
    let outcome = Outcome { status: Some(refusal.status.as_u16()), ..Outcome::default() };
    Done { reply: Some(Reply::refusal(refusal, request)), outcome }
}

/// Reads the parts, or refuses all of them.
fn read(envelope: &Request) -> Result<Vec<Part>, Refusal> {
    let payload = |why: String| Refusal::malformed(format!("Invalid batch payload format. {why}"));
    let body = Value::Object(envelope.typed_object()?);
    let Envelope { requests } = serde_json::from_value(body).map_err(|error| payload(error.to_string()))?;
    if requests.is_empty() || requests.len() > LARGEST {
        let n = requests.len();
        return Err(payload(format!("A batch has from 1 to {LARGEST} requests, not {n}.")));
    }
    let mut ids = HashSet::new();
    for PartBody { id, .. } in &requests {
        if id.is_empty() || !ids.insert(id.to_lowercase()) {
            return Err(payload(format!("The request id '{id}' is empty or not unique.")));
        }
    }
    if let Some(PartBody { id, .. }) = requests.iter().find(|part| part.is_write_without_content()) {
        return Err(Refusal::malformed(format!(
            "Write request id : {id} does not contain Content-Type header or body."
        )));
    }
    let after = requests.iter().map(|part| dependencies(part, &requests)).collect::<Result<Vec<_>, _>>();
    let after = after.map_err(payload)?;
    if !is_supported(&after) {
        return Err(payload(
            "All requests depend on none, or each on the one before it, or all that depend on one \
             depend on the same."
                .to_owned(),
        ));
    }
    let parts = requests.into_iter().zip(after);
    parts.map(|(part, after)| part.with(envelope, after)).collect::<Result<_, _>>().map_err(payload)
}

fn dependencies(part: &PartBody, all: &[PartBody]) -> Result<Vec<usize>, String> {
    let names = part.depends_on.iter();
    names
        .map(|name| {
            let found = all.iter().position(|other| other.id.eq_ignore_ascii_case(name));
            found.ok_or_else(|| format!("The request '{}' depends on '{name}', which is not there.", part.id))
        })
        .collect()
}

/// Whether Graph supports this pattern: parallel, serial, or the same for all that have one.
fn is_supported(after: &[Vec<usize>]) -> bool {
    let is_serial = after.iter().enumerate().all(|(index, after)| match index.checked_sub(1) {
        None => after.is_empty(),
        Some(before) => *after == [before],
    });
    let mut dependent = after.iter().filter(|after| !after.is_empty());
    let first = dependent.next();
    let is_free = |index: &usize| after.get(*index).is_some_and(Vec::is_empty);
    let is_same =
        first.is_none_or(|first| first.iter().all(is_free) && dependent.all(|other| other == first));
    is_serial || is_same
}

impl PartBody {
    /// Whether Graph refuses the whole batch for this part, also where the request alone needs no body (Graph's page
    /// on JSON batching, 2025-02; microsoft-graph-docs 6682, msgraph-sdk-dotnet 2628).
    fn is_write_without_content(&self) -> bool {
        let is_write = ["POST", "PUT", "PATCH"].iter().any(|method| self.method.eq_ignore_ascii_case(method));
        let has_type = self.headers.keys().any(|name| name.eq_ignore_ascii_case(CONTENT_TYPE.as_str()));
        is_write && !(has_type && self.body.is_some())
    }

    /// The part as a request of its own, with the headers inherited from the batch.
    fn with(self, envelope: &Request, after: Vec<usize>) -> Result<Part, String> {
        let Self { id, method, url, headers, body, .. } = self;
        let wrong = |what: &str| format!("The request '{id}' has {what}.");
        let method = Method::from_bytes(method.to_uppercase().as_bytes());
        let method = method.map_err(|_| wrong("a method that is none"))?;
        // Graph refuses whole addresses (msgraph-sdk-python 1015, 2024; msgraph-sdk-python-core 1116, 2026).
        if url.is_empty() || url.contains("://") {
            return Err(wrong("a url that is not relative"));
        }
        let (path, query) = url.split_once('?').unwrap_or((&url, ""));
        let mut request = Request {
            method,
            path: single_slashes(&format!("/v1.0/{path}")),
            query: query.to_owned(),
            headers: inherited(&envelope.headers),
            body: body.map(|body| Bytes::from(body.to_string())).unwrap_or_default(),
            request_id: unguessable().to_string(),
            secure: envelope.secure,
            for_files: false,
            batch: Some(envelope.request_id.clone()),
        };
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok();
            let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
            let (name, value) = name.zip(value).ok_or_else(|| wrong("a header that is none"))?;
            request.headers.insert(name, value);
        }
        Ok(Part { id, request, after })
    }
}

/// The headers of a batch that count for its parts; `ConsistencyLevel` is not one of them.
fn inherited(headers: &HeaderMap) -> HeaderMap {
    let names = [HOST, AUTHORIZATION, HeaderName::from_static("client-request-id")];
    names.into_iter().filter_map(|name| Some((name.clone(), headers.get(name)?.clone()))).collect()
}

impl Refusal {
    /// 424, the part that was to succeed first did not.
    fn failed_dependency() -> Self {
        Self::new(
            StatusCode::FAILED_DEPENDENCY,
            "FailedDependency",
            "The request was not carried out because a request it depends on failed.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_patterns_of_dependencies_are_supported() {
        let supported = |after: &[&[usize]]| {
            let after: Vec<Vec<usize>> = after.iter().map(|after| after.to_vec()).collect();
            is_supported(&after)
        };
        assert!(supported(&[&[], &[], &[]]));
        assert!(supported(&[&[], &[0], &[1]]));
        assert!(supported(&[&[2], &[2], &[]]));
        assert!(!supported(&[&[0]]), "on itself");
        assert!(!supported(&[&[1], &[0]]), "in a circle");
        assert!(!supported(&[&[], &[0], &[], &[2]]), "two pairs");
    }
}
