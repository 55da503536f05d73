//! OneDrive and SharePoint: drives, items, copies and what watches them.

use crate::sample::{Call, Sample, sample};

pub fn samples() -> Vec<Sample> {
    [drives(), items(), copies(), monitors()].into_iter().flatten().collect()
}

fn drives() -> Vec<Sample> {
    let resync = |name, code, message| {
        sample(name, Call::Get, 410, code, message).retry("resync_required", "resync_required")
    };
    vec![
        resync(
            "calendarview-delta-gone",
            "SyncStateNotFound",
            "The sync state generation is not found; generation=149;[highest=157][157][155][156].",
        ),
        resync("delta-resync-required", "resyncRequired", "Resync required."),
        resync("drive-delta-gone-apply", "resyncChangesApplyDifferences", "Resync required."),
        resync("drive-delta-gone-upload", "resyncChangesUploadDifferences", "Resync required."),
        sample("drive-no-mysite", Call::User, 404, "ResourceNotFound", "User's mysite not found.").absent(),
        sample(
            "drive-no-mysite, to a write",
            Call::Post,
            404,
            "ResourceNotFound",
            "User's mysite not found.",
        )
        .blocked("drive_missing", "already_gone drive_missing not_found"),
        sample("drive-mysite-url", Call::Get, 400, "BadRequest", "Unable to retrieve user's mysite URL.")
            .blocked("drive_missing", "drive_missing"),
        sample("drive-no-spo", Call::Get, 400, "BadRequest", "Tenant does not have a SPO license.")
            .blocked("service_not_bought", "not_bought"),
    ]
}

fn items() -> Vec<Sample> {
    let locked = "The resource you are attempting to access is locked";
    vec![
        sample("drive-item-missing", Call::User, 404, "itemNotFound", "The resource could not be found.")
            .absent(),
        sample(
            "drive-folder-exists",
            Call::Post,
            409,
            "nameAlreadyExists",
            "The specified item name already exists.",
        )
        .retry("stale_plan", "already_exists conflict"),
        sample("drive-access-denied", Call::Get, 403, "accessDenied", "Access denied")
            .blocked("permission_missing", "forbidden"),
        sample("drive-locked", Call::Patch, 423, "resourceLocked", locked)
            .retry("object_locked", "locked transient"),
        sample("drive-locked, as a 403", Call::Patch, 403, "notAllowed", locked)
            .with_inner_code("resourceLocked")
            .retry("object_locked", "locked transient"),
        sample(
            "drive-invite-unresolved",
            Call::Post,
            400,
            "invalidRequest",
            "One or more users could not be resolved",
        )
        .with_inner_code("noResolvedUsers")
        .blocked("graph_refused", ""),
        sample(
            "drive-invite-sharing-off",
            Call::Post,
            403,
            "accessDenied",
            "Sharing has been disabled on this site.",
        )
        .with_inner_code("sharingDisabled")
        .blocked("policy_forbids", "against_policy forbidden"),
        sample("drive-throttled", Call::Get, 429, "activityLimitReached", "The request has been throttled")
            .with_header("Retry-After", "31")
            .with_header("RateLimit-Reset", "31")
            .retry("graph_throttled", "throttled transient"),
    ]
}

fn copies() -> Vec<Sample> {
    let copy = |name, message| {
        sample(name, Call::Post, 400, "invalidRequest", message).fault("graph_unexpected", "malformed")
    };
    vec![
        sample(
            "drive-quota",
            Call::Post,
            507,
            "quotaLimitReached",
            "The user has reached their quota limit.",
        )
        .blocked("limit_reached", "limit_reached"),
        sample(
            "copy-cross-site-50mb",
            Call::Post,
            403,
            "notAllowed",
            "Cross-site operations cannot be performed on files larger than 50MiB",
        )
        .blocked("limit_reached", "limit_reached"),
        copy("copy-root", "Cannot copy the root folder."),
        copy("copy-childrenonly-file", "childrenOnly option is not valid for file items."),
        copy("copy-childrenonly-name", "Cannot use name parameter alongside childrenOnly."),
    ]
}

/// The monitor's answers are successes that tell a state, but for the last two.
fn monitors() -> Vec<Sample> {
    let told = |name, status, body: &str| sample(name, Call::Post, status, "", "").with_body(body);
    vec![
        told(
            "copy-in-progress",
            202,
            r#"{"operation":"ItemCopy","percentageComplete":27.8,"status":"inProgress"}"#,
        ),
        told(
            "copy-completed",
            202,
            r#"{"percentageComplete":100.0,"resourceId":"01A","status":"completed"}"#,
        ),
        told("copy-completed-v21", 200, r#"{"id":"1","percentComplete":100,"status":"completed"}"#),
        told(
            "copy-failed-name",
            200,
            r#"{"id":"1","status":"failed","error":{"code":"nameAlreadyExists","message":"Name already exists"}}"#,
        ),
        told("copy-failed-access", 200, r#"{"status":"failed","errorCode":"AccessDenied_1"}"#),
        told(
            "copy-failed-many",
            200,
            r#"{"id":"1","status":"failed","error":{"message":"Errors occurred during copy/move operation.",
            "details":[{"code":"nameAlreadyExists","message":"Name already exists","target":"01A"}]}}"#,
        ),
        sample("copy-monitor-expired", Call::Get, 404, "operationNotFound", "The operation does not exist.")
            .retry("object_disappeared", "not_found"),
        sample(
            "copy-monitor-with-token",
            Call::Get,
            401,
            "unauthenticated",
            "Invalid audience Uri 'https://graph.microsoft.com/'.",
        )
        .blocked("graph_unauthorized", "unauthorized"),
    ]
}
