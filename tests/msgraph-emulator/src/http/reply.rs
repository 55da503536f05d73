//! Answers, and the headers Graph puts on each of them.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::http::pace::{Feed, Pace, Paced};
use crate::http::refusal::Refusal;
use crate::http::request::Request;

const JSON: &str =
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

/// One answer, before it is sent.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    content_type: Option<Cow<'static, str>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    /// What makes the rest of the body.
    feed: Option<Feed>,
    pub(crate) pace: Pace,
}

impl Reply {
    /// An answer without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        let (headers, body) = (Vec::new(), Bytes::new());
        Self { status, content_type: None, headers, body, feed: None, pace: Pace::Whole }
    }

    /// 204, Graph's answer to most writes.
    pub(crate) fn no_content() -> Self {
        Self::empty(StatusCode::NO_CONTENT)
    }

    /// 202: accepted, without a report of the result.
    pub(crate) fn accepted() -> Self {
        Self::empty(StatusCode::ACCEPTED)
    }

    /// An answer in JSON.
    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self::text(status, JSON, body.to_string())
    }

    /// 200 with a body that is JSON already.
    pub(crate) fn ok_bytes(body: Bytes) -> Self {
        Self { content_type: Some(Cow::Borrowed(JSON)), body, ..Self::empty(StatusCode::OK) }
    }

    /// 200 with a body in JSON.
    pub(crate) fn ok(body: &Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// An answer in some text format.
    pub(crate) fn text(status: StatusCode, content_type: &'static str, body: String) -> Self {
        let content_type = Some(Cow::Borrowed(content_type));
        Self { content_type, body: Bytes::from(body), ..Self::empty(status) }
    }

    /// 200 with a file that is made while it is sent.
    pub(crate) fn file(feed: Feed) -> Self {
        let content_type = Some(Cow::Borrowed("application/octet-stream"));
        Self { content_type, feed: Some(feed), ..Self::empty(StatusCode::OK) }
    }

    /// The first half of the answer, as if it were complete; of a file that is made while it is sent, a part.
    pub(crate) fn truncated(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        self.feed = self.feed.map(Feed::truncated);
        self
    }

    /// The answer with another body, if `change` makes one of a success.
    pub(crate) fn changed(self, change: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> Self {
        let body = Some(&self.body).filter(|_| self.status.is_success()).and_then(|body| change(body));
        Self { body: body.map_or(self.body.clone(), Bytes::from), ..self }
    }

    /// The answer under another type than its own.
    pub(crate) fn typed(mut self, content_type: &str) -> Self {
        self.content_type = Some(Cow::Owned(content_type.to_owned()));
        self
    }

    /// The answer with its body sent this way.
    pub(crate) fn paced(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Adds a header; a value no header can hold is left out.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).map(|value| (name, value)));
        self
    }

    /// A refusal in Graph's error format.
    pub(crate) fn refusal(refusal: &Refusal, request: &Request) -> Self {
        let date = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let body = refusal.body(&date, &request.request_id, request.client_request_id());
        let reply = Self::json(refusal.status, &body);
        if refusal.status == StatusCode::UNAUTHORIZED {
            return reply.header(WWW_AUTHENTICATE, "Bearer realm=\"\"");
        }
        reply
    }

    /// 411 in the words of the server before Graph.
    pub(crate) fn length_required() -> Self {
        let html = "<h2>Length Required</h2><p>HTTP Error 411. The request must be chunked or have a content length.</p>";
        Self::text(StatusCode::LENGTH_REQUIRED, "text/html; charset=us-ascii", html.to_owned())
    }

    /// The answer to a request, with the headers every answer has. `Date` is hyper's.
    pub(crate) fn into_response(self, request: &Request) -> Response<Paced> {
        let mut response = Response::new(Paced::new(self.body, self.feed, self.pace));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let kind = self.content_type.and_then(|kind| HeaderValue::from_str(&kind).ok());
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, kind);
        }
        let ids =
            [("request-id", request.request_id.as_str()), ("client-request-id", request.client_request_id())];
        for (name, id) in ids {
            if let Ok(value) = HeaderValue::from_str(id) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers.extend(self.headers);
        response
    }

    /// The answer as a part of a batch's: no ids among the headers, and a body that is JSON or base64.
    pub(crate) fn into_part(self, id: &str) -> Value {
        let mut headers = Map::new();
        if let Some(kind) = self.content_type {
            headers.insert("Content-Type".to_owned(), json!(kind));
        }
        for (name, value) in &self.headers {
            headers.insert(spelled(name.as_str()), json!(value.to_str().unwrap_or_default()));
        }
        let body = match serde_json::from_slice::<Value>(&self.body) {
            Ok(body) => body,
            Err(_) if self.body.is_empty() => Value::Null,
            Err(_) => json!(STANDARD.encode(&self.body)),
        };
        json!({ "id": id, "status": self.status.as_u16(), "headers": headers, "body": body })
    }
}

/// A header's name as Graph spells it, `Retry-After`; its own `x-ms-` names are small.
fn spelled(name: &str) -> String {
    if name.starts_with("x-") {
        return name.to_owned();
    }
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split('-').map(capital).collect::<Vec<_>>().join("-")
}
