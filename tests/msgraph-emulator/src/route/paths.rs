//! The table of paths: finds the operation of a request.

use hyper::Method;

use super::drives::{drive_operation, item_operation};
use super::found::{Found, delete, get};
use super::operations::{
    CalendarOperation, DeviceOperation, Operation, OwnerOperation, Right, TeamOperation,
};
use super::teams;
use crate::http::refusal::Refusal;

const GROUP: &str = "microsoft.graph.group";
const PASSES: &str = "temporaryAccessPassMethods";
const ROLE: &str = "microsoft.graph.directoryRole";
const USER: &str = "microsoft.graph.user";

/// Finds the operation, or refuses the version, the path or the method.
pub(crate) fn operation<'a>(method: &Method, segments: &'a [String]) -> Result<Operation<'a>, Refusal> {
    let segments: Vec<&str> = segments.iter().map(|segment| canonical(segment)).collect();
    let Some((&version, path)) = segments.split_first() else {
        return Err(Refusal::unknown_segment(""));
    };
    if let ["adminapi", "beta", tenant, "InvokeCommand"] = *segments {
        let is_post = method == Method::POST;
        return if is_post {
            Ok(Operation::InvokeCommand(tenant))
        } else {
            Err(Refusal::method_not_allowed())
        };
    }
    if version != "v1.0" {
        return Err(Refusal::malformed(format!("Invalid version: {version}")));
    }
    let known = match *path {
        ["users", user, "joinedTeams"] => get(method, Operation::Team(TeamOperation::ListJoined(user))),
        [
            "users",
            user,
            below @ ("mailboxSettings" | "mailFolders" | "messages" | "sendMail"),
            ref rest @ ..,
        ] => mailbox_operation(method, user, below, rest),
        ["users", user, below @ ("calendar" | "calendars" | "calendarView" | "events"), ref rest @ ..] => {
            let found = calendar_operation(method, below, rest);
            found.map(|operation| Ok(Operation::Calendars(user, operation?)))
        }
        ["users", user, "drive", ref rest @ ..] => drive_operation(method, user, rest),
        ["users", ref rest @ ..] => user_operation(method, rest),
        ["drives", drive, ref rest @ ..] => item_operation(method, drive, rest),
        ["groups", ref rest @ ..] => group_operation(method, rest),
        ["teams", team, ref rest @ ..] => teams::operation(method, team, rest),
        ["subscribedSkus"] => get(method, Operation::ListSubscribedSkus),
        ["organization"] => get(method, Operation::ListOrganization),
        ["directory", ref rest @ ..] => directory_operation(method, rest),
        ["roleManagement", "directory", "roleAssignments"] => get(method, Operation::Right(Right::ListRoles)),
        ["roleManagement", "directory", "roleEligibilitySchedules"] => {
            get(method, Operation::Right(Right::ListEligibleRoles))
        }
        ["roleManagement", "directory", "roleEligibilityScheduleRequests"] => match *method {
            Method::POST => Some(Ok(Operation::Right(Right::RequestEligibility))),
            _ => Some(Err(Refusal::method_not_allowed())),
        },
        ["roleManagement", "directory", "roleAssignments", assignment] => {
            delete(method, Operation::Right(Right::RemoveRole(assignment)))
        }
        ["oauth2PermissionGrants", grant] => delete(method, Operation::Right(Right::RemoveConsent(grant))),
        ["deviceManagement", "managedDevices", device, order @ ("retire" | "wipe")] => match order {
            _ if method != Method::POST => Some(Err(Refusal::method_not_allowed())),
            "retire" => Some(Ok(Operation::Device(DeviceOperation::Retire(device)))),
            _ => Some(Ok(Operation::Device(DeviceOperation::Wipe(device)))),
        },
        ["reports", function] => get(method, Operation::GetReport(function)),
        ["admin", "reportSettings"] if method == Method::PATCH => Some(Ok(Operation::UpdateReportSettings)),
        ["admin", "reportSettings"] => get(method, Operation::GetReportSettings),
        ["servicePrincipals", ref rest @ ..] => principal_operation(method, rest),
        [first, ref rest @ ..] if principal_key(first).is_some() => {
            let key = principal_key(first).into_iter();
            let rest: Vec<&str> = key.chain(rest.iter().copied()).collect();
            principal_operation(method, &rest)
        }
        ["$batch"] if method == Method::POST => Some(Err(Refusal::malformed("A batch cannot hold a batch."))),
        ["$batch"] => Some(Err(Refusal::method_not_allowed())),
        _ => None,
    };
    known.unwrap_or_else(|| Err(unknown(path)))
}

