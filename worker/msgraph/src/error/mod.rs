//! The one error of this crate. Predicates tell what happened.
//!
//! The text can go into a log and into a result: it has status, code, the property or object that Graph names, the
//! request with its ids, and never Graph's own message, because Graph puts user principal names into its messages. [`Error::mentions`] matches the message; nothing
//! prints it.

pub(crate) mod answer;
mod codes;
pub(crate) mod context;
mod made;
pub(crate) mod sign_in;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use secrecy::SecretString;

use self::answer::Answer;
use self::context::Peer;
use self::sign_in::SignInRefusal;
use crate::observer::Outcome;

/// A request that failed. Cheap to clone: callers that waited for one token share one error.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

pub(crate) struct Inner {
    kind: Kind,
    peer: Peer,
    method: Option<Method>,
    address: String,
    request_id: Option<String>,
    answer: Answer,
    source: Option<reqwest::Error>,
}

/// What went wrong.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// The settings cannot work.
    Settings(String),
    /// A mistake of this program, found before anything was sent.
    Internal(&'static str),
    /// Graph answered with an error.
    Refused,
    /// The sign-in service refused a token.
    SignIn(SignInRefusal),
    /// The credential's file is missing, unreadable or invalid, or nobody signed in.
    Credential(String),
    /// The connection could not be opened, so nothing was sent.
    Connect,
    /// No complete answer in time.
    Timeout,
    /// The connection broke between the request and the end of the answer.
    Connection,
    /// A success with a body that Graph does not document; holds the path to the field.
    Decode(String),
    /// A listing with `null` in place of its list (reported by people who run this in production, 2026).
    WithoutList,
    /// An answer longer than the settings allow.
    TooLarge(usize),
    /// The identifier belongs to several objects.
    NotUnique(&'static str),
    /// A link to a next page that leads away from Graph.
    ForeignLink,
    /// A redirect to an unsafe address.
    UnsafeRedirect,
    /// A listing that did not end within this many pages, or came back to a page it had.
    Endless(usize),
    /// A write over a connection with read access.
    ReadOnly,
    /// Not sent, because its service throttles for longer than the caller waits.
    Parked,
    /// A write that the fence did not let through.
    Fenced,
}

/// What Graph answered.
impl Error {
    /// The HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.answer.status
    }

    /// Graph's code, or `AADSTS…` for a refused token; empty if there is none.
    pub fn code(&self) -> &str {
        &self.0.answer.code
    }

    /// Whether Graph's message contains this fragment, ignoring case. Several errors differ in nothing else.
    pub fn mentions(&self, fragment: &str) -> bool {
        self.0.answer.message.contains(&fragment.to_lowercase())
    }

    /// The ids in Graph's message, in its order. Several errors name their object nowhere else.
    pub fn mentioned_ids(&self) -> Vec<&str> {
        let words = self.0.answer.message.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'));
        words.filter(|word| word.len() == 36 && uuid::Uuid::try_parse(word).is_ok()).collect()
    }

    /// Graph's id of the request, or the one we sent if Graph sent none.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// What Graph refused, and how: equal whenever it refuses the same request in the same way.
    pub fn refusal(&self) -> Option<String> {
        let method = self.0.method.as_ref()?;
        let how = match self.graph_status() {
            Some(status) => format!("{status} {}", self.code()),
            None if self.is_without_list() => "no list".to_owned(),
            None => return None,
        };
        Some(format!("{how} {method} {}", self.0.address))
    }

    /// How long Graph asked the client to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.answer.retry_after
    }

    /// The same failure for a caller that asks again after this time, whatever Graph asked for.
    pub(crate) fn asked_again_after(self, longest: Duration) -> Self {
        match self.retry_after() {
            Some(asked) if asked > longest => {
                let Inner { kind, peer, method, address, request_id, answer, .. } = &*self.0;
                let answer = Answer { retry_after: Some(longest), ..answer.clone() };
                let (kind, method, address) = (kind.clone(), method.clone(), address.clone());
                let request_id = request_id.clone();
                Self(Arc::new(Inner { kind, peer: *peer, method, address, request_id, answer, source: None }))
            }
            _ => self,
        }
    }
}

/// What the error means for the caller.
impl Error {
    /// The addressed object does not exist, or not yet.
    pub fn is_not_found(&self) -> bool {
        self.graph_status() == Some(404)
    }

    /// Graph asks to slow down.
    pub fn is_throttled(&self) -> bool {
        self.status() == Some(429)
            || matches!(self.0.kind, Kind::Parked)
            || self.has_code(&THROTTLED)
            || self.0.answer.codes().any(|code| code.to_ascii_lowercase().starts_with("request_throttled"))
    }

