//! Parts of a batch: each is an answer like any other, inside an answer that says 200 whatever became of them.

use crate::sample::{Call, Sample, sample};

pub fn samples() -> Vec<Sample> {
    let part = r#"{"error":{"code":"TooManyRequests","message":"Please retry again later."}}"#;
    vec![
        sample("batch-part-throttled", Call::Post, 429, "", "")
            .with_body(part)
            .with_header("Retry-After", "10")
            .retry("graph_throttled", "throttled transient"),
        sample("batch-part-throttled, the part beside it", Call::Post, 204, "", "").with_body("null"),
        sample("batch-part-dependency", Call::Post, 424, "FailedDependency", "").retry("stale_plan", ""),
        sample("batch-part-302-401-204", Call::Get, 302, "", "")
            .with_body("")
            .with_header("Location", "https://files.contoso.example/opaque")
            .fault("graph_unexpected", ""),
        sample("batch-part-302-401-204, the 401", Call::Get, 401, "Forbidden", "...")
            .blocked("graph_unauthorized", "unauthorized"),
        sample("batch-part-302-401-204, the 200", Call::Get, 200, "", "").with_body(r#"{"value":[]}"#),
        sample("batch-part-302-401-204, the 204", Call::Post, 204, "", "").with_body("null"),
        sample("batch-malformed", Call::Post, 400, "BadRequest", "Invalid batch payload format.")
            .fault("graph_unexpected", "malformed"),
    ]
}
