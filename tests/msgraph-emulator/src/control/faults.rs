//! Faults: rules that spoil requests, for tests of failures between client and service.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::RETRY_AFTER;
use serde::{Deserialize, Serialize};

use crate::auth::NoToken;
use crate::control::odd::Odd;
use crate::http::pace::Pace;
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::random::Numbers;

/// One rule: which requests it spoils, and how.
///
/// A request matches if it fits every field of the rule. Of the matching requests, counted from when
/// the rule was set, it spoils all, or the `nth`, or those from `from` on, at most `times`, each with
/// `probability`. Rules apply in the order they were set; the first that ends a request
/// wins, delays add up. Token requests match only a rule whose path contains `oauth2`. The parts of a
/// `$batch` are matched like requests of their own, the batch only by a path that has `$batch` in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    method: Option<String>,
    /// A part of the path, or with `*` a pattern for the whole of it (with or without the query).
    path: Option<String>,
    /// A part of the body.
    holding: Option<String>,
    write: Option<bool>,
    nth: Option<u64>,
    from: Option<u64>,
    times: Option<u64>,
    probability: Option<f64>,
    /// Once it has spoiled a request, it spoils each that is the same, whatever the counts, and no other.
    same: bool,
    delay_ms: Option<u64>,
    status: Option<u16>,
    retry_after: Option<String>,
    body: Body,
    code: Option<String>,
    message: Option<String>,
    drop: bool,
    act_then_drop: bool,
    garbage: bool,
    truncate: bool,
    content_type: Option<String>,
    odd: Option<Odd>,
    /// How many bytes a second of the body are sent.
    drip: Option<u64>,
    /// After how many bytes of the body the connection is reset.
    cut: Option<u64>,
}

/// The body of a spoiled answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Body {
    #[default]
    Graph,
    Empty,
    Html,
}

impl Fault {
    /// Answers with this status and Graph's error of it, without acting.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Closes the connection before acting.
    #[must_use]
    pub fn dropped() -> Self {
        Self { drop: true, ..Self::default() }
    }

    /// Acts, then closes the connection without an answer.
    #[must_use]
    pub fn acted_then_dropped() -> Self {
        Self { act_then_drop: true, ..Self::default() }
    }

    /// Answers 200 with a body that is not JSON, without acting.
    #[must_use]
    pub fn garbage() -> Self {
        Self { garbage: true, ..Self::default() }
    }

    /// Acts, and answers with figures or lists that cannot be.
    #[must_use]
    pub fn odd(odd: Odd) -> Self {
        Self { odd: Some(odd), ..Self::default() }
    }

    /// Acts and answers, but later.
    #[must_use]
    pub fn delayed(milliseconds: u64) -> Self {
        Self { delay_ms: Some(milliseconds), ..Self::default() }
    }

    /// Only requests with this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only requests whose path contains this, or, with `*`, matches it.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// Only requests whose body contains this.
    #[must_use]
    pub fn holding(mut self, part: &str) -> Self {
        self.holding = Some(part.to_owned());
        self
    }

    /// Only writes.
    #[must_use]
    pub fn writes(mut self) -> Self {
        self.write = Some(true);
        self
    }

