//! Service principals: the permissions of an application, and its directory role.
//!
//! Only Graph's permissions are granted here; other applications have roles for people. The ids of app roles follow
//! from their names; a client finds them where it finds Microsoft's, in `appRoles` of a service principal.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::clock::CREATED;
use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{ENTITY, LIST, Query, project};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::route::permissions;
use crate::tenant::{Application, PRIVILEGED_ROLE, PRIVILEGED_ROLE_TEMPLATE, app_role_id, name_id, role_id};

const TYPE: &str = "microsoft.graph.servicePrincipal";

const PROPERTIES: &[&str] =
    &["accountEnabled", "appId", "appRoles", "displayName", "id", "servicePrincipalType"];

const ASSIGNMENT_PROPERTIES: &[&str] = &[
    "appRoleId",
    "createdDateTime",
    "deletedDateTime",
    "id",
    "principalDisplayName",
    "principalId",
    "principalType",
    "resourceDisplayName",
    "resourceId",
];

const ROLE_PROPERTIES: &[&str] = &["displayName", "id", "roleTemplateId"];

/// The application id of Graph itself, the same in every tenant.
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";

/// A service principal.
struct Principal<'a> {
    id: Uuid,
    app_id: Cow<'a, str>,
    kind: Kind<'a>,
}

/// What a service principal stands for.
enum Kind<'a> {
    /// Graph itself.
    Graph,
    /// An application that can ask for tokens.
    Application(&'a Application),
    /// An application that people are assigned to.
    Enterprise(String),
}

pub(crate) fn list(visit: &mut Visit<'_>) -> Answer {
    let query = Query::read(visit.request, LIST)?;
    let names = selected(&query)?;
    let filter = query.filter_on(&["appId", "id"])?;
    let all = principals(visit).into_iter().filter(|principal| {
        filter.is_none_or(|filter| match filter.property.as_str() {
            "id" => principal.id.to_string().eq_ignore_ascii_case(&filter.value),
            _ => principal.app_id.eq_ignore_ascii_case(&filter.value),
        })
    });
    let value: Vec<Value> = all.map(|principal| principal.show(visit, &names).into()).collect();
    let context = format!("servicePrincipals{}", query.context_suffix());
    Ok(Reply::ok(&json!({ "@odata.context": metadata(visit.request, &context), "value": value })))
}

pub(crate) fn get(visit: &mut Visit<'_>, key: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let names = selected(&query)?;
    let fields = find(visit, key)?.show(visit, &names);
    let context = format!("servicePrincipals{}/$entity", query.context_suffix());
    Ok(Reply::ok(&entity(visit, &context, fields)))
}

/// The permissions granted to the application, all on one page.
pub(crate) fn list_app_role_assignments(visit: &mut Visit<'_>, key: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let has = |name: &str| ASSIGNMENT_PROPERTIES.contains(&name);
    let names = query.selected(has, "microsoft.graph.appRoleAssignment", ASSIGNMENT_PROPERTIES)?;
    let principal = find(visit, key)?;
    let resource = principal_id(visit, GRAPH);
    let granted = principal.application().into_iter().flat_map(|application| &application.roles);
    let value: Vec<Value> = granted
        .map(|role| {
            let id = Uuid::new_v5(&principal.id, role.as_bytes());
            let property = |name: &str| {
                Some(match name {
                    "appRoleId" => json!(name_id("appRole", role)),
                    "createdDateTime" => json!(CREATED),
                    "deletedDateTime" => Value::Null,
                    "id" => json!(id.simple().to_string()),
                    "principalDisplayName" => json!(principal.name()),
                    "principalId" => json!(principal.id),
                    "principalType" => json!("ServicePrincipal"),
                    "resourceDisplayName" => json!("Microsoft Graph"),
                    "resourceId" => json!(resource),
                    _ => return None,
                })
            };
            Value::Object(project(&names, property))
        })
        .collect();
    let context = format!("servicePrincipals('{}')/appRoleAssignments", principal.id);
    Ok(Reply::ok(&json!({ "@odata.context": metadata(visit.request, &context), "value": value })))
}

