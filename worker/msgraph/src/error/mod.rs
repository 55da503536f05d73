//! The one error of this crate: what happened, told apart by predicates.
//!
//! The text is fit for a log and for a result: status, code and request id, and never Graph's own message,
//! because Graph puts user principal names into its messages. The message is kept to be matched with
//! [`Error::mentions`] and nothing prints it.

pub(crate) mod answer;
mod codes;
pub(crate) mod context;
pub(crate) mod sign_in;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use secrecy::SecretString;

use self::answer::Answer;
use self::context::{Context, Peer};
use self::sign_in::SignInRefusal;
use crate::observer::Outcome;

/// A request that did not do what it was for. Cheap to clone: callers that waited for one token share one error.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

pub(crate) struct Inner {
    kind: Kind,
    peer: Peer,
    method: Option<Method>,
    request_id: Option<String>,
    answer: Answer,
    source: Option<reqwest::Error>,
}

/// What went wrong.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// The settings cannot work.
    Settings(String),
    /// Our own mistake, found before anything was sent.
    Internal(&'static str),
    /// An answer that is a refusal.
    Refused,
    /// The sign-in service refused us a token.
    SignIn(SignInRefusal),
    /// The credential's file is missing, closed to us, or not what it should be; or nobody signed in.
    Credential(String),
    /// No connection came about, so nothing was sent.
    Connect,
    /// No complete answer in time.
    Timeout,
    /// The connection broke between the request and the end of the answer.
    Connection,
    /// A success whose body is not what Graph documents; the path to the field.
    Decode(String),
    /// An answer longer than the settings allow.
    TooLarge(usize),
    /// One was asked for and several answered.
    NotUnique(&'static str),
    /// A link to a next page that leads away from Graph.
    ForeignLink,
    /// A redirect to where nothing is fetched from.
    UnsafeRedirect,
    /// A listing that did not end within this many pages, or led in a circle.
    Endless(usize),
    /// A write, where the connection may only read.
    ReadOnly,
    /// Not sent, because its service asked to be left alone for longer than the caller waits.
    Parked,
}

impl Error {
    fn of(kind: Kind, context: Option<&Context>) -> Self {
        Self(Arc::new(Inner {
            kind,
            peer: context.map_or(Peer::Graph, |context| context.peer),
            method: context.map(|context| context.method.clone()),
            request_id: context.map(|context| context.request_id.clone()),
            answer: Answer::default(),
            source: None,
        }))
    }

    pub(crate) fn settings(text: impl Into<String>) -> Self {
        Self::of(Kind::Settings(text.into()), None)
    }

    pub(crate) fn credential(text: impl Into<String>) -> Self {
        Self::of(Kind::Credential(text.into()), None)
    }

    pub(crate) fn internal(what: &'static str) -> Self {
        Self::of(Kind::Internal(what), None)
    }

    pub(crate) fn read_only() -> Self {
        Self::of(Kind::ReadOnly, None)
    }

    pub(crate) fn not_unique(what: &'static str) -> Self {
        Self::of(Kind::NotUnique(what), None)
    }

    pub(crate) fn foreign_link() -> Self {
        Self::of(Kind::ForeignLink, None)
    }

    pub(crate) fn unsafe_redirect() -> Self {
        Self::of(Kind::UnsafeRedirect, None)
    }

    /// Nothing came for too long.
    pub(crate) fn silence(context: &Context) -> Self {
        Self::of(Kind::Timeout, Some(context))
    }

    pub(crate) fn endless(pages: usize) -> Self {
        Self::of(Kind::Endless(pages), None)
    }

    /// The answer got lost on its way.
    pub(crate) fn lost(context: &Context) -> Self {
        Self::of(Kind::Connection, Some(context))
    }

    /// Not sent, because a request before it, on which it depends, failed.
    pub(crate) fn not_begun(context: &Context) -> Self {
        Self::refused(Answer { status: Some(424), ..Answer::default() }, context)
    }

    /// Not sent: there is room for it only after this much time.
    pub(crate) fn parked(wait: Duration, context: &Context) -> Self {
        let answer = Answer { retry_after: Some(wait), ..Answer::default() };
        Self(Arc::new(Inner {
            kind: Kind::Parked,
            peer: context.peer,
            method: Some(context.method.clone()),
            request_id: None,
            answer,
            source: None,
        }))
    }

    /// The same failure, told of another request that shared its fate.
    pub(crate) fn as_of(&self, context: &Context) -> Self {
        let Inner { kind, answer, .. } = &*self.0;
        Self(Arc::new(Inner {
            kind: kind.clone(),
            peer: context.peer,
            method: Some(context.method.clone()),
            request_id: Some(answer.request_id.clone().unwrap_or_else(|| context.request_id.clone())),
            answer: answer.clone(),
            source: None,
        }))
    }

    pub(crate) fn too_large(limit: usize, context: &Context) -> Self {
        Self::of(Kind::TooLarge(limit), Some(context))
    }

    pub(crate) fn decode(at: impl Into<String>, context: &Context) -> Self {
        Self::of(Kind::Decode(at.into()), Some(context))
    }

    pub(crate) fn refused(answer: Answer, context: &Context) -> Self {
        Self::answered(Kind::Refused, answer, context)
    }

    pub(crate) fn sign_in(refusal: SignInRefusal, answer: Answer, context: &Context) -> Self {
        Self::answered(Kind::SignIn(refusal), answer, context)
    }

    fn answered(kind: Kind, answer: Answer, context: &Context) -> Self {
        Self(Arc::new(Inner {
            kind,
            peer: context.peer,
            method: Some(context.method.clone()),
            request_id: Some(answer.request_id.clone().unwrap_or_else(|| context.request_id.clone())),
            answer,
            source: None,
        }))
    }

    /// The request's address is dropped from the source: it can hold a UPN.
    pub(crate) fn transport(source: reqwest::Error, context: &Context) -> Self {
        let kind = if source.is_builder() {
            Kind::Internal("a request could not be built")
        } else if source.is_connect() {
            Kind::Connect
        } else if source.is_timeout() {
            Kind::Timeout
        } else {
            Kind::Connection
        };
        Self(Arc::new(Inner {
            kind,
            peer: context.peer,
            method: Some(context.method.clone()),
            request_id: Some(context.request_id.clone()),
            answer: Answer::default(),
            source: Some(source.without_url()),
        }))
    }
}

/// The facts.
impl Error {
    /// The HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.answer.status
    }

    /// Graph's code, or `AADSTS…` for a refused token; empty if there is none.
    pub fn code(&self) -> &str {
        &self.0.answer.code
    }

    /// Whether Graph's message contains this fragment, whatever the case. Several refusals differ in nothing else.
    pub fn mentions(&self, fragment: &str) -> bool {
        self.0.answer.message.contains(&fragment.to_lowercase())
    }

    /// The ids that Graph's message names, in its order: several refusals say in no other way what they are about.
    pub fn mentioned_ids(&self) -> Vec<&str> {
        let words = self.0.answer.message.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'));
        words.filter(|word| word.len() == 36 && uuid::Uuid::try_parse(word).is_ok()).collect()
    }

    /// Graph's id of the request, or the one we sent if Graph told none.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long Graph asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.answer.retry_after
    }
}

