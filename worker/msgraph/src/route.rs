//! Routes: the path of a request with Graph's own words alone, so that requests for different people look the same.

/// The words of Graph in the paths that this crate calls, without those of types and reports. Any other
/// segment is taken for a key: a name may look like a word.
const WORDS: [&str; 71] = [
    "InvokeCommand",
    "adminapi",
    "admin",
    "appRoleAssignedTo",
    "appRoleAssignments",
    "assignLicense",
    "authentication",
    "automaticRepliesSetting",
    "beta",
    "calendar",
    "calendarPermissions",
    "calendarView",
    "calendars",
    "cancel",
    "channels",
    "checkMemberGroups",
    "children",
    "content",
    "copy",
    "delta",
    "deletedItems",
    "deviceManagement",
    "directory",
    "directoryObjects",
    "drive",
    "drives",
    "emailMethods",
    "events",
    "fido2Methods",
    "groups",
    "inbox",
    "invite",
    "items",
    "joinedTeams",
    "licenseDetails",
    "mailFolders",
    "mailboxSettings",
    "managedDevices",
    "manager",
    "memberOf",
    "members",
    "messageRules",
    "messages",
    "methods",
    "oauth2PermissionGrants",
    "organization",
    "ownedDevices",
    "ownedObjects",
    "owners",
    "permissions",
    "phoneMethods",
    "reportSettings",
    "reports",
    "restore",
    "retire",
    "revokeSignInSessions",
    "roleAssignments",
    "roleEligibilityScheduleRequests",
    "roleEligibilitySchedules",
    "roleManagement",
    "root",
    "send",
    "sendMail",
    "servicePrincipals",
    "subscribedSkus",
    "subscriptions",
    "teams",
    "temporaryAccessPassMethods",
    "transitiveMemberOf",
    "users",
    "wipe",
];

/// The route of an encoded path, such as `/users/{id}/manager/$ref`.
pub(crate) fn of(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let mut route = String::with_capacity(path.len());
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        route.push('/');
        // What follows a colon is a path of folders and files.
        if let Some(before) = segment.strip_suffix(':') {
            route.push_str(if is_word(before) { before } else { "{id}" });
            route.push_str(":/{path}");
            break;
        }
        match segment.split_once('(') {
            Some((before, _)) if is_word(before) => {
                route.push_str(before);
                route.push_str("({})");
            }
            None if is_word(segment) => route.push_str(segment),
            _ => route.push_str("{id}"),
        }
    }
    route
}

fn is_word(segment: &str) -> bool {
    let is_plain = |rest: &str| rest.chars().all(|c| c.is_ascii_alphanumeric());
    let is_report = segment.strip_prefix("getOffice365").is_some_and(is_plain);
    let is_type = segment.strip_prefix("microsoft.graph.").is_some_and(is_plain);
    is_report || is_type || ["$ref", "$count", "$batch"].contains(&segment) || WORDS.contains(&segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_words_of_graph_and_no_key() {
        let id = "6f0a8a6c-0001-4000-8000-000000000001";
        let rows = [
            (format!("/users/{id}/revokeSignInSessions"), "/users/{id}/revokeSignInSessions"),
            ("/users/ada@contoso.example/manager/$ref?$select=id".to_owned(), "/users/{id}/manager/$ref"),
            ("/users('ada@contoso.example')/memberOf".to_owned(), "/users({})/memberOf"),
            ("/users/ada".to_owned(), "/users/{id}"),
            ("/groups/compilers/members".to_owned(), "/groups/{id}/members"),
            ("/users?$filter=employeeId%20eq%20'7'".to_owned(), "/users"),
            ("/drives/b!x0/root:/Ada/Plan.txt:/copy".to_owned(), "/drives/{id}/root:/{path}"),
            ("/drives/b!x0/items/01ABC:/Ada:".to_owned(), "/drives/{id}/items/{id}:/{path}"),
            (
                "/reports/getOffice365ActiveUserDetail(period='D7')".to_owned(),
                "/reports/getOffice365ActiveUserDetail({})",
            ),
            ("/users/getaway@contoso.example".to_owned(), "/users/{id}"),
        ];
        for (path, route) in rows {
            assert_eq!(of(&path), route);
        }
    }
}
