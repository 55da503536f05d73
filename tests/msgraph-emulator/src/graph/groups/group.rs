//! Groups: list and read.

use std::collections::BTreeSet;
use std::ops::Bound;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::paging::Window;
use crate::http::query::{ENTITY, LIST, Query, project};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{GROUP_DEFAULTS, GROUP_PROPERTIES, Group};

/// The type's name in messages.
const TYPE: &str = "microsoft.graph.group";

/// The properties groups can be filtered by.
const FILTERS: &[&str] = &["displayName", "mailNickname", "id"];

pub(crate) fn list(visit: &mut Visit<'_>) -> Answer {
    let query = Query::read(visit.request, LIST)?;
    let names = selected(&query)?;
    let window = Window::read(visit.request, &query, visit.page_limit)?;
    let found: BTreeSet<Uuid> = match query.filter_among(FILTERS)? {
        Some(filter) => {
            let with = |value| visit.tenant.groups_with(&filter.property, value);
            filter.values().flat_map(with).collect()
        }
        None => visit.tenant.groups.keys().copied().collect(),
    };
    let after = window.after.map_or(Bound::Unbounded, Bound::Excluded);
    let groups = found
        .range((after, Bound::Unbounded))
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
