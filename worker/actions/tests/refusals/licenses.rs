//! Licences: one status and one code for most of what can be wrong.

use crate::sample::{Call, Sample, sample};

pub fn samples() -> Vec<Sample> {
    let assign = |name, message| sample(name, Call::AssignLicense, 400, "Request_BadRequest", message);
    let take = |name, message| sample(name, Call::TakeLicense, 400, "Request_BadRequest", message);
    vec![
        assign("license-none-left", "Subscription with SKU s does not have any available licenses.")
            .blocked("no_seat", "seat_missing"),
        assign(
            "license-usage-location",
            "License assignment cannot be done for user with invalid usage location.",
        )
        .retry("stale_plan", "license_stale"),
        take(
            "license-inherited",
            "User license is inherited from a group membership and it cannot be removed directly from the user.",
        )
        .retry("stale_plan", "license_stale"),
        take("license-not-assigned", "User does not have a corresponding license."),
        assign("license-not-assigned, while one is given", "User does not have a corresponding license.")
            .retry("stale_plan", "already_gone"),
        assign("license-bad-sku", "License s does not correspond to a valid company License.")
            .blocked("graph_refused", ""),
        sample(
            "license-concurrency",
            Call::AssignLicense,
            409,
            "Directory_ConcurrencyViolation",
            "Error due to concurrent requests being made to the tenant. Please wait briefly and retry.",
        )
        .retry("stale_plan", "conflict transient"),
        assign(
            "license-conflicting-plans",
            "License assignment failed because service plans 1,2 are mutually exclusive",
        )
        .blocked("license_conflict", "license_conflict"),
        assign(
            "license-dependency",
            "License assignment failed because service plan 1 depends on the service plan(s) 2,3",
        )
        .blocked("license_conflict", "license_conflict"),
    ]
}
