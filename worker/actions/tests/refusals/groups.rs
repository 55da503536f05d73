//! Groups: their members and owners, and what cannot be changed.

use crate::sample::{Call, Sample, sample};

const BAD: &str = "Request_BadRequest";
const MISSING: &str = "Request_ResourceNotFound";

pub fn samples() -> Vec<Sample> {
    [memberships(), groups()].into_iter().flatten().collect()
}

fn memberships() -> Vec<Sample> {
    let missing = |id: &str| {
        format!(
            "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
        )
    };
    let references =
        |what: &str| format!("One or more {what} for the following modified properties: 'members'.");
    vec![
        sample(
            "graph-403-directory-quota",
            Call::AddMember,
            403,
            "Directory_QuotaExceeded",
            "Unable to perform operation as '121' would exceed the maximum quota count '100' for forward-link \
             owners.",
        )
        .blocked("limit_reached", "limit_reached"),
        sample(
            "group-member-exists",
            Call::AddMember,
            400,
            BAD,
            &references("added object references already exist"),
        ),
        sample("group-member-user-missing", Call::AddMember, 404, MISSING, &missing("1"))
            .retry("object_disappeared", "already_gone not_found"),
        sample("group-missing", Call::AddMember, 404, MISSING, &missing("g"))
            .retry("object_disappeared", "already_gone not_found"),
        sample("group-remove-not-member-404", Call::Delete, 404, MISSING, &missing("1")),
        sample(
            "group-remove-not-member-400",
            Call::Delete,
            400,
            BAD,
            &references("removed object references do not exist"),
        ),
        sample(
            "group-last-owner",
            Call::Delete,
            400,
            BAD,
            "The group must have at least one owner, hence this owner cannot be removed.",
        )
        .blocked("not_prepared", "unprepared"),
    ]
}

/// What cannot be changed because of what the group is.
fn groups() -> Vec<Sample> {
    vec![
        // The words of a missing permission; actions look at the group before they ask.
        sample(
            "group-dynamic",
            Call::AddMember,
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
        .blocked("permission_missing", "forbidden"),
        sample(
            "group-mail-enabled",
            Call::AddMember,
            400,
            BAD,
            "Cannot Update a mail-enabled security groups and or distribution list.",
        )
        .blocked("graph_refused", ""),
        sample(
            "group-synced",
            Call::AddMember,
            400,
            BAD,
            "Unable to update the specified properties for objects that have originated within an external \
             service.",
        )
        .blocked("synced_object", "synced"),
        sample("group-same-key", Call::Post, 409, "Request_MultipleObjectsWithSameKeyValue", "")
            .with_body(
                r#"{"error":{"code":"Request_MultipleObjectsWithSameKeyValue","message":{"lang":"en","value":
                "An extension property exists with the name extension_a_b."}}}"#,
            )
            .retry("stale_plan", "already_exists conflict"),
        // What the answer would be if the membership's address could lose its end; that it cannot is a test of the
        // requests' own.
        sample("group-remove-without-ref", Call::Delete, 204, "", "").with_body(""),
    ]
}
