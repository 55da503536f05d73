//! Groups: list and read.

use std::collections::BTreeSet;

use hyper::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::paging::Window;
use crate::http::query::{DIRECTORY, ENTITY, Query, project};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::odata::{Asked, GROUPS};
use crate::tenant::{GROUP_DEFAULTS, GROUP_PROPERTIES, Group};

/// The type's name in messages.
pub(crate) const TYPE: &str = "microsoft.graph.group";

/// The properties by which an index finds groups.
const INDEXED: &[&str] = &["displayName", "mailNickname", "id"];

pub(crate) fn list(visit: &mut Visit<'_>) -> Answer {
    let query = Query::read(visit.request, DIRECTORY)?;
    let names = selected(&query)?;
    let window = Window::read(visit.request, &query, visit.page_limit)?;
    let asked = Asked::read(visit.request, &query, &GROUPS)?;
    let found = chosen(visit, &asked);
    let groups = window
        .rest(&found, asked.is_ordered())?
        .iter()
        .filter_map(|id| Some((*id, visit.tenant.groups.get(id)?)))
        .map(|(id, group)| (id, Value::Object(project_group(group, &names))));
    let context = format!("groups{}", query.context_suffix());
    let mut page = window.page(visit.request, &context, groups);
    let counted = query.count && visit.request.is_advanced() && window.is_first();
    if let (Some(fields), true) = (page.as_object_mut(), counted) {
        fields.insert("@odata.count".to_owned(), json!(found.len()));
    }
    Ok(Reply::ok(&page))
}

/// The groups a query asks for, by an index where there is one.
fn chosen(visit: &Visit<'_>, asked: &Asked) -> Vec<Uuid> {
    let groups = &visit.tenant.groups;
    match asked.lookup().filter(|(name, _)| INDEXED.contains(name)) {
        Some((name, values)) => {
            let found = values.into_iter().flat_map(|value| visit.tenant.groups_with(name, value));
            found.collect::<BTreeSet<Uuid>>().into_iter().collect()
        }
        None => asked.choose(groups.keys().copied(), |id, name| groups.get(&id)?.property(name)),
    }
}

pub(crate) fn count(visit: &mut Visit<'_>) -> Answer {
    let mut query = Query::read(visit.request, &["$filter", "$search"])?;
    if !visit.request.is_advanced() {
        return Err(Refusal::bad_request("$count is not currently supported."));
    }
    // The path counts as the option does.
    query.count = true;
    let total = chosen(visit, &Asked::read(visit.request, &query, &GROUPS)?).len();
    Ok(Reply::text(StatusCode::OK, "text/plain", total.to_string()))
}

pub(crate) fn get(visit: &mut Visit<'_>, key: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let names = selected(&query)?;
    let id = visit.group_id(key)?;
    let group = visit.tenant.groups.get(&id);
    let group = group.ok_or_else(|| Refusal::not_found(key))?;
    let context = format!("groups{}/$entity", query.context_suffix());
    let body = entity(visit, &context, project_group(group, &names));
    Ok(Reply::ok(&body))
}

/// The properties to answer with.
pub(crate) fn selected(query: &Query) -> Result<Vec<&str>, Refusal> {
    let has = |name: &str| GROUP_PROPERTIES.contains(&name);
    query.selected(has, TYPE, GROUP_DEFAULTS)
}

/// A group with the chosen properties.
pub(crate) fn project_group(group: &Group, names: &[&str]) -> Map<String, Value> {
    project(names, |name| group.property(name))
}
