//! Several calls in one round trip: writes the body of `POST /$batch` and reads the answer of each call.
//!
//! Microsoft Graph documentation, "Combine multiple HTTP requests using JSON batching" (2025, read 2026-11-21): at most
//! twenty calls, each judged alone, answers in any order, relative addresses.

use std::collections::HashMap;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::error::answer::Answer;
use crate::http::call::{CONTENT_TYPE, Call};

/// The most calls in one batch.
pub(crate) const LARGEST_BATCH: usize = 20;

/// The body of a write that has none. Without a body and its type Graph refuses the whole batch: 400 "Write request
/// id : 1 does not contain Content-Type header or body." (the page above; microsoft-graph-docs 6682,
/// msgraph-sdk-dotnet 2628, read 2026-11-28). Reads and deletions have none.
const EMPTY_BODY: &[u8] = b"{}";

/// How the calls of a round trip depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// They are independent.
    AtOnce,
    /// Each is carried out only if the one before it succeeded.
    OneByOne,
}

#[derive(Serialize)]
struct Batch<'a> {
    requests: Vec<Part<'a>>,
}

#[derive(Serialize)]
struct Part<'a> {
    id: String,
    method: &'a str,
    url: &'a str,
    headers: HashMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
    #[serde(rename = "dependsOn", skip_serializing_if = "Option::is_none")]
    depends_on: Option<[String; 1]>,
}

impl<'a> Part<'a> {
    fn of(index: usize, call: &'a Call, order: Order) -> Option<Self> {
        let mut headers: HashMap<_, _> = call.headers().collect();
        let body = match call.body.as_deref() {
            None if call.takes_a_body() => {
                headers.insert(CONTENT_TYPE, "application/json");
                Some(EMPTY_BODY)
            }
            body => body,
        };
        let body = body.map(serde_json::from_slice).transpose().ok()?;
        let url = call.relative.as_deref()?;
        let before = index.checked_sub(1).filter(|_| order == Order::OneByOne);
        let depends_on = before.map(|before| [before.to_string()]);
        Some(Self { id: index.to_string(), method: call.method.as_str(), url, headers, body, depends_on })
    }
}

/// The body of a batch of these calls, numbered by their position.
pub(crate) fn body(calls: &[&Call], order: Order) -> Result<Bytes, Error> {
    let requests: Option<Vec<_>> =
        calls.iter().enumerate().map(|(index, call)| Part::of(index, call, order)).collect();
    let requests = requests.ok_or_else(|| Error::internal("a request cannot be sent in a batch"))?;
    let body = serde_json::to_vec(&Batch { requests });
    body.map(Bytes::from).map_err(|_| Error::internal("a batch cannot be serialized as JSON"))
}

#[derive(Deserialize)]
struct Answers<'a> {
    #[serde(borrow)]
    responses: Vec<PartAnswer<'a>>,
}

#[derive(Deserialize)]
struct PartAnswer<'a> {
    id: &'a str,
    status: u16,
    #[serde(default)]
    headers: Option<HashMap<String, serde_json::Value>>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// One call's part of the answer.
pub(crate) struct PartOfAnswer {
    pub head: Answer,
    pub body: Bytes,
}

/// Reads the answer to a batch of `count` calls, in their order; `None` for each call that Graph left out.
pub(crate) fn answers(body: &Bytes, count: usize) -> Option<Vec<Option<PartOfAnswer>>> {
    let answers: Answers<'_> = serde_json::from_slice(body).ok()?;
    let mut parts: Vec<Option<PartOfAnswer>> = (0..count).map(|_| None).collect();
    for answer in answers.responses {
        let Some(part) = answer.id.parse().ok().and_then(|index: usize| parts.get_mut(index)) else {
            continue;
        };
        let text = answer.body.map(RawValue::get).filter(|text| *text != "null").unwrap_or_default();
        let head = Answer::of_head(answer.status, &headers(answer.headers.unwrap_or_default()));
        *part = Some(PartOfAnswer { head, body: body.slice_ref(text.as_bytes()) });
    }
    Some(parts)
}

fn headers(headers: HashMap<String, serde_json::Value>) -> HeaderMap {
    let header = |(name, value): (String, serde_json::Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(text).ok()?))
    };
    headers.into_iter().filter_map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_any_order_and_one_may_be_missing() {
        let body = Bytes::from_static(
            br#"{"responses":[
                {"id":"2","status":204,"headers":{"request-id":"r-2"},"body":null},
                {"id":"0","status":429,"headers":{"Retry-After":2},"body":{"error":{"code":"TooManyRequests"}}},
                {"id":"9","status":200},{"id":"x","status":200}]}"#,
        );
        let parts = answers(&body, 3).unwrap();
        let [Some(first), None, Some(last)] = parts.as_slice() else { panic!("the second is missing") };
        assert_eq!(
            (first.head.status, first.head.retry_after.map(|wait| wait.as_secs())),
            (Some(429), Some(2))
        );
        assert_eq!(first.body.as_ref(), br#"{"error":{"code":"TooManyRequests"}}"#);
        assert_eq!((last.head.request_id.as_deref(), last.body.len()), (Some("r-2"), 0));
    }

    #[test]
    fn what_is_no_answer_to_a_batch_is_none() {
        for body in ["", "[]", "{}", "<html>", r#"{"responses":[{"id":1}]}"#] {
            assert!(answers(&Bytes::from(body), 1).is_none(), "{body}");
        }
    }
}