    /// Only the nth matching request, from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = Some(nth);
        self
    }

    /// Only matching requests from this one on, from 1.
    #[must_use]
    pub fn from(mut self, first: u64) -> Self {
        self.from = Some(first);
        self
    }

    /// Of the matching requests only the first spoiled one, and that as often as it comes: one object that is refused.
    #[must_use]
    pub fn same(mut self) -> Self {
        self.same = true;
        self
    }

    /// At most this many times.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Sends this `Retry-After`, unchanged.
    #[must_use]
    pub fn retry_after(mut self, value: &str) -> Self {
        self.retry_after = Some(value.to_owned());
        self
    }

    /// Sends this error code instead of the status's usual one.
    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }

    /// Sends this error message instead of the status's usual one.
    #[must_use]
    pub fn message(mut self, message: &str) -> Self {
        self.message = Some(message.to_owned());
        self
    }

    /// Sends no body with the status.
    #[must_use]
    pub fn empty_body(mut self) -> Self {
        self.body = Body::Empty;
        self
    }

    /// Sends a page of HTML with the status.
    #[must_use]
    pub fn html_body(mut self) -> Self {
        self.body = Body::Html;
        self
    }

    /// Refuses a rule with missing or conflicting fields.
    pub(crate) fn check(&self) -> Result<(), String> {
        let ends = [
            self.status.is_some(),
            self.drop,
            self.act_then_drop,
            self.garbage,
            self.truncate,
            self.content_type.is_some(),
            self.odd.is_some(),
            self.drip.is_some(),
            self.cut.is_some(),
        ];
        let ends = ends.iter().filter(|&&end| end).count();
        if ends > 1 || (ends == 0 && self.delay_ms.is_none()) {
            return Err(
                "name exactly one of status, drop, act_then_drop, garbage, truncate, content_type, odd, drip, cut, \
                 or delay_ms alone"
                    .to_owned(),
            );
        }
        let only_with_status = self.retry_after.is_some()
            || self.code.is_some()
            || self.message.is_some()
            || self.body != Body::Graph;
        if self.status.is_none() && only_with_status {
            return Err("retry_after, body, code and message need status".to_owned());
        }
        if self.status.is_some_and(|status| !(400..=599).contains(&status)) {
            return Err("status must be from 400 to 599".to_owned());
        }
        if self.nth == Some(0) || self.from == Some(0) {
            return Err("nth and from count from 1".to_owned());
        }
        if self.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return Err("probability must be from 0 to 1".to_owned());
        }
        Ok(())
    }

    fn matches(&self, request: &Request) -> bool {
        let names = |word: &str| self.path.as_ref().is_some_and(|path| path.contains(word));
        let is_unnamed =
            (request.is_token_request() && !names("oauth2")) || (request.is_batch() && !names("$batch"));
        if is_unnamed {
            return false;
        }
        let method = self.method.as_ref();
        method.is_none_or(|method| request.method.as_str().eq_ignore_ascii_case(method))
            && self.write.is_none_or(|write| request.is_write() == write)
            && self.path.as_ref().is_none_or(|path| path_matches(path, request))
            && self.holding.as_ref().is_none_or(|part| request.holds(part))
    }

    fn end(&self, request: &Request) -> Option<End> {
        if self.drop {
            return Some(End::Drop);
        }
        if self.act_then_drop {
            return Some(End::ActThenDrop);
        }
        if self.truncate {
            return Some(End::Truncate);
        }
        if let Some(odd) = self.odd {
            return Some(End::Odd(odd));
        }
        if let Some(content_type) = &self.content_type {
            return Some(End::Mislabel(content_type.clone()));
        }
        if let Some(pace) = self.drip.map(Pace::Drip).or(self.cut.map(Pace::Cut)) {
            return Some(End::Pace(pace));
        }
        if self.garbage {
            let text = "<<< this is not what you asked for >>>".to_owned();
            return Some(End::Reply(Reply::text(StatusCode::OK, "application/json", text)));
        }
        let status = StatusCode::from_u16(self.status?).ok()?;
        let mut reply = match self.body {
            Body::Graph if request.is_token_request() => NoToken::outage(status).reply(request),
            Body::Graph => Reply::refusal(&self.refusal(status), request),
            Body::Empty => Reply::empty(status),
            Body::Html => {
                Reply::text(status, "text/html", format!("<html><body><h1>{status}</h1></body></html>"))
            }
        };
        if let Some(value) = &self.retry_after {
            reply = reply.header(RETRY_AFTER, value);
        }
        Some(End::Reply(reply))
    }

    /// Graph's usual error of a status.
    fn refusal(&self, status: StatusCode) -> Refusal {
        let concurrent = Refusal::concurrent();
        let (code, message) = match status.as_u16() {
            400 => ("Request_BadRequest", "Invalid request."),
            401 => ("InvalidAuthenticationToken", "Access token validation failure."),
            403 => ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
            404 => ("Request_ResourceNotFound", "Resource does not exist."),
            409 => (concurrent.code.as_str(), concurrent.message.as_str()),
            429 => ("TooManyRequests", "Too many requests"),
            503 => ("serviceNotAvailable", "The service is temporarily unavailable."),
            _ => ("UnknownError", ""),
        };
        let code = self.code.as_deref().unwrap_or(code);
        Refusal::new(status, code, self.message.as_deref().unwrap_or(message))
    }
}

/// How a rule ends a request.
#[derive(Debug)]
pub(crate) enum End {
    Reply(Reply),
    Drop,
    ActThenDrop,
    Truncate,
    Mislabel(String),
    Odd(Odd),
    Pace(Pace),
}

impl End {
    /// Whether the request is still carried out.
    pub(crate) fn acts(&self) -> bool {
        !matches!(self, Self::Drop | Self::Reply(_))
    }

