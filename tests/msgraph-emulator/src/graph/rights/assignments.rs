//! Rights of users: directory roles, assignments to applications, and consents.
//!
//! Applications are names here; ids follow from the names. `Payroll` is an application that defines no role;
//! `Travel/Approver` is a role of another one.

use hyper::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::CREATED;
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{LIST, NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::route::{Right, permissions};
use crate::tenant::{app_role_id, application_of, name_id, role_template};

/// The scope of every consent.
const SCOPE: &str = "openid User.Read";

/// Carries out an operation on rights.
pub(crate) fn answer(visit: &mut Visit<'_>, operation: Right<'_>) -> Answer {
    match operation {
        Right::ListRoles => list_roles(visit, "roleAssignments"),
        Right::ListEligibleRoles => list_roles(visit, "roleEligibilitySchedules"),
        Right::RemoveRole(key) => remove_role(visit, key),
        Right::RequestEligibility => remove_eligibility(visit),
        Right::ListAppRoles(user) => list_app_roles(visit, user),
        Right::AssignAppRole(resource) => assign_app_role(visit, resource),
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

/// Takes an eligibility back; the emulator knows no other request ("Create roleEligibilityScheduleRequests", 2026).
fn remove_eligibility(visit: &mut Visit<'_>) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.object()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("action") != "adminRemove" {
        return Err(Refusal::bad_request("The emulator takes eligibilities back and gives none."));
    }
    let user = Uuid::try_parse(text("principalId")).ok().and_then(|id| visit.tenant.users.get(&id));
    let held = user.and_then(|user| Some((user.id, user.eligible_role.clone()?)));
    let role = text("roleDefinitionId");
    let Some((user, name)) = held.filter(|(_, name)| role_template(name).to_string() == role) else {
        // Of the samples for azuread's provider, 2024.
        let words = "The Role assignment does not exist.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "RoleAssignmentDoesNotExist", words));
    };
    visit.tenant.edit_user(user, |user| user.eligible_role = None);
    visit.effects.push(format!("take eligibility for role {name} from user {user}"));
    let made = json!({
        "action": "adminRemove", "directoryScopeId": "/", "id": right_id(user, "request", &name),
        "principalId": user, "roleDefinitionId": role, "status": "Revoked",
    });
    Ok(Reply::json(StatusCode::CREATED, &made))
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

/// Assigns a user. The wording of the refusals is from clients' issue threads (2022 to 2024).
fn assign_app_role(visit: &mut Visit<'_>, resource: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    if !permissions::reads_principals(visit.caller) {
        return Err(Refusal::denied());
    }
    let body = visit.request.object()?;
    let known = ["principalId", "resourceId", "appRoleId"];
    if let Some(name) = body.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(Refusal::unknown_property(name, "microsoft.graph.appRoleAssignment"));
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let application = visit.tenant.enterprise_application(resource);
    let application = application.ok_or_else(|| Refusal::not_found(resource))?;
    if text("resourceId") != resource {
        return Err(Refusal::bad_request("Not a valid reference update."));
    }
    let role = visit
        .tenant
        .roles_of(&application)
        .into_iter()
        .find(|name| Uuid::try_parse(text("appRoleId")).is_ok_and(|id| id == app_role_id(name)));
    let role = role.ok_or_else(|| {
        let message = format!("Permission being assigned was not found on application '{resource}'.");
        Refusal::bad_request(message)
    })?;
    let user = visit.user(text("principalId"))?;
    let (id, is_held) = (user.id, user.app_roles.contains(&role));
    if is_held {
        return Err(Refusal::bad_request("Permission being assigned already exists on the object"));
    }
    let shown = app_role(id, "User", &role);
    visit.effects.push(format!("assign user {id} to application {role}"));
    visit.tenant.edit_user(id, |user| user.app_roles.insert(role));
    Ok(Reply::json(StatusCode::CREATED, &shown))
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
        "appRoleId": app_role_id(name),
        "createdDateTime": CREATED,
        "id": right_id(principal, "appRole", name),
        "principalId": principal,
        "principalType": kind,
        "resourceDisplayName": application_of(name),
        "resourceId": resource_id(name),
    })
}

/// The id of an assignment of a right to a principal.
fn right_id(principal: Uuid, kind: &str, name: &str) -> String {
    Uuid::new_v5(&principal, format!("{kind}/{name}").as_bytes()).simple().to_string()
}

fn resource_id(name: &str) -> Uuid {
    name_id("application", application_of(name))
}

fn listing(visit: &Visit<'_>, context: &str, value: Vec<Value>) -> Reply {
    Reply::ok(&json!({ "@odata.context": metadata(visit.request, context), "value": value }))
}
