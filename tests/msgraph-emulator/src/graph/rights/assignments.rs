//! Rights of users: directory roles, assignments to applications, and consents.
//!
//! Applications are names here, without a service principal of their own; ids follow from the names.

use hyper::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::CREATED;
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{LIST, NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::route::Right;
use crate::tenant::{name_id, role_template};

/// The scope of every consent.
const SCOPE: &str = "openid User.Read";

/// Carries out an operation on rights.
pub(crate) fn answer(visit: &mut Visit<'_>, operation: Right<'_>) -> Answer {
    match operation {
        Right::ListRoles => list_roles(visit, "roleAssignments"),
        Right::ListEligibleRoles => list_roles(visit, "roleEligibilitySchedules"),
        Right::RemoveRole(key) => remove_role(visit, key),
        Right::ListAppRoles(user) => list_app_roles(visit, user),
        Right::RemoveAppRole { resource, assignment } => remove_app_role(visit, resource, assignment),
        Right::ListConsents(user) => list_consents(visit, user),
        Right::RemoveConsent(key) => remove_consent(visit, key),
    }
}

/// The roles of one principal, or the principals of one role, as the filter names it; all of them on one page.
fn list_roles(visit: &mut Visit<'_>, relation: &str) -> Answer {
    let is_eligible = relation == "roleEligibilitySchedules";
    let query = Query::read(visit.request, LIST)?;
    let filter = query.filter_on(&["principalId", "roleDefinitionId"])?;
    let filter = filter.ok_or_else(|| Refusal::unsupported_query("Unsupported Query."))?;
    if is_eligible && !visit.tenant.premium {
        // Of the same service for Azure resources (Azure-MG-Sub-Governance-Reporting 114, 2022).
        let text = "The tenant needs an AAD Premium 2 license.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "AadPremiumLicenseRequired", text));
    }
    let tenant = &visit.tenant;
    let of_users = tenant.users.values().map(|user| (user.id, &user.role, &user.eligible_role));
    let of_groups = tenant.groups.values().map(|group| (group.id, &group.role, &group.eligible_role));
    let held = of_users.chain(of_groups).filter_map(|(principal, active, eligible)| {
        let role = if is_eligible { eligible } else { active };
        Some((principal, role.as_deref()?))
    });
    let is_it = |(principal, role): &(Uuid, &str)| {
        let id = if filter.property == "principalId" { *principal } else { role_template(role) };
        Uuid::try_parse(&filter.value).is_ok_and(|value| value == id)
    };
    let value = held.filter(is_it).map(|(principal, role)| {
        json!({
            "directoryScopeId": "/",
            "id": right_id(principal, "role", role),
            "principalId": principal,
            "roleDefinitionId": role_template(role),
        })
    });
    let value = value.collect();
    Ok(listing(visit, &format!("roleManagement/directory/{relation}"), value))
}

fn remove_role(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let holder = visit.tenant.users.values().find_map(|user| {
        let role = user.role.as_deref()?;
        (right_id(user.id, "role", role) == key).then(|| (user.id, role.to_owned()))
    });
    let (user, role) = holder.ok_or_else(|| Refusal::not_found(key))?;
    visit.tenant.edit_user(user, |user| user.role = None);
    visit.effects.push(format!("take role {role} from user {user}"));
    Ok(Reply::no_content())
}

/// The user's own assignments and those of the user's groups, as Graph has them (2021).
fn list_app_roles(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let user = visit.user(key)?;
    let own = user.app_roles.iter().map(|name| app_role(user.id, "User", name));
    let groups = user.member_of.iter().filter_map(|group| visit.tenant.groups.get(group));
    let of_groups = groups.flat_map(|group| {
        let names = group.app_roles.iter();
        names.map(|name| app_role(group.id, "Group", name))
    });
    let value = own.chain(of_groups).collect();
    Ok(listing(visit, &format!("users('{}')/appRoleAssignments", user.id), value))
}

/// Removes an assignment of a user or a group; a group's is removed for all its members.
fn remove_app_role(visit: &mut Visit<'_>, resource: &str, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let is_it = |principal: Uuid, name: &String| {
        right_id(principal, "appRole", name) == key && resource_id(name).to_string() == resource
    };
    let tenant = &visit.tenant;
    let users = tenant.users.values().map(|user| (user.id, &user.app_roles));
    let groups = tenant.groups.values().map(|group| (group.id, &group.app_roles));
    let holder = users.chain(groups).find_map(|(principal, names)| {
        let name = names.iter().find(|name| is_it(principal, name))?;
        Some((principal, name.clone()))
    });
    let (principal, name) = holder.ok_or_else(|| Refusal::not_found(key))?;
    let kind = match visit.tenant.groups.get_mut(&principal) {
        Some(group) => {
            group.app_roles.remove(&name);
            "group"
        }
        None => {
            visit.tenant.edit_user(principal, |user| user.app_roles.remove(&name));
            "user"
        }
    };
    visit.effects.push(format!("take application {name} from {kind} {principal}"));
    Ok(Reply::no_content())
}

fn list_consents(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let user = visit.user(key)?;
    let grants = user.consents.iter().map(|name| {
        json!({
            "clientId": resource_id(name),
            "consentType": "Principal",
            "id": right_id(user.id, "consent", name),
            "principalId": user.id,
            "resourceId": resource_id("Microsoft Graph"),
            "scope": SCOPE,
        })
    });
    Ok(listing(visit, "oauth2PermissionGrants", grants.collect()))
}

fn remove_consent(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let holder = visit.tenant.users.values().find_map(|user| {
        let name = user.consents.iter().find(|name| right_id(user.id, "consent", name) == key)?;
        Some((user.id, name.clone()))
    });
    let (user, name) = holder.ok_or_else(|| Refusal::not_found(key))?;
    visit.tenant.edit_user(user, |user| user.consents.remove(&name));
    visit.effects.push(format!("withdraw consent of user {user} to application {name}"));
    Ok(Reply::no_content())
}

fn app_role(principal: Uuid, kind: &str, name: &str) -> Value {
    json!({
        // Default access: the application defines no role.
        "appRoleId": Uuid::nil(),
        "createdDateTime": CREATED,
        "id": right_id(principal, "appRole", name),
        "principalId": principal,
        "principalType": kind,
        "resourceDisplayName": name,
        "resourceId": resource_id(name),
    })
}

/// The id of an assignment of a right to a principal.
fn right_id(principal: Uuid, kind: &str, name: &str) -> String {
    Uuid::new_v5(&principal, format!("{kind}/{name}").as_bytes()).simple().to_string()
}

fn resource_id(name: &str) -> Uuid {
    name_id("application", name)
}

fn listing(visit: &Visit<'_>, context: &str, value: Vec<Value>) -> Reply {
    Reply::ok(&json!({ "@odata.context": metadata(visit.request, context), "value": value }))
}