/// The refusal of a path that is not in the table.
fn unknown(path: &[&str]) -> Refusal {
    match path.first() {
        // A part of a batch that names the version, too (msgraph-sdk-javascript 1178, 2023).
        Some(first) if ["v1.0", "beta"].contains(first) => Refusal::unknown_segment(first),
        // The last segment is the one Graph's parser would stumble over, as far as this table knows.
        _ => Refusal::unknown_segment(path.last().unwrap_or(&"")),
    }
}

/// The segment as this table has it. SDKs write casts by the model's alias (`graph.user`), and functions with their
/// parentheses (`delta()`) or with the namespace before them.
fn canonical(segment: &str) -> &str {
    match segment {
        "graph.group" => GROUP,
        "graph.user" => USER,
        "graph.directoryRole" => ROLE,
        "delta()" | "microsoft.graph.delta" | "microsoft.graph.delta()" => "delta",
        _ => segment,
    }
}

fn directory_operation<'a>(method: &Method, path: &[&'a str]) -> Found<'a> {
    match *path {
        ["subscriptions"] => get(method, Operation::ListSubscriptions),
        ["deletedItems", item] if method == Method::DELETE => Some(Ok(Operation::PurgeDeletedItem(item))),
        ["deletedItems", USER] => get(method, Operation::ListDeletedUsers),
        ["deletedItems", USER, user] | ["deletedItems", user, USER] => {
            get(method, Operation::GetDeletedUser(user))
        }
        ["deletedItems", item] => get(method, Operation::GetDeletedItem(item)),
        ["deletedItems", item, "restore"] if method == Method::POST => {
            Some(Ok(Operation::RestoreDeletedItem(item)))
        }
        ["deletedItems", _, "restore"] => Some(Err(Refusal::method_not_allowed())),
        _ => None,
    }
}

fn user_operation<'a>(method: &Method, path: &[&'a str]) -> Found<'a> {
    let (read, write) = (method == Method::GET, method == Method::POST);
    let removes = method == Method::DELETE;
    let operation = match *path {
        [] if read => Operation::ListUsers,
        [] if write => Operation::CreateUser,
        ["$count"] if read => Operation::CountUsers,
        ["delta"] if read => Operation::ListUserChanges,
        [user] if read => Operation::GetUser(user),
        [user] if method == Method::PATCH => Operation::UpdateUser(user),
        [user] if method == Method::DELETE => Operation::DeleteUser(user),
        [user, "manager"] if read => Operation::GetManager { user, reference: false },
        [user, "manager", "$ref"] if read => Operation::GetManager { user, reference: true },
        [user, "manager", "$ref"] if method == Method::PUT => Operation::SetManager(user),
        [user, "manager", "$ref"] if method == Method::DELETE => Operation::RemoveManager(user),
        [user, "revokeSignInSessions"] if write => Operation::RevokeSessions(user),
        [user, "memberOf"] if read => Operation::ListMemberOf { user, cast: false },
        [user, "memberOf", GROUP] if read => Operation::ListMemberOf { user, cast: true },
        [user, "transitiveMemberOf"] if read => Operation::ListTransitiveMemberOf { user, cast: false },
        [user, "transitiveMemberOf", GROUP] if read => Operation::ListTransitiveMemberOf { user, cast: true },
        [user, "directReports"] if read => Operation::ListDirectReports { user, cast: false },
        [user, "directReports", USER] if read => Operation::ListDirectReports { user, cast: true },
        [user, "ownedObjects"] if read => Operation::Owner(OwnerOperation::ListOwned { user, cast: false }),
        [user, "ownedObjects", GROUP] if read => {
            Operation::Owner(OwnerOperation::ListOwned { user, cast: true })
        }
        [user, "appRoleAssignments"] if read => Operation::Right(Right::ListAppRoles(user)),
        [user, "oauth2PermissionGrants"] if read => Operation::Right(Right::ListConsents(user)),
        [user, "authentication", "methods"] if read => Operation::ListMethods(user),
        [user, "authentication", PASSES] if read => Operation::ListPasses(user),
        [user, "authentication", PASSES] if write => Operation::IssuePass(user),
        [user, "authentication", segment, method]
            if removes && !["methods", "passwordMethods"].contains(&segment) =>
        {
            Operation::RemoveMethod { user, segment, method }
        }
        [user, "managedDevices"] if read => Operation::Device(DeviceOperation::List(user)),
        [user, "ownedDevices"] if read => Operation::Device(DeviceOperation::ListOwned(user)),
        [user, "licenseDetails"] if read => Operation::ListLicenseDetails(user),
        [user, "assignLicense"] if write => Operation::AssignLicense(user),
        []
        | [_]
        | [_, "manager"]
        | [_, "manager", "$ref"]
        | [_, "revokeSignInSessions" | "memberOf" | "ownedObjects" | "licenseDetails" | "assignLicense"]
        | [
            _,
            "managedDevices"
            | "ownedDevices"
            | "appRoleAssignments"
            | "oauth2PermissionGrants"
            | "transitiveMemberOf",
        ]
        | [_, "authentication", "methods" | PASSES]
        | [_, "authentication", "methods" | "passwordMethods", _]
        | [_, "directReports"]
        | [_, "directReports", USER]
        | [_, "memberOf" | "ownedObjects" | "transitiveMemberOf", GROUP] => {
            return Some(Err(Refusal::method_not_allowed()));
        }
        _ => return None,
    };
    Some(Ok(operation))
}

