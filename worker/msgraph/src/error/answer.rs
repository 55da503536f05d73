//! The parts of an error answer.
//!
//! The status decides first, the body second: a body can be empty, HTML, or JSON with an empty code, and the error is
//! still classified.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use secrecy::SecretString;
use serde_json::Value;

use crate::http::retry_after;

/// What an answer's status, headers and error body say.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    pub status: Option<u16>,
    pub code: String,
    pub inner_codes: Vec<String>,
    pub detail_codes: Vec<String>,
    /// The property or object that a detail names first.
    pub target: Option<String>,
    /// In lower case, with the messages of the details. Never printed.
    pub message: String,
    pub request_id: Option<String>,
    pub retry_after: Option<Duration>,
    /// Where a redirect leads, or where to monitor a long-running job. The address can grant access by itself.
    pub location: Option<SecretString>,
    /// The `AADSTS` number, if the sign-in service refused a token.
    pub sign_in_number: u32,
    /// The OAuth error code for it.
    pub sign_in_error: String,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("code", &self.code)
            .field("inner_codes", &self.inner_codes)
            .field("detail_codes", &self.detail_codes)
            .field("target", &self.target)
            .field("message", &format_args!("[{} bytes redacted]", self.message.len()))
            .field("request_id", &self.request_id)
            .field("location", &self.location)
            .field("retry_after", &self.retry_after)
            .finish()
    }
}

impl Answer {
    /// Reads the status and the headers.
    pub(crate) fn of_head(status: u16, headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status: Some(status),
            request_id: text("request-id").or_else(|| text("x-ms-request-id")).and_then(identifier),
            location: text(LOCATION.as_str())
                .filter(|to| matches!(status, 202 | 302) && !to.is_empty())
                .map(Into::into),
            retry_after: text(RETRY_AFTER.as_str())
                .and_then(|value| retry_after::parse(value, Timestamp::now())),
            ..Self::default()
        }
    }

    /// Adds what the body says.
    pub(crate) fn with_body(mut self, body: &[u8]) -> Self {
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return self };
        match body.get("error") {
            Some(Value::String(error)) => self.read_sign_in(error, &body),
            Some(error) => self.read_graph(error),
            None => {}
        }
        self
    }

    /// Every code, on every level.
    pub(crate) fn codes(&self) -> impl Iterator<Item = &str> {
        let codes = std::iter::once(&self.code).chain(&self.inner_codes).chain(&self.detail_codes);
        codes.map(String::as_str)
    }

    fn read_graph(&mut self, error: &Value) {
        self.code = code_of(error).unwrap_or_default();
        self.add_message(error);
        for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
            self.detail_codes.extend(code_of(detail));
            self.target = self.target.take().or_else(|| target_of(detail));
            self.add_message(detail);
        }
        let mut inner = inner_of(error);
        while let Some(level) = inner {
            self.inner_codes.extend(code_of(level));
            self.add_message(level);
            let id = level.get("request-id").and_then(Value::as_str).and_then(identifier);
            self.request_id = self.request_id.take().or(id);
            inner = inner_of(level);
        }
    }

    /// `{"error":"invalid_client","error_description":"AADSTS7000215: …","error_codes":[7000215],…}`
    fn read_sign_in(&mut self, error: &str, body: &Value) {
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let description = text("error_description");
        let listed = body.get("error_codes").and_then(|codes| codes.get(0)).and_then(Value::as_u64);
        let written = description.strip_prefix("AADSTS").and_then(|rest| {
            rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok())
        });
        let number = listed.or(written).and_then(|number| u32::try_from(number).ok());
        // Errors of the device code flow have the number 0; their name says everything.
        let number = number.filter(|number| *number != 0);
        self.sign_in_number = number.unwrap_or_default();
        self.code = match number {
            Some(number) => format!("AADSTS{number}"),
            None => identifier(error).unwrap_or_default(),
        };
        self.sign_in_error = identifier(error).unwrap_or_default();
        self.message = description.to_lowercase();
        self.request_id = self.request_id.take().or_else(|| identifier(text("trace_id")));
    }

    fn add_message(&mut self, value: &Value) {
        let message = value.get("message");
        // Directory extensions write `"message": {"lang": "en", "value": "…"}` (seen in client code, 2023).
        let text = message.and_then(Value::as_str).or_else(|| message?.get("value")?.as_str());
        if let Some(message) = text {
            self.message.push_str(&message.to_lowercase());
            self.message.push('\n');
        }
    }
}

/// The property or object that an error is about, if it can be neither a name nor an address.
fn target_of(detail: &Value) -> Option<String> {
    let is_property = |text: &&str| text.chars().all(|c| c.is_ascii_alphanumeric());
    let is_one = |text: &&str| is_property(text) || uuid::Uuid::try_parse(text).is_ok();
    detail.get("target").and_then(Value::as_str).filter(is_one).and_then(identifier)
}

fn code_of(value: &Value) -> Option<String> {
    value.get("code").and_then(Value::as_str).and_then(identifier)
}

/// Graph's services use both spellings (seen 2025).
fn inner_of(value: &Value) -> Option<&Value> {
    let inner = value.get("innerError").or_else(|| value.get("innererror"));
    // The administration of Exchange puts the cause one level deeper (client code, 2026).
    inner.or_else(|| value.get("internalException").or_else(|| value.get("internalexception")))
}

/// A code or an id that may be printed. Drops anything that could contain a name, an address or a line break.
fn identifier(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    (!text.is_empty() && text.len() <= 100 && text.chars().all(allowed)).then(|| text.to_owned())
}
