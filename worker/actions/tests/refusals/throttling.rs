//! What every service answers when it is busy, ill, or does not take the token.

use crate::sample::{Call, Sample, sample};

pub fn samples() -> Vec<Sample> {
    let unavailable = "The service is temporarily unavailable.";
    let unavailable = |name, call| {
        sample(name, call, 503, "serviceNotAvailable", unavailable).with_header("Retry-After", "30")
    };
    let bare = |name, call, status| sample(name, call, status, "UnknownError", "");
    let lost = |sample: Sample| sample.retry("graph_outcome_unknown", "ambiguous transient");
    let expired = "Lifetime validation failed, the token is expired.";
    vec![
        sample("throttle-generic", Call::Get, 429, "TooManyRequests", "Please retry again later.")
            .with_inner_code("429")
            .with_header("Retry-After", "2.128")
            .retry("graph_throttled", "throttled transient"),
        sample("throttle-identity", Call::Get, 429, "TooManyRequests", "Too many requests")
            .with_header("Retry-After", "10")
            .with_header("x-ms-throttle-scope", "Tenant_Application/ReadWrite/a/t")
            .with_header("x-ms-throttle-information", "ResourceUnitLimitExceeded")
            .retry("graph_throttled", "throttled transient"),
        sample("throttle-identity, a write", Call::Post, 429, "TooManyRequests", "Too many requests")
            .with_header("Retry-After", "10")
            .retry("graph_throttled", "throttled transient"),
        unavailable("server-503", Call::Get).retry("graph_unavailable", "transient"),
        lost(unavailable("server-503, a POST", Call::Post)),
        sample("server-503-replica", Call::Get, 503, "Directory_ReplicaUnavailable", "")
            .retry("graph_unavailable", "transient"),
        bare("server-500-unknown", Call::Get, 500).retry("graph_unavailable", "transient"),
        bare("server-500-unknown, a PATCH", Call::Patch, 500).retry("graph_unavailable", "transient"),
        lost(bare("server-500-unknown, a POST", Call::Post, 500)),
        bare("server-504", Call::Get, 504).retry("graph_unavailable", "transient"),
        lost(bare("server-504, an empty POST", Call::Post, 504).with_body("")),
        bare("server-504, in HTML", Call::Get, 504)
            .with_body("<html><title>Gateway Timeout</title></html>")
            .retry("graph_unavailable", "transient"),
        sample("graph-401-expired", Call::Get, 401, "InvalidAuthenticationToken", expired)
            .blocked("graph_unauthorized", "unauthorized"),
        sample("graph-401-empty", Call::Get, 401, "InvalidAuthenticationToken", "Access token is empty.")
            .blocked("graph_unauthorized", "unauthorized"),
        sample(
            "graph-405-method",
            Call::Get,
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        )
        .fault("graph_unexpected", ""),
        sample(
            "graph-403-empty-code",
            Call::Get,
            403,
            "",
            "You do not have the required permissions to access this item.",
        )
        .blocked("permission_missing", "forbidden"),
    ]
}