    /// Graph asks the client to slow down for the whole service, and not for this request alone.
    pub(crate) fn asks_to_slow_down(&self) -> bool {
        !matches!(self.0.kind, Kind::Parked)
            && (self.is_throttled() || (self.status() == Some(503) && self.retry_after().is_some()))
    }

    /// A retry may succeed: throttling, an outage, a timeout, a lost connection, a concurrent change.
    pub fn is_transient(&self) -> bool {
        match &self.0.kind {
            Kind::Connect | Kind::Timeout | Kind::Connection | Kind::Parked => true,
            Kind::SignIn(refusal) => refusal.is_transient(),
            // The signed address of a file expires after minutes; a new request returns a new one.
            Kind::Refused if self.0.peer == Peer::Download => true,
            Kind::Refused => match self.0.answer.status {
                // 501 and 505 will be the same tomorrow; 507 is a full drive.
                Some(501 | 505 | 507) => false,
                Some(408 | 412 | 423 | 429 | 500..=599) => true,
                _ => self.is_concurrency() || self.is_locked() || self.is_backend_failure(),
            },
            _ => false,
        }
    }

    /// Graph did not accept the token, even a new one.
    pub fn is_unauthorized(&self) -> bool {
        self.graph_status() == Some(401) && !self.has_code(&[REPORTS_FORBID])
    }

    /// A permission, a role or a licence for this is missing.
    pub fn is_forbidden(&self) -> bool {
        match self.graph_status() {
            Some(403) => !self.is_limit_reached() && !self.is_locked(),
            Some(401) => self.has_code(&[REPORTS_FORBID]),
            _ => false,
        }
    }

    /// The object changed since it was read, or an equal one exists.
    pub fn is_conflict(&self) -> bool {
        matches!(self.graph_status(), Some(409 | 412))
    }

    /// Graph may or may not have acted: the answer to a POST is missing, unreadable or says nothing. Observe before
    /// repeating it.
    pub fn is_ambiguous(&self) -> bool {
        let unknown = match self.0.kind {
            Kind::Timeout | Kind::Connection | Kind::TooLarge(_) | Kind::Decode(_) => true,
            Kind::Refused => {
                // 501, 505 and 507 say that Graph did nothing.
                self.0.answer.status.is_some_and(|status| status >= 500)
                    && self.is_transient()
                    && !self.was_not_processed()
            }
            _ => false,
        };
        self.0.peer == Peer::Graph
            && unknown
            && self.0.method.as_ref().is_some_and(|method| !is_repeatable(method))
    }

    /// An answer that Graph does not document, or that is longer than the settings allow.
    pub fn is_decode(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Decode(_) | Kind::TooLarge(_) | Kind::ForeignLink | Kind::UnsafeRedirect | Kind::Endless(_)
        )
    }

    /// Graph answered a listing without its list: what it would hold is unknown, and not nothing.
    pub fn is_without_list(&self) -> bool {
        matches!(self.0.kind, Kind::WithoutList)
    }

    /// Several objects have the identifier.
    pub fn is_not_unique(&self) -> bool {
        matches!(self.0.kind, Kind::NotUnique(_))
    }

    /// A write that was not sent, because the connection has read access.
    pub fn is_read_only(&self) -> bool {
        matches!(self.0.kind, Kind::ReadOnly)
    }

    /// A write that was not sent: its run may not act any more.
    pub fn is_fenced(&self) -> bool {
        matches!(self.0.kind, Kind::Fenced)
    }

    /// The settings cannot work; nothing was sent.
    pub fn is_settings(&self) -> bool {
        matches!(self.0.kind, Kind::Settings(_))
    }

    /// Whether the client itself may retry the request after some seconds.
    pub(crate) fn may_repeat(&self) -> bool {
        let may_succeed_soon =
            self.is_transient() && self.status() != Some(412) && !self.is_locked() || self.may_settle();
        may_succeed_soon && (self.was_not_processed() || self.0.method.as_ref().is_some_and(is_repeatable))
    }

    /// Graph did not act: it said so, or the request was never sent.
    fn was_not_processed(&self) -> bool {
        match self.0.kind {
            Kind::Connect | Kind::Parked => true,
            // A request for a token changes nothing in the tenant.
            _ if self.0.peer == Peer::SignIn => true,
            Kind::Refused => self.is_throttled() || self.is_concurrency(),
            _ => false,
        }
    }

    /// Where Graph redirected to. Only the request for a report follows it.
    pub(crate) fn redirect(&self) -> Option<&SecretString> {
        self.0.answer.location.as_ref().filter(|_| self.status() == Some(302))
    }

    /// The sign-in service's word for its refusal, such as `authorization_pending`; empty if there is none.
    pub(crate) fn sign_in_error(&self) -> &str {
        &self.0.answer.sign_in_error
    }

    /// Whether the error has one of these codes on any of its levels, ignoring case.
    pub(crate) fn has_code(&self, codes: &[&str]) -> bool {
        self.0.answer.codes().any(|has| codes.iter().any(|code| has.eq_ignore_ascii_case(code)))
    }

    /// The status, if Graph itself answered.
    pub(crate) fn graph_status(&self) -> Option<u16> {
        self.status().filter(|_| self.0.peer == Peer::Graph)
    }

    /// The label for metrics.
    pub(crate) fn outcome(&self) -> Outcome {
        match (self.status(), &self.0.kind) {
            (Some(status), _) => Outcome::Status(status),
            (None, Kind::Connect) => Outcome::Failed("connect"),
            (None, Kind::Timeout) => Outcome::Failed("timeout"),
            (None, Kind::Connection) => Outcome::Failed("connection"),
            (None, Kind::Parked) => Outcome::Failed("parked"),
            (None, Kind::Fenced) => Outcome::Failed("fenced"),
            (None, Kind::Credential(_)) => Outcome::Failed("credential"),
            (None, _) if self.is_decode() || self.is_without_list() => Outcome::Failed("decode"),
            (None, _) => Outcome::Failed("internal"),
        }
    }
}

