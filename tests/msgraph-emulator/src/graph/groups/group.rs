//! Groups: list and read.

use std::collections::BTreeSet;

use hyper::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::graph::expand::{Expansion, Of};
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
    let query = Query::read(visit.request, &[DIRECTORY, &["$expand"]].concat())?;
    let names = selected(&query)?;
    let expansion = Expansion::read(visit, &query, Of::Groups)?;
    let window = Window::read(visit.request, &query, visit.page_limit)?;
    let asked = Asked::read(visit.request, &query, &GROUPS)?;
    let found = chosen(visit, &asked);
    let rest = window.rest(&found, asked.is_ordered())?;
    let groups = rest.iter().filter_map(|id| Some((*id, visit.tenant.groups.get(id)?)));
    let groups = groups
        .take(window.size + 1)
        .map(|(id, group)| Ok((id, Value::Object(with_relation(visit, expansion.as_ref(), group, &names)?))));
    let groups = groups.collect::<Result<Vec<_>, Refusal>>()?;
    let context = format!("groups{}", suffix(&query, expansion.as_ref()));
    let mut page = window.page(visit.request, &context, groups.into_iter());
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
    let query = Query::read(visit.request, &[ENTITY, &["$expand"]].concat())?;
    let names = selected(&query)?;
    let expansion = Expansion::read(visit, &query, Of::Groups)?;
    let id = visit.group_id(key)?;
    let group = visit.tenant.groups.get(&id);
    let group = group.ok_or_else(|| Refusal::not_found(key))?;
    let context = format!("groups{}/$entity", suffix(&query, expansion.as_ref()));
    let body = entity(visit, &context, with_relation(visit, expansion.as_ref(), group, &names)?);
    Ok(Reply::ok(&body))
}

/// The suffix of `@odata.context`.
fn suffix(query: &Query, expansion: Option<&Expansion>) -> String {
    expansion.map_or_else(|| query.context_suffix(), |expansion| expansion.context_suffix(query))
}

/// A group with the chosen properties, and with what is expanded.
fn with_relation(
    visit: &Visit<'_>,
    expansion: Option<&Expansion>,
    group: &Group,
    names: &[&str],
) -> Result<Map<String, Value>, Refusal> {
    let mut fields = project_group(group, names);
    let beside = expansion.map(|expansion| expansion.beside(visit, group.id)).transpose()?.flatten();
    fields.extend(beside.map(|(name, value)| (name.to_owned(), value)));
    Ok(fields)
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
