//! Usage reports and their settings.

use crate::sample::{Call, Sample, sample};

pub fn samples() -> Vec<Sample> {
    vec![
        sample("report-302", Call::Report, 302, "", "")
            .with_body("")
            .with_header("Location", "/data/download/opaque"),
        sample("report-no-role", Call::Get, 403, "S2SUnauthorized", "Invalid scope claims/roles.")
            .blocked("permission_missing", "forbidden"),
        sample(
            "report-no-role, as a 401",
            Call::Get,
            401,
            "S2SUnauthorized",
            r#"{"error":{"code":"S2SUnauthorized","message":"Invalid permission."}}"#,
        )
        .blocked("permission_missing", "forbidden"),
        sample(
            "report-missing-credentials",
            Call::ReportFile,
            401,
            "MissingCredentials",
            "Valid Authorization header is needed.",
        )
        .retry("graph_unavailable", "transient"),
        sample("report-settings-patch-ok", Call::Patch, 204, "", "").with_body(""),
    ]
}