/// Codes that mean throttling with any status.
const THROTTLED: [&str; 4] =
    ["TooManyRequests", "ApplicationThrottled", "activityLimitReached", "TooManyRequestsException"];

/// Reports answer 401 or 403 with this code when the permission is missing (seen in client code, 2024).
const REPORTS_FORBID: &str = "S2SUnauthorized";

/// A repetition has the same effect, whether or not the first request arrived.
fn is_repeatable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::PUT | Method::PATCH | Method::DELETE)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, peer, method, address, request_id, answer, .. } = &*self.0;
        let peer = match peer {
            Peer::Graph => "Microsoft Graph",
            Peer::SignIn => "the sign-in service",
            Peer::Download => "Microsoft's download service",
        };
        match kind {
            Kind::Settings(text) => f.write_str(text)?,
            Kind::Internal(what) => write!(f, "request not sent: {what}")?,
            Kind::Refused => {
                write!(f, "{peer} answered {}", answer.status.unwrap_or_default())?;
                if !answer.code.is_empty() {
                    write!(f, " {}", answer.code)?;
                }
                if let Some(inner) = answer.inner_codes.last().filter(|inner| **inner != answer.code) {
                    write!(f, " / {inner}")?;
                }
                if let Some(target) = &answer.target {
                    write!(f, " about {target}")?;
                }
            }
            Kind::SignIn(refusal) => write!(f, "no token for Microsoft Graph: {refusal}")?,
            Kind::Credential(text) => write!(f, "no token for Microsoft Graph: {text}")?,
            Kind::Connect => write!(f, "cannot connect to {peer}")?,
            Kind::Timeout => write!(f, "{peer} did not answer in time")?,
            Kind::Connection => write!(f, "the connection to {peer} broke before the answer was complete")?,
            Kind::Decode(at) => write!(f, "{peer} sent an answer that cannot be read at {at}")?,
            Kind::WithoutList => write!(f, "{peer} answered without the list that was asked for")?,
            Kind::TooLarge(limit) => write!(f, "{peer} sent an answer of more than {limit} bytes")?,
            Kind::NotUnique(what) => write!(f, "more than one user has this {what}; use the object id")?,
            Kind::Endless(pages) => {
                write!(f, "{peer} sent a listing that does not end ({pages} pages so far)")?;
            }
            Kind::Parked => write!(f, "{peer} is throttling; the request waits until it may be sent")?,
            Kind::Fenced => f.write_str("request not sent: the run may not act for this person any more")?,
            Kind::ReadOnly => {
                f.write_str(
                    "request not sent: this tenant's connection has read access only; set its access to `act` first",
                )?;
            }
            Kind::UnsafeRedirect => {
                f.write_str("Microsoft Graph sent a redirect to an address without TLS")?;
            }
            Kind::ForeignLink => f.write_str("Microsoft Graph sent a link to a next page on another host")?,
        }
        match (method, request_id) {
            (Some(method), Some(id)) if address.is_empty() => write!(f, " ({method}, request {id})"),
            (Some(method), Some(id)) => write!(f, " ({method} {address}, request {id})"),
            _ => Ok(()),
        }
    }
}

/// Everything but Graph's message, which can name people.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("peer", &inner.peer)
            .field("method", &inner.method)
            .field("address", &inner.address)
            .field("request_id", &inner.request_id)
            .field("answer", &inner.answer)
            .field("source", &inner.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}
