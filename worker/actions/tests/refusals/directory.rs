//! Microsoft Entra: people, what is told about them, their rights and sign-in methods, extensions.

use crate::sample::{Call, Sample, sample};

const BAD: &str = "Request_BadRequest";
const UNSUPPORTED: &str = "Request_UnsupportedQuery";
const DENIED: &str = "Authorization_RequestDenied";
const MISSING: &str = "Request_ResourceNotFound";
const PRIVILEGES: &str = "Insufficient privileges to complete the operation.";
const NOT_THERE: &str =
    "Resource '1' does not exist or one of its queried reference-property objects are not present.";

pub fn samples() -> Vec<Sample> {
    [people(), reads(), deltas(), rights()].into_iter().flatten().collect()
}

fn people() -> Vec<Sample> {
    let taken = |property: &str| {
        format!("Another object with the same value for property {property} already exists.")
    };
    vec![
        sample("graph-403-privileges", Call::Post, 403, DENIED, PRIVILEGES)
            .blocked("permission_missing", "forbidden"),
        sample("user-create-duplicate-upn", Call::CreateUser, 400, BAD, &taken("userPrincipalName"))
            .with_detail("ObjectConflict", "userPrincipalName")
            .retry("stale_plan", "already_exists"),
        sample("user-create-duplicate-proxy", Call::CreateUser, 400, BAD, &taken("proxyAddresses"))
            .with_detail("ObjectConflict", "proxyAddresses")
            .retry("stale_plan", "address_taken already_exists"),
        sample(
            "user-create-bad-domain",
            Call::CreateUser,
            400,
            BAD,
            "The domain portion of the userPrincipalName property is invalid. You must use one of the verified \
             domain names in your organization.",
        )
        .with_detail("InvalidValue", "userPrincipalName")
        .blocked("graph_refused", ""),
        // The password is ours, and the policy is the tenant's.
        sample(
            "user-create-weak-password",
            Call::CreateUser,
            400,
            BAD,
            "The specified password does not comply with password complexity requirements. Please provide a \
             different password.",
        )
        .blocked("password_refused", "password_refused"),
        sample(
            "user-create-missing-field",
            Call::CreateUser,
            400,
            BAD,
            "A value is required for property 'mailNickname' of resource 'User'.",
        )
        .blocked("graph_refused", ""),
        sample("user-not-found", Call::User, 404, MISSING, NOT_THERE).absent(),
        sample("user-not-found, to a write", Call::Patch, 404, MISSING, NOT_THERE)
            .retry("object_disappeared", "already_gone not_found"),
        sample("user-manager-none", Call::Manager, 404, MISSING, "Resource 'manager' does not exist.").absent(),
        sample("user-delete-missing", Call::Delete, 404, MISSING, NOT_THERE),
        sample(
            "user-update-synced",
            Call::Patch,
            400,
            BAD,
            "Unable to update the specified properties for on-premises mastered Directory Sync objects or \
             objects currently undergoing migration.",
        )
        .blocked("synced_object", "synced"),
        sample("user-disable-admin", Call::Patch, 403, DENIED, PRIVILEGES)
            .blocked("permission_missing", "forbidden"),
        sample("restore-missing", Call::Post, 404, MISSING, NOT_THERE)
            .retry("object_disappeared", "already_gone not_found"),
    ]
}

fn reads() -> Vec<Sample> {
    let header = "Request with $search query parameter only works through MSGraph with a special request \
                  header: 'ConsistencyLevel: eventual'";
    vec![
        sample("user-count-no-header", Call::Get, 400, BAD, "$count is not currently supported.")
            .fault("graph_unexpected", "malformed"),
        sample("user-search-no-header", Call::Get, 400, UNSUPPORTED, header)
            .fault("graph_unexpected", "malformed"),
        sample("user-filter-endswith-no-header", Call::Get, 400, UNSUPPORTED, "Unsupported Query.")
            .fault("graph_unexpected", "malformed"),
        sample(
            "user-filter-not-indexed",
            Call::Get,
            400,
            UNSUPPORTED,
            "The request uses a filter property that is not indexed",
        )
        .fault("graph_unexpected", "malformed"),
        sample(
            "user-select-not-supported",
            Call::Get,
            501,
            "NotImplemented",
            "This operation target is not yet supported.",
        )
        .fault("graph_unexpected", ""),
        sample(
            "user-list-expired-page",
            Call::Get,
            400,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your request.",
        )
        .retry("listing_expired", "listing_expired"),
        sample(
            "signin-no-premium",
            Call::Get,
            403,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
            "Neither tenant is B2C or tenant doesn't have premium license",
        )
        .blocked("service_not_bought", "forbidden not_bought"),
        sample(
            "signin-no-permission",
            Call::Get,
            403,
            "Authentication_MSGraphPermissionMissing",
            "Calling principal does not have required MSGraph permissions AuditLog.Read.All",
        )
        .blocked("permission_missing", "forbidden"),
        sample(
            "signin-role",
            Call::Get,
            403,
            "Authentication_RequestFromUnsupportedUserRole",
            "User is not in the allowed roles",
        )
        .blocked("permission_missing", "forbidden"),
    ]
}

fn deltas() -> Vec<Sample> {
    vec![
        sample(
            "user-delta-gone",
            Call::Delta,
            410,
            "syncStateNotFound",
            "The sync state generation is not found. The delta token is expired and data must be synchronized \
             again.",
        )
        .with_header("Location", "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=")
        .resync(),
        sample("user-delta-gone, as another refusal", Call::Get, 400, "SyncStateNotFound", "")
            .retry("resync_required", "resync_required"),
        sample("user-delta-gone, to another call", Call::Get, 410, "", "")
            .with_body("")
            .retry("resync_required", "resync_required"),
    ]
}

fn rights() -> Vec<Sample> {
    let default = "Cannot delete default method with other methods configured. Please change default method \
                   before deletion.";
    let default_too = "The requested authentication method id of [m] matches the user's current default \
                       authentication method, and cannot be deleted until the default authentication method is \
                       changed";
    let lifetime = "Invalid LifetimeInMinutes specified. The valid range between 60 and 480.";
    vec![
        sample(
            "approle-exists",
            Call::Post,
            400,
            BAD,
            "Permission being assigned already exists on the object",
        )
        .retry("stale_plan", "already_exists"),
        sample(
            "pim-role-missing",
            Call::Post,
            400,
            "RoleAssignmentDoesNotExist",
            "The Role assignment does not exist.",
        )
        .retry("stale_plan", "already_gone"),
        sample(
            "pim-role-exists",
            Call::Post,
            400,
            "RoleAssignmentExists",
            "The Role assignment already exists.",
        )
        .retry("stale_plan", "already_exists"),
        sample("openext-exists", Call::Post, 400, BAD, "An extension already exists with given id.")
            .retry("stale_plan", "already_exists"),
        sample(
            "openext-missing",
            Call::Delete,
            404,
            "ResourceNotFound",
            "Extension with given id not found.",
        ),
        sample("openext-missing, to a GET", Call::User, 404, "ResourceNotFound", "Not found.").absent(),
        sample("authmethod-default", Call::Delete, 400, "badRequest", default)
            .blocked("not_prepared", "unprepared"),
        sample("authmethod-default-2", Call::Delete, 400, "badRequest", default_too)
            .blocked("not_prepared", "unprepared"),
        sample("tap-lifetime", Call::Post, 400, "badRequest", lifetime).blocked("graph_refused", ""),
    ]
}