fn mailbox_operation<'a>(method: &Method, user: &'a str, below: &str, path: &[&'a str]) -> Found<'a> {
    let (read, write) = (method == Method::GET, method == Method::POST);
    let operation = match (below, path) {
        ("messages", []) if read => Operation::ListMessages(user),
        ("messages", []) if write => Operation::CreateDraft(user),
        ("sendMail", []) if write => Operation::SendMail(user),
        ("messages", [message]) if read => Operation::GetMessage { user, message },
        ("messages", [message]) if method == Method::DELETE => Operation::DeleteMessage { user, message },
        ("messages", [message, "send"]) if write => Operation::SendDraft { user, message },
        ("mailboxSettings", []) if read => Operation::GetMailboxSettings(user),
        ("mailboxSettings", []) if method == Method::PATCH => Operation::UpdateMailboxSettings(user),
        ("mailboxSettings", ["automaticRepliesSetting"]) if read => Operation::GetAutomaticReplies(user),
        ("mailFolders", ["inbox", "messageRules"]) if read => Operation::ListInboxRules(user),
        ("mailFolders", ["inbox", "messageRules"]) if write => Operation::CreateInboxRule(user),
        ("mailFolders", ["inbox", "messageRules", rule]) if method == Method::DELETE => {
            Operation::DeleteInboxRule { user, rule }
        }
        ("mailFolders", [folder]) if read => Operation::GetMailFolder { user, folder },
        ("messages", [] | [_] | [_, "send"])
        | ("sendMail", [])
        | ("mailboxSettings", [] | ["automaticRepliesSetting"])
        | ("mailFolders", [_] | ["inbox", "messageRules"] | ["inbox", "messageRules", _]) => {
            return Some(Err(Refusal::method_not_allowed()));
        }
        _ => return None,
    };
    Some(Ok(operation))
}

fn calendar_operation<'a>(
    method: &Method,
    below: &str,
    path: &[&'a str],
) -> Option<Result<CalendarOperation<'a>, Refusal>> {
    let (read, remove) = (method == Method::GET, method == Method::DELETE);
    let operation = match (below, path) {
        ("calendar", []) if read => CalendarOperation::Get,
        ("calendar", ["events"]) | ("events", []) if read => CalendarOperation::ListEvents,
        ("calendar", ["events"]) | ("events", []) if method == Method::POST => CalendarOperation::CreateEvent,
        ("calendarView", []) | ("calendar", ["calendarView"]) if read => CalendarOperation::View,
        ("events", [event]) if read => CalendarOperation::GetEvent(event),
        ("events", [event, "instances"]) if read => CalendarOperation::ListInstances(event),
        ("events", [event]) if remove => CalendarOperation::DeleteEvent(event),
        ("events", [event, "cancel"]) if method == Method::POST => CalendarOperation::CancelEvent(event),
        ("calendars", []) if read => CalendarOperation::List,
        ("calendars", [calendar]) if remove => CalendarOperation::Delete(calendar),
        ("calendars", [calendar, "calendarPermissions"]) if read => {
            CalendarOperation::ListPermissions(calendar)
        }
        ("calendars", [calendar, "calendarPermissions"]) if method == Method::POST => {
            CalendarOperation::AddPermission(calendar)
        }
        ("calendars", [calendar, "calendarPermissions", permission]) if method == Method::PATCH => {
            CalendarOperation::UpdatePermission { calendar, permission }
        }
        ("calendars", [calendar, "calendarPermissions", permission]) if remove => {
            CalendarOperation::DeletePermission { calendar, permission }
        }
        ("calendar", [] | ["events" | "calendarView"])
        | ("calendarView", [])
        | ("events", [] | [_] | [_, "cancel" | "instances"])
        | ("calendars", [] | [_] | [_, "calendarPermissions"] | [_, "calendarPermissions", _]) => {
            return Some(Err(Refusal::method_not_allowed()));
        }
        _ => return None,
    };
    Some(Ok(operation))
}

