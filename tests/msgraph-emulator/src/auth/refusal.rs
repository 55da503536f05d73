//! Refusals of the sign-in endpoints, in Entra's own shape.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use crate::http::reply::Reply;
use crate::http::request::Request;

/// A refusal of a sign-in endpoint: status, `error`, AADSTS code, sentence.
#[derive(Debug)]
pub(crate) struct NoToken(StatusCode, &'static str, u64, String);

impl NoToken {
    pub(super) fn bad(error: &'static str, code: u64, text: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, error, code, text.into())
    }

    /// The application did not prove its identity.
    pub(super) fn unauthorized(code: u64, text: impl Into<String>) -> Self {
        Self(StatusCode::UNAUTHORIZED, "invalid_client", code, text.into())
    }

    /// A grant that was valid once is no longer valid.
    pub(super) fn invalid_grant(code: u64, text: impl Into<String>) -> Self {
        Self::bad("invalid_grant", code, text)
    }

    /// An outage, for rules that spoil a request to sign in.
    pub(crate) fn outage(status: StatusCode) -> Self {
        let text = "A transient error has occurred. Please try again.";
        Self(status, "temporarily_unavailable", 90_033, text.to_owned())
    }

    pub(crate) fn reply(&self, request: &Request) -> Reply {
        let Self(status, error, code, text) = self;
        let now = Timestamp::now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let trace = &request.request_id;
        let correlation = request.client_request_id();
        let body = json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} \
                 Timestamp: {now}"
            ),
            "error_codes": [code],
            "timestamp": now,
            "trace_id": trace,
            "correlation_id": correlation,
        });
        Reply::json(*status, &body)
    }
}
