//! `signInActivity`, which the reports on sign-ins answer and not the directory: rules of its own apply.

use hyper::StatusCode;

use crate::graph::Visit;
use crate::http::query::Query;
use crate::http::refusal::Refusal;
use crate::route::permissions;

/// The largest page ("List users", 2024).
const PAGE: usize = 500;

/// Refuses a caller that may not read sign-ins, and a tenant that has not bought the reports.
pub(crate) fn check(visit: &Visit<'_>) -> Result<(), Refusal> {
    if !permissions::reads_sign_ins(visit.caller) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "Authentication_MSGraphPermissionMissing",
            "The principal does not have required Microsoft Graph permission(s): AuditLog.Read.All to call this API.",
        ));
    }
    if !visit.tenant.premium {
        // microsoft-graph-docs 12772, 2021.
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
            "Neither tenant is B2C or tenant doesn't have premium license",
        ));
    }
    Ok(())
}

/// How many users a page with sign-ins holds. A larger `$top` is cut; in a tenant file's `signInPage` it is refused, as
/// Graph did for some weeks in 2023 (msgraph-sdk-powershell 1898).
pub(crate) fn page(visit: &Visit<'_>, query: &Query) -> Result<usize, Refusal> {
    check(visit)?;
    match (visit.tenant.sign_in_page, query.top) {
        (Some(most), Some(top)) if top > most => {
            Err(Refusal::malformed(format!("Cannot query data for more than {most} users at a time.")))
        }
        (most, _) => Ok(most.unwrap_or(PAGE)),
    }
}