fn group_operation<'a>(method: &Method, path: &[&'a str]) -> Found<'a> {
    let read = method == Method::GET;
    let remove = method == Method::DELETE;
    let operation = match *path {
        [] if read => Operation::ListGroups,
        [] if method == Method::POST => Operation::CreateGroup,
        ["$count"] if read => Operation::CountGroups,
        [group] if read => Operation::GetGroup(group),
        [group] if method == Method::PATCH => Operation::UpdateGroup(group),
        [group, "members"] if read => Operation::ListMembers { group, cast: None },
        [group, "members", cast] if read && cast.contains("graph.") => {
            Operation::ListMembers { group, cast: Some(cast) }
        }
        [group, "members", "$ref"] if method == Method::POST => Operation::AddMember(group),
        [group, "members", member, "$ref"] if remove => Operation::RemoveMember { group, member },
        [group, "members", member] if remove => Operation::DeleteMember { group, member },
        [group, "owners"] if read => Operation::Owner(OwnerOperation::List { group, cast: false }),
        [group, "owners", USER] if read => Operation::Owner(OwnerOperation::List { group, cast: true }),
        [group, "owners", "$ref"] if method == Method::POST => Operation::Owner(OwnerOperation::Add(group)),
        [group, "owners", owner, "$ref"] if remove => {
            Operation::Owner(OwnerOperation::Remove { group, owner })
        }
        []
        | [_]
        | [_, "members" | "owners"]
        | [_, "members", _]
        | [_, "owners", "$ref" | USER]
        | [_, "members" | "owners", _, "$ref"] => {
            return Some(Err(Refusal::method_not_allowed()));
        }
        _ => return None,
    };
    Some(Ok(operation))
}

fn principal_operation<'a>(method: &Method, path: &[&'a str]) -> Found<'a> {
    let operation = match *path {
        [] => Operation::ListPrincipals,
        [key] => Operation::GetPrincipal(key),
        [key, "appRoleAssignments"] => Operation::ListAppRoleAssignments(key),
        [principal, "memberOf"] => Operation::ListPrincipalRoles { principal, cast: false },
        [principal, "memberOf", ROLE] => Operation::ListPrincipalRoles { principal, cast: true },
        [resource, "appRoleAssignedTo"] if method == Method::POST => {
            return Some(Ok(Operation::Right(Right::AssignAppRole(resource))));
        }
        [_, "appRoleAssignedTo"] => return Some(Err(Refusal::method_not_allowed())),
        [resource, "appRoleAssignedTo", assignment] => {
            return delete(method, Operation::Right(Right::RemoveAppRole { resource, assignment }));
        }
        _ => return None,
    };
    get(method, operation)
}

/// `appId='…'` in `servicePrincipals(appId='…')`.
fn principal_key(segment: &str) -> Option<&str> {
    let key = segment.strip_prefix("servicePrincipals(")?.strip_suffix(')')?;
    key.starts_with("appId='").then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::segments_of;

    fn found(method: &str, path: &str) -> Result<String, u16> {
        let segments = segments_of(path).unwrap();
        operation(&method.parse().unwrap(), &segments)
            .map(|operation| format!("{operation:?}"))
            .map_err(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn a_missing_ref_is_another_operation() {
        assert_eq!(
            found("DELETE", "/v1.0/groups/g/members/u/$ref").unwrap(),
            r#"RemoveMember { group: "g", member: "u" }"#
        );
        assert_eq!(
            found("DELETE", "/v1.0/groups/g/members/u").unwrap(),
            r#"DeleteMember { group: "g", member: "u" }"#
        );
    }

    #[test]
    fn unknown_paths_versions_and_methods_are_refused_differently() {
        assert_eq!(found("GET", "/v1.0/teams"), Err(400));
        assert_eq!(found("GET", "/v1.0/users/u/planner"), Err(400));
        assert_eq!(found("GET", "/beta/users"), Err(400));
        assert_eq!(found("PUT", "/v1.0/users"), Err(405));
        assert_eq!(found("DELETE", "/v1.0/users/u/manager"), Err(405));
        assert_eq!(found("POST", "/v1.0/subscribedSkus"), Err(405));
        assert_eq!(found("POST", "/v1.0/servicePrincipals"), Err(405));
        assert_eq!(found("PUT", "/v1.0/admin/reportSettings"), Err(405));
        assert_eq!(found("GET", "/v1.0/servicePrincipals(name='x')"), Err(400));
        assert_eq!(
            found("GET", "/v1.0/servicePrincipals(appId='x')/appRoleAssignments").unwrap(),
            r#"ListAppRoleAssignments("appId='x'")"#
        );
        assert_eq!(found("GET", "/v1.0/users/delta()"), Ok("ListUserChanges".to_owned()));
        assert_eq!(
            found("GET", "/v1.0/users/u/memberOf/graph.group"),
            found("GET", "/v1.0/users/u/memberOf/microsoft.graph.group")
        );
        assert_eq!(
            found("GET", "/v1.0/users('u')/manager").unwrap(),
            r#"GetManager { user: "u", reference: false }"#
        );
    }
}
