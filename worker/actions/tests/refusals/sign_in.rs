//! Microsoft Entra's token endpoint.

use serde_json::json;

use crate::sample::{Call, Sample, sample};

fn refused(name: &'static str, status: u16, error: &str, number: u32, text: &str) -> Sample {
    let description = match number {
        0 => text.to_owned(),
        _ => format!(
            "AADSTS{number}: {text} Trace ID: 5a1b Correlation ID: 6c2d Timestamp: 2026-03-02 08:00:00Z"
        ),
    };
    let body = json!({
        "error": error,
        "error_description": description,
        "error_codes": [number],
        "timestamp": "2026-03-02 08:00:00Z",
        "trace_id": "5a1b0000-0000-4000-8000-000000000001",
        "correlation_id": "6c2d0000-0000-4000-8000-000000000002",
    });
    let answer = sample(name, Call::Token, status, "", "").with_body(body.to_string());
    answer.retry("credentials_refused", "credentials shut_out")
}

pub fn samples() -> Vec<Sample> {
    let declined = "The user did not approve the sign-in.";
    vec![
        refused(
            "token-invalid-scope",
            400,
            "invalid_scope",
            70011,
            "The provided request must include a 'scope' input parameter.",
        ),
        refused("token-wrong-secret", 401, "invalid_client", 7_000_215, "Invalid client secret provided."),
        refused(
            "token-secret-expired",
            401,
            "invalid_client",
            7_000_222,
            "The provided client secret keys for app 'a' are expired.",
        ),
        refused(
            "token-refresh-inactive",
            400,
            "invalid_grant",
            700_082,
            "The refresh token has expired due to inactivity.",
        ),
        refused(
            "token-app-not-in-tenant",
            400,
            "unauthorized_client",
            700_016,
            "Application with identifier 'a' was not found in the directory 'Contoso'.",
        ),
        // To the device code flow these mean "ask again" and "it is over"; to anybody else there is no token.
        refused("device-authorization-pending", 400, "authorization_pending", 70016, "Pending."),
        refused("device-authorization-declined", 400, "authorization_declined", 0, declined),
        refused("device-bad-verification-code", 400, "bad_verification_code", 0, "Not recognised."),
        refused("device-expired-token", 400, "expired_token", 0, "The device code has expired."),
    ]
}