/// The directory roles the application holds; `cast` is all there are anyway.
pub(crate) fn list_roles(visit: &mut Visit<'_>, key: &str, cast: bool) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let has = |name: &str| ROLE_PROPERTIES.contains(&name);
    let names = query.selected(has, "microsoft.graph.directoryRole", ROLE_PROPERTIES)?;
    let is_privileged = find(visit, key)?.application().is_some_and(|application| application.privileged);
    let mut fields = project(&names, |name| {
        Some(match name {
            "displayName" => json!(PRIVILEGED_ROLE),
            "id" => json!(role_id(PRIVILEGED_ROLE)),
            "roleTemplateId" => json!(PRIVILEGED_ROLE_TEMPLATE),
            _ => return None,
        })
    });
    if !cast {
        fields.insert("@odata.type".to_owned(), json!("#microsoft.graph.directoryRole"));
    }
    let value: Vec<Value> = is_privileged.then_some(Value::Object(fields)).into_iter().collect();
    let context = if cast { "directoryRoles" } else { "directoryObjects" };
    Ok(Reply::ok(&json!({ "@odata.context": metadata(visit.request, context), "value": value })))
}

impl Principal<'_> {
    fn application(&self) -> Option<&Application> {
        match self.kind {
            Kind::Application(application) => Some(application),
            Kind::Graph | Kind::Enterprise(_) => None,
        }
    }

    fn name(&self) -> String {
        match &self.kind {
            Kind::Graph => "Microsoft Graph".to_owned(),
            Kind::Application(application) => format!("Application {}", application.client_id),
            Kind::Enterprise(name) => name.clone(),
        }
    }

    fn show(&self, visit: &Visit<'_>, names: &[&str]) -> Map<String, Value> {
        project(names, |name| {
            Some(match name {
                "accountEnabled" => json!(true),
                "appId" => json!(self.app_id),
                "appRoles" => match &self.kind {
                    Kind::Graph => app_roles(visit),
                    Kind::Application(_) => json!([]),
                    Kind::Enterprise(name) => roles_for_people(visit, name),
                },
                "displayName" => json!(self.name()),
                "id" => json!(self.id),
                "servicePrincipalType" => json!("Application"),
                _ => return None,
            })
        })
    }
}

/// Every permission known here: those some operation needs, and those some application has.
fn app_roles(visit: &Visit<'_>) -> Value {
    let mut values = permissions::all();
    for application in visit.tenant.applications.values() {
        values.extend(application.roles.iter().map(String::as_str));
    }
    let roles = values.into_iter();
    roles
        .map(|value| {
            json!({
                "allowedMemberTypes": ["Application"],
                "id": name_id("appRole", value),
                "isEnabled": true,
                "value": value,
            })
        })
        .collect()
}

/// The roles of an application that people are assigned to.
fn roles_for_people(visit: &Visit<'_>, application: &str) -> Value {
    let roles = visit.tenant.roles_of(application).into_iter().filter(|name| name != application);
    roles
        .map(|name| {
            json!({
                "allowedMemberTypes": ["User"],
                "id": app_role_id(&name),
                "isEnabled": true,
                "value": name.rsplit('/').next(),
            })
        })
        .collect()
}

fn selected(query: &Query) -> Result<Vec<&str>, Refusal> {
    query.selected(|name| PROPERTIES.contains(&name), TYPE, PROPERTIES)
}

fn principals<'a>(visit: &'a Visit<'_>) -> Vec<Principal<'a>> {
    let graph = Principal { id: principal_id(visit, GRAPH), app_id: GRAPH.into(), kind: Kind::Graph };
    let applications = visit.tenant.applications.values().map(|application| Principal {
        id: principal_id(visit, &application.client_id),
        app_id: application.client_id.as_str().into(),
        kind: Kind::Application(application),
    });
    let enterprise = visit.tenant.enterprise_applications().map(|(id, name)| Principal {
        id,
        app_id: name_id("appId", &name).to_string().into(),
        kind: Kind::Enterprise(name),
    });
    std::iter::once(graph).chain(applications).chain(enterprise).collect()
}

/// The service principal with this id, or, as in `servicePrincipals(appId='…')`, of this application.
fn find<'a>(visit: &'a Visit<'_>, key: &str) -> Result<Principal<'a>, Refusal> {
    let app_id = key.strip_prefix("appId='").and_then(|key| key.strip_suffix('\''));
    let found = principals(visit).into_iter().find(|principal| match app_id {
        Some(app_id) => principal.app_id.eq_ignore_ascii_case(app_id),
        None => principal.id.to_string().eq_ignore_ascii_case(key),
    });
    found.ok_or_else(|| Refusal::not_found(app_id.unwrap_or(key)))
}

fn principal_id(visit: &Visit<'_>, app_id: &str) -> Uuid {
    let name = format!("servicePrincipal/{}", app_id.to_lowercase());
    Uuid::new_v5(&visit.tenant.id, name.as_bytes())
}
