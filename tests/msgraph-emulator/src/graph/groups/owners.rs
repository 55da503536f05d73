//! Owners of groups: of one group, and of one user.

use std::collections::{BTreeMap, BTreeSet};

use hyper::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::graph::groups::group::project_group;
use crate::graph::groups::members::{governed, list_objects, mixed, narrowed, page, typed};
use crate::graph::{Answer, Visit};
use crate::http::query::{DIRECTORY, NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::odata::{GROUPS, OBJECTS};
use crate::route::{OwnerOperation, permissions};
use crate::tenant::{GROUP_DEFAULTS, registration_id};

/// The most owners a group may have (Microsoft Entra service limits, 2025).
const MOST_OWNERS: usize = 100;

pub(crate) fn answer(visit: &mut Visit<'_>, operation: OwnerOperation<'_>) -> Answer {
    match operation {
        OwnerOperation::ListOwned { user, cast } => list_owned(visit, user, cast),
        OwnerOperation::List { group, cast } => list(visit, group, cast),
        OwnerOperation::Add(group) => add(visit, group),
        OwnerOperation::Remove { group, owner } => remove(visit, group, owner),
    }
}

/// The groups a user owns, and the registrations of applications. Who may not read these sees their ids and types
/// ("Limited information returned for inaccessible member objects", 2025).
fn list_owned(visit: &mut Visit<'_>, key: &str, cast: bool) -> Answer {
    let query = Query::read(visit.request, DIRECTORY)?;
    let user = visit.user(key)?;
    let applications: BTreeMap<Uuid, &String> =
        user.owned_applications.iter().filter(|_| !cast).map(|name| (registration_id(name), name)).collect();
    let groups = visit.tenant.groups.values().filter(|group| group.owners.contains(&user.id));
    let ids: BTreeSet<Uuid> = groups.map(|group| group.id).chain(applications.keys().copied()).collect();
    let names = mixed(&query, GROUP_DEFAULTS)?;
    let (rules, kind) = if cast { (&GROUPS, "groups") } else { (&OBJECTS, "directoryObjects") };
    let reads_applications = permissions::reads_principals(visit.caller);
    let (ids, ordered) = narrowed(visit, &query, rules, ids, |id, name| match applications.get(&id) {
        Some(application) if name == "displayName" => Some(json!(reads_applications.then_some(application))),
        Some(_) => (name == "id").then(|| json!(id)),
        None => visit.tenant.groups.get(&id)?.property(name),
    })?;
    page(visit, &query, (kind, &ids, ordered), |id| {
        if let Some(name) = applications.get(&id) {
            let shown = reads_applications.then_some(name);
            let fields = [("id", json!(id)), ("displayName", json!(shown))];
            let fields = fields.into_iter().filter(|(name, _)| names.contains(name));
            return Some(typed(
                fields.map(|(name, value)| (name.to_owned(), value)).collect(),
                Some("application"),
            ));
        }
        let group = visit.tenant.groups.get(&id)?;
        Some(typed(project_group(group, &names), (!cast).then_some("group")))
    })
}

fn list(visit: &mut Visit<'_>, key: &str, cast: bool) -> Answer {
    let query = Query::read(visit.request, DIRECTORY)?;
    let group = visit.group_id(key)?;
    let owners = visit.tenant.groups.get(&group);
    let owners = owners.map(|group| group.owners.clone()).unwrap_or_default();
    list_objects(visit, &query, &owners, cast)
}

fn add(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let wanted = visit.reference()?;
    let group = governed(visit, key)?;
    let owner = visit.tenant.user_id(&wanted).ok_or_else(|| Refusal::not_found(&wanted))?;
    let Some(owned) = visit.tenant.groups.get_mut(&group) else {
        return Err(Refusal::not_found(key));
    };
    if owned.owners.contains(&owner) {
        return Err(Refusal::bad_request(
            "One or more added object references already exist for the following modified \
             properties: 'owners'.",
        ));
    }
    if owned.owners.len() >= MOST_OWNERS {
        let asked = owned.owners.len() + 1;
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "Directory_QuotaExceeded",
            format!(
                "Unable to perform operation as '{asked}' would exceed the maximum quota count \
                 '{MOST_OWNERS}' for forward-link owners."
            ),
        ));
    }
    owned.owners.insert(owner);
    visit.effects.push(format!("make user {owner} an owner of group {group}"));
    Ok(Reply::no_content())
}

/// Once a group has owners, the last one stays (2024).
fn remove(visit: &mut Visit<'_>, key: &str, owner: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let group = governed(visit, key)?;
    let id = Uuid::try_parse(owner).map_err(|_| Refusal::not_found(owner))?;
    let owned = visit.tenant.groups.get_mut(&group).filter(|group| group.owners.contains(&id));
    let owned = owned.ok_or_else(|| Refusal::not_found(owner))?;
    if owned.owners.len() == 1 {
        return Err(Refusal::bad_request(
            "The group must have at least one owner, hence this owner cannot be removed.",
        ));
    }
    owned.owners.remove(&id);
    visit.effects.push(format!("user {id} no longer owns group {group}"));
    Ok(Reply::no_content())
}
