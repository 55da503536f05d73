//! Usage reports and their settings.

use crate::sample::{Call, Sample, sample};

pub fn samples() -> Vec<Sample> {
    vec![
        sample("report-302", Call::Get, 302, "", "")
            .with_body("")
            .with_header("Location", "https://reports.office.com/data/download/opaque")
            .fault("graph_unexpected", ""),
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
            Call::Get,
            401,
            "MissingCredentials",
            "Valid Authorization header is needed.",
        )
        .blocked("graph_unauthorized", "unauthorized"),
        sample("report-settings-patch-ok", Call::Patch, 204, "", "").with_body(""),
    ]
}