/// The predicates.
impl Error {
    /// What was addressed does not exist, or not yet.
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

    /// Graph wants the whole service to be left alone, and not only this request to be repeated.
    pub(crate) fn asks_to_slow_down(&self) -> bool {
        !matches!(self.0.kind, Kind::Parked)
            && (self.is_throttled() || (self.status() == Some(503) && self.retry_after().is_some()))
    }

    /// Time may heal it: throttling, an outage, a timeout, a lost connection, a concurrent change.
    pub fn is_transient(&self) -> bool {
        match &self.0.kind {
            Kind::Connect | Kind::Timeout | Kind::Connection | Kind::Parked => true,
            Kind::SignIn(refusal) => refusal.is_transient(),
            // An address that lets its holder in ends after minutes; whoever asks anew gets another.
            Kind::Refused if self.0.peer == Peer::Download => true,
            Kind::Refused => match self.0.answer.status {
                // 501 and 505 will be so tomorrow; 507 is a full drive.
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

    /// What was read is no longer so, or something like it exists.
    pub fn is_conflict(&self) -> bool {
        matches!(self.graph_status(), Some(409 | 412))
    }

    /// Graph may or may not have acted: a POST whose answer is missing, cannot be read or says nothing. Observe before repeating.
    pub fn is_ambiguous(&self) -> bool {
        let unknown = match self.0.kind {
            Kind::Timeout | Kind::Connection | Kind::TooLarge(_) | Kind::Decode(_) => true,
            Kind::Refused => {
                // 501, 505 and 507 say plainly that nothing was done.
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

    /// No token: the tenant, the application or its credential is wrong, and an administrator has to act.
    pub fn is_credentials(&self) -> bool {
        match &self.0.kind {
            Kind::SignIn(refusal) => !refusal.is_transient(),
            Kind::Credential(_) => true,
            _ => false,
        }
    }

    /// An answer that is not what Graph documents, or longer than the settings allow.
    pub fn is_decode(&self) -> bool {
        matches!(
            self.0.kind,
            Kind::Decode(_) | Kind::TooLarge(_) | Kind::ForeignLink | Kind::UnsafeRedirect | Kind::Endless(_)
        )
    }

    /// One thing was asked for and several have that identifier.
    pub fn is_not_unique(&self) -> bool {
        matches!(self.0.kind, Kind::NotUnique(_))
    }

    /// A write that was not sent, because this connection may only read.
    pub fn is_read_only(&self) -> bool {
        matches!(self.0.kind, Kind::ReadOnly)
    }

    /// The settings cannot work; nothing was sent.
    pub fn is_settings(&self) -> bool {
        matches!(self.0.kind, Kind::Settings(_))
    }

    /// Whether the client itself may send the request again after some seconds.
    pub(crate) fn may_repeat(&self) -> bool {
        let heals_soon = self.is_transient() && self.status() != Some(412) && !self.is_locked();
        heals_soon && (self.was_not_processed() || self.0.method.as_ref().is_some_and(is_repeatable))
    }

    /// Graph did not act: it said so, or the request never left.
    fn was_not_processed(&self) -> bool {
        match self.0.kind {
            Kind::Connect | Kind::Parked => true,
            // A token is no change of the tenant.
            _ if self.0.peer == Peer::SignIn => true,
            Kind::Refused => self.is_throttled() || self.is_concurrency(),
            _ => false,
        }
    }

    /// Where Graph redirected to. Nothing but a report's request follows.
    pub(crate) fn redirect(&self) -> Option<&SecretString> {
        self.0.answer.location.as_ref().filter(|_| self.status() == Some(302))
    }

    /// The sign-in service's word for its refusal, such as `authorization_pending`; empty if there is none.
    pub(crate) fn sign_in_error(&self) -> &str {
        &self.0.answer.sign_in_error
    }

    /// Whether the error has one of these codes on any of its levels, whatever their case.
    pub(crate) fn has_code(&self, codes: &[&str]) -> bool {
        self.0.answer.codes().any(|has| codes.iter().any(|code| has.eq_ignore_ascii_case(code)))
    }

    /// The status of an answer that is Graph's own.
    pub(crate) fn graph_status(&self) -> Option<u16> {
        self.status().filter(|_| self.0.peer == Peer::Graph)
    }

    /// The short word for metrics.
    pub(crate) fn outcome(&self) -> Outcome {
        match (self.status(), &self.0.kind) {
            (Some(status), _) => Outcome::Status(status),
            (None, Kind::Connect) => Outcome::Failed("connect"),
            (None, Kind::Timeout) => Outcome::Failed("timeout"),
            (None, Kind::Connection) => Outcome::Failed("connection"),
            (None, Kind::Parked) => Outcome::Failed("parked"),
            (None, Kind::Credential(_)) => Outcome::Failed("credential"),
            (None, _) if self.is_decode() => Outcome::Failed("decode"),
            (None, _) => Outcome::Failed("internal"),
        }
    }
}

/// Codes that mean "not now" whatever the status.
const THROTTLED: [&str; 4] =
    ["TooManyRequests", "ApplicationThrottled", "activityLimitReached", "TooManyRequestsException"];

/// The reports answer 401 or 403 with it when the permission is missing (seen in client code, 2024).
const REPORTS_FORBID: &str = "S2SUnauthorized";

/// Repeating these ends in the same place, whether or not the first one arrived.
fn is_repeatable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::PUT | Method::PATCH | Method::DELETE)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, peer, method, request_id, answer, .. } = &*self.0;
        let peer = match peer {
            Peer::Graph => "Microsoft Graph",
            Peer::SignIn => "the sign-in service",
            Peer::Download => "the service that keeps Microsoft's files",
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
            }
            Kind::SignIn(refusal) => write!(f, "no token for Microsoft Graph: {refusal}")?,
            Kind::Credential(text) => write!(f, "no token for Microsoft Graph: {text}")?,
            Kind::Connect => write!(f, "no connection to {peer}")?,
            Kind::Timeout => write!(f, "{peer} did not answer in time")?,
            Kind::Connection => write!(f, "the connection to {peer} broke before the answer was complete")?,
            Kind::Decode(at) => write!(f, "{peer} sent an answer that cannot be read at {at}")?,
            Kind::TooLarge(limit) => write!(f, "{peer} sent an answer of more than {limit} bytes")?,
            Kind::NotUnique(what) => write!(f, "more than one user has this {what}; use the object id")?,
            Kind::Endless(pages) => write!(f, "{peer} sent a listing without end, of {pages} pages so far")?,
            Kind::Parked => write!(f, "{peer} asked to be left alone; the request waits for that")?,
            Kind::ReadOnly => {
                f.write_str(
                    "not sent: this tenant's connection may only read; give it the access `act` first",
                )?;
            }
            Kind::UnsafeRedirect => {
                f.write_str("Microsoft Graph sent a redirect to an address without TLS")?;
            }
            Kind::ForeignLink => f.write_str("Microsoft Graph sent a link to a next page on another host")?,
        }
        match (method, request_id) {
            (Some(method), Some(id)) => write!(f, " ({method}, request {id})"),
            _ => Ok(()),
        }
    }
}

/// The facts without Graph's message, which can name people.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("peer", &inner.peer)
            .field("method", &inner.method)
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