    /// The spoiled answer to a request that was carried out.
    pub(crate) fn spoil(self, reply: Reply) -> Option<Reply> {
        match self {
            Self::Drop | Self::ActThenDrop => None,
            Self::Reply(instead) => Some(instead),
            Self::Truncate => Some(reply.truncated()),
            Self::Mislabel(content_type) => Some(reply.typed(&content_type)),
            Self::Odd(odd) => Some(reply.changed(|body| odd.answer(body))),
            Self::Pace(pace) => Some(reply.paced(pace)),
        }
    }
}

/// The decision of the rules about one request.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) delay: Duration,
    pub(crate) end: Option<End>,
    pub(crate) rule: Option<u64>,
}

/// A rule, with its counts of matched and spoiled requests.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rule {
    pub(crate) id: u64,
    matched: u64,
    fired: u64,
    /// Of a rule for one request: the one.
    #[serde(skip)]
    only: Option<String>,
    #[serde(flatten)]
    fault: Fault,
}

impl Rule {
    /// Whether the counts let the rule spoil this request, which matches.
    fn counts(&self, request: &Request) -> bool {
        let Fault { nth, from, times, .. } = &self.fault;
        match &self.only {
            Some(only) => *only == one(request),
            None => {
                nth.is_none_or(|nth| self.matched == nth)
                    && from.is_none_or(|first| self.matched >= first)
                    && times.is_none_or(|times| self.fired < times)
            }
        }
    }
}

fn one(request: &Request) -> String {
    format!("{} {}", request.method, request.path)
}

/// Every rule, in the order they were set.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
    last: u64,
    dice: Numbers,
}

impl Default for Faults {
    fn default() -> Self {
        Self { rules: Vec::new(), last: 0, dice: Numbers::new(1) }
    }
}

impl Faults {
    pub(crate) fn set(&mut self, fault: Fault) -> u64 {
        self.last += 1;
        self.rules.push(Rule { id: self.last, matched: 0, fired: 0, only: None, fault });
        self.last
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub(crate) fn spoiled(&self, id: u64) -> u64 {
        self.rules.iter().find(|rule| rule.id == id).map_or(0, |rule| rule.fired)
    }

    /// Counts a request and decides how to spoil it.
    pub(crate) fn judge(&mut self, request: &Request) -> Verdict {
        let mut verdict = Verdict::default();
        for rule in &mut self.rules {
            if !rule.fault.matches(request) {
                continue;
            }
            rule.matched += 1;
            let fault = &rule.fault;
            let due = verdict.end.is_none()
                && rule.counts(request)
                && fault.probability.is_none_or(|p| self.dice.fraction() < p);
            if due {
                rule.fired += 1;
                rule.only = fault.same.then(|| one(request));
                verdict.rule = Some(rule.id);
                verdict.delay += Duration::from_millis(fault.delay_ms.unwrap_or_default());
                verdict.end = fault.end(request);
            }
        }
        verdict
    }
}

fn path_matches(pattern: &str, request: &Request) -> bool {
    let with_query = format!("{}?{}", request.path, request.query);
    if pattern.contains('*') {
        is_like(pattern, &request.path) || is_like(pattern, &with_query)
    } else {
        with_query.trim_end_matches('?').contains(pattern)
    }
}

/// Whether the whole text matches a pattern in which `*` stands for anything.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(head) else {
        return false;
    };
    let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.any(|at| text.get(at..).is_some_and(|tail| is_like(rest, tail)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_the_whole_path() {
        assert!(is_like("/v1.0/groups/*/members/*", "/v1.0/groups/1/members/$ref"));
        assert!(is_like("*/$ref", "/v1.0/groups/1/members/$ref"));
        assert!(!is_like("*/members", "/v1.0/groups/1/members/$ref"));
        assert!(is_like("*", ""));
    }

    #[test]
    fn rules_that_say_nothing_or_too_much_are_refused() {
        let check = |json: &str| serde_json::from_str::<Fault>(json).unwrap().check();
        assert!(check(r#"{"path":"/users"}"#).is_err());
        assert!(check(r#"{"status":503,"drop":true}"#).is_err());
        assert!(check(r#"{"drop":true,"retry_after":"1"}"#).is_err());
        assert!(check(r#"{"status":200}"#).is_err());
        assert!(check(r#"{"status":503,"nth":0}"#).is_err());
        assert!(check(r#"{"status":503,"probability":1.5}"#).is_err());
        assert!(check(r#"{"status":503,"delay_ms":5,"retry_after":"1.5"}"#).is_ok());
        assert!(check(r#"{"delay_ms":5}"#).is_ok());
        assert!(check(r#"{"cut":5,"probability":0.5}"#).is_ok());
        assert!(check(r#"{"cut":5,"drip":5}"#).is_err());
        assert!(serde_json::from_str::<Fault>(r#"{"statu":503}"#).is_err());
    }
}
