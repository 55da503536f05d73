//! The cost of a request, in resource units of its service.

use hyper::Method;

use super::service::Service;
use crate::http::request::Request;

/// The units of a request; one if the service counts requests.
pub(super) fn units(service: Service, request: &Request, path: &[&str]) -> u64 {
    match service {
        Service::Identity => identity(request, path),
        Service::SharePoint => sharepoint(request, path),
        _ => 1,
    }
}

/// Entra's table ("Throttling limits", 2023): a base by path, one less for `$select`, one more for `$expand`, one less for
/// a page below twenty, and never less than one. Paths that the table does not list cost one: among them every page of a
/// delta, whether of the first round or of a later one. Writes cost one.
fn identity(request: &Request, path: &[&str]) -> u64 {
    let base: u64 = match *path {
        [.., "getByIds"] => 3,
        [.., "checkMemberGroups" | "checkMemberObjects"] => 4,
        _ if request.method != Method::GET => return 1,
        [_, _, "transitiveMembers", ..] => 5,
        ["groups", _, "members", ..] | ["subscribedSkus", ..] => 3,
        ["users" | "oauth2PermissionGrants"] | [.., "appRoleAssignments"] => 2,
        [_, _, "memberOf" | "transitiveMemberOf" | "ownedObjects" | "licenseDetails", ..] => 2,
        _ => 1,
    };
    let options = request.options().unwrap_or_default();
    let has = |name: &str| options.iter().any(|(option, _)| option == name);
    let top = options.iter().find(|(option, _)| option == "$top");
    let is_small = top.and_then(|(_, top)| top.parse::<u64>().ok()).is_some_and(|top| top < 20);
    let dear = base + u64::from(has("$expand"));
    dear.saturating_sub(u64::from(has("$select")) + u64::from(is_small)).max(1)
}

/// SharePoint's table (2025-10): 1 for one item, a download or a later page of a delta, 2 for a list, a first
/// delta or a write, 5 for anything about permissions.
fn sharepoint(request: &Request, path: &[&str]) -> u64 {
    let goes_on = || {
        let query = request.query.to_ascii_lowercase();
        query.contains("token=") && !query.contains("token=latest")
    };
    match *path {
        [.., "permissions" | "invite"] | [.., "permissions", _] => 5,
        [.., "delta"] if goes_on() => 1,
        [.., "children" | "delta" | "drives" | "versions"] => 2,
        _ if request.method != Method::GET => 2,
        _ => 1,
    }
}
