//! Memberships, from both ends.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::graph::groups::group::{self, project_group};
use crate::graph::users::user::{self, project_user};
use crate::graph::{Answer, Visit};
use crate::http::paging::Window;
use crate::http::query::{DIRECTORY, NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::odata::{Asked, GROUPS, Kind, OBJECTS, USERS};
use crate::route::permissions;
use crate::tenant::{GROUP_DEFAULTS, GROUP_PROPERTIES, Group, USER_DEFAULTS, User, role_id, role_template};

/// The properties of a directory role.
const ROLE_PROPERTIES: &[&str] = &["id", "displayName", "roleTemplateId"];

pub(crate) fn list_member_of(visit: &mut Visit<'_>, key: &str, cast: bool) -> Answer {
    let query = Query::read(visit.request, DIRECTORY)?;
    let user = visit.user(key)?;
    let groups = user.member_of.iter().copied().filter(|id| is_shown(visit, *id)).collect();
    list_memberships(visit, &query, groups, user.role.as_deref(), cast)
}

/// The groups and directory roles of a user, through other groups as well.
pub(crate) fn list_above(visit: &mut Visit<'_>, key: &str, cast: bool) -> Answer {
    let query = Query::read(visit.request, DIRECTORY)?;
    let user = visit.user(key)?;
    let shown = user.member_of.iter().copied().filter(|id| is_shown(visit, *id)).collect();
    let groups = visit.tenant.groups_above(&shown);
    let of_groups = groups.iter().filter_map(|id| visit.tenant.groups.get(id)?.role.as_deref());
    let roles: Vec<&str> = of_groups.chain(user.role.as_deref()).collect();
    list_memberships(visit, &query, groups, roles, cast)
}

/// A page of groups, and of directory roles unless a cast leaves only groups.
fn list_memberships<'a>(
    visit: &Visit<'_>,
    query: &Query,
    groups: BTreeSet<Uuid>,
    roles: impl IntoIterator<Item = &'a str>,
    cast: bool,
) -> Answer {
    let roles = roles.into_iter().filter(|_| !cast).map(|name| (role_id(name), name));
    let roles: BTreeMap<Uuid, &str> = roles.collect();
    let ids: BTreeSet<Uuid> = groups.into_iter().chain(roles.keys().copied()).collect();
    let (names, kind) = match cast {
        true => (group::selected(query)?, (&GROUPS, "groups")),
        false => (mixed(query, GROUP_DEFAULTS)?, (&OBJECTS, "directoryObjects")),
    };
    let (ids, ordered) = narrowed(visit, query, kind.0, ids, |id, name| match roles.get(&id) {
        Some(role) => directory_role(visit, id, role).get(name).cloned(),
        None => visit.tenant.groups.get(&id)?.property(name),
    })?;
    page(visit, query, (kind.1, &ids, ordered), |id| {
        if let Some(name) = roles.get(&id) {
            return Some(directory_role(visit, id, name));
        }
        let group = visit.tenant.groups.get(&id)?;
        Some(typed(project_group(group, &names), (!cast).then_some("group")))
    })
}

/// Whether the caller may see who is in a group.
pub(crate) fn is_shown(visit: &Visit<'_>, group: Uuid) -> bool {
    let is_hidden = visit.tenant.groups.get(&group).is_some_and(|group| group.hidden_members);
    !is_hidden || permissions::reads_hidden_members(visit.caller)
}

/// The members of a group; a cast leaves those of one type. A cast to a type that no member can have is refused ("List
/// group members", 2023); the wording is ours.
pub(crate) fn list(visit: &mut Visit<'_>, key: &str, cast: Option<&str>) -> Answer {
    let query = Query::read(visit.request, DIRECTORY)?;
    let group = visit.group_id(key)?;
    let members = visit.tenant.groups.get(&group);
    let members = members.map(|group| group.members.clone()).unwrap_or_default();
    match cast {
        None => list_objects(visit, &query, &members, false),
        Some(user::TYPE) => list_objects(visit, &query, &members, true),
        Some(group::TYPE) => {
            let groups = members.into_iter().filter(|id| visit.tenant.groups.contains_key(id)).collect();
            list_memberships(visit, &query, groups, None, true)
        }
        Some(other) => Err(Refusal::unsupported_query(format!(
            "The cast to '{other}' is not supported for the members of a group."
        ))),
    }
}

pub(crate) fn add(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let wanted = visit.reference()?;
    let group = changeable(visit, key)?;
    let member = member_id(visit, &wanted)?;
    if !visit.tenant.join(group, member) {
        return Err(Refusal::bad_request(
            "One or more added object references already exist for the following modified \
             properties: 'members'.",
        ));
    }
    let kind = kind_of(visit, member);
    let effect = format!("add {kind} {member} to group {group}");
    visit.effects.push(effect);
    Ok(Reply::no_content())
}

/// The user or group with this id or name.
pub(crate) fn member_id(visit: &Visit<'_>, key: &str) -> Result<Uuid, Refusal> {
    let member = visit.tenant.user_id(key).or_else(|| {
        let id = Uuid::try_parse(key).ok()?;
        visit.tenant.groups.contains_key(&id).then_some(id)
    });
    member.ok_or_else(|| Refusal::not_found(key))
}

pub(crate) fn remove(visit: &mut Visit<'_>, key: &str, member: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let group = changeable(visit, key)?;
    let id = Uuid::try_parse(member).map_err(|_| Refusal::not_found(member))?;
    let kind = kind_of(visit, id);
    if !visit.tenant.leave(group, id) {
        return Err(Refusal::not_found(member));
    }
    let effect = format!("remove {kind} {id} from group {group}");
    visit.effects.push(effect);
    Ok(Reply::no_content())
}

/// `DELETE …/members/{id}` without `/$ref` addresses the member, not the membership: Graph
/// deletes the user if the application may delete users. Its documentation warns of it.
pub(crate) fn delete(visit: &mut Visit<'_>, key: &str, member: &str) -> Answer {
    let group = visit.group_id(key)?;
    let id = visit.user(member)?.id;
    let group = visit.tenant.groups.get(&group);
    if !group.is_some_and(|group| group.members.contains(&id)) {
        return Err(Refusal::not_found(member));
    }
    if !permissions::deletes_users(visit.caller) {
        return Err(Refusal::denied());
    }
    user::delete(visit, member)
}

/// The group, unless its members cannot be changed here.
pub(crate) fn changeable(visit: &Visit<'_>, key: &str) -> Result<Uuid, Refusal> {
    let id = visit.group_id(key)?;
    if visit.tenant.groups.get(&id).is_some_and(Group::is_dynamic) {
        return Err(Refusal::denied());
    }
    governed(visit, key)
}

/// The group, unless it is mastered elsewhere or may hold a role and the caller may not change such groups.
pub(crate) fn governed(visit: &Visit<'_>, key: &str) -> Result<Uuid, Refusal> {
    let id = visit.group_id(key)?;
    let group = visit.tenant.groups.get(&id);
    let group = group.ok_or_else(|| Refusal::not_found(key))?;
    if group.synced {
        return Err(Refusal::synced_group());
    }
    if group.belongs_to_exchange() {
        return Err(Refusal::bad_request(
            "Cannot Update a mail-enabled security groups and or distribution list.",
        ));
    }
    if group.assignable_to_role && !permissions::manages_role_groups(visit.caller) {
        return Err(Refusal::denied());
    }
    Ok(id)
}

pub(crate) fn kind_of(visit: &Visit<'_>, id: Uuid) -> &'static str {
    if visit.tenant.groups.contains_key(&id) { "group" } else { "user" }
}

/// A page of users and groups.
pub(crate) fn list_objects(visit: &Visit<'_>, query: &Query, ids: &BTreeSet<Uuid>, cast: bool) -> Answer {
    let names = if cast { user::selected(visit, query)? } else { mixed(query, &[])? };
    let chosen = |defaults| {
        if query.select.is_some() || cast { names.as_slice() } else { defaults }
    };
    let kind = if cast { "users" } else { "directoryObjects" };
    let mut ids = ids.clone();
    if cast {
        ids.retain(|id| visit.tenant.listed(*id).is_some());
    }
    let kind_of_all = if cast { &USERS } else { &OBJECTS };
    let (ids, ordered) =
        narrowed(visit, query, kind_of_all, ids, |id, name| match visit.tenant.groups.get(&id) {
            Some(group) => group.property(name),
            None => visit.tenant.whole(id)?.property(name),
        })?;
    page(visit, query, (kind, &ids, ordered), |id| {
        if let Some(user) = visit.tenant.whole(id) {
            let fields = project_user(&user, chosen(USER_DEFAULTS));
            return Some(typed(fields, (!cast).then_some("user")));
        }
        let group = visit.tenant.groups.get(&id)?;
        Some(typed(project_group(group, chosen(GROUP_DEFAULTS)), Some("group")))
    })
}

/// Those of these objects that a query asks for, and whether they have an order of their own; `get` reads a property of
/// one. A filter, a search or an order of a relation is always an advanced query ("List a user's direct memberships" and
/// "List group members", 2023); the words about the filter are Graph's (microsoft-graph-docs-contrib 8757, 2023).
pub(crate) fn narrowed(
    visit: &Visit<'_>,
    query: &Query,
    kind: &Kind,
    ids: BTreeSet<Uuid>,
    get: impl Fn(Uuid, &str) -> Option<Value>,
) -> Result<(Vec<Uuid>, bool), Refusal> {
    if query.filter_text.is_none() && query.search.is_none() && query.order_by.is_none() {
        return Ok((ids.into_iter().collect(), false));
    }
    let is_advanced = visit.request.is_advanced() && query.count;
    if query.search.is_none() && !is_advanced {
        return Err(Refusal::unsupported_query(match query.filter_text {
            Some(_) => "The specified filter to the reference property query is currently not supported.",
            None => "Sorting not supported for current query.",
        }));
    }
    let asked = Asked::read(visit.request, query, kind)?;
    Ok((asked.choose(ids.into_iter(), get), asked.is_ordered()))
}

/// One page of a relation: its kind and ids, whether these have an order of their own, and how to show each.
pub(crate) fn page(
    visit: &Visit<'_>,
    query: &Query,
    (kind, ids, ordered): (&str, &[Uuid], bool),
    render: impl Fn(Uuid) -> Option<Value>,
) -> Answer {
    let window = Window::read(visit.request, query, visit.page_limit)?;
    let rest = window.rest(ids, ordered)?.iter();
    let objects = rest.filter_map(|&id| Some((id, render(id)?)));
    let context = format!("{kind}{}", query.context_suffix());
    let mut page = window.page(visit.request, &context, objects);
    let counted = query.count && visit.request.is_advanced() && window.is_first();
    if let (Some(fields), true) = (page.as_object_mut(), counted) {
        fields.insert("@odata.count".to_owned(), json!(ids.len()));
    }
    Ok(Reply::ok(&page))
}

/// The properties of objects of several types: each shows those it has.
pub(crate) fn mixed<'a>(query: &'a Query, defaults: &'a [&'a str]) -> Result<Vec<&'a str>, Refusal> {
    query.selected(is_of_any, "microsoft.graph.directoryObject", defaults)
}

/// Whether any type of directory objects has the property.
pub(crate) fn is_of_any(name: &str) -> bool {
    User::properties().any(|property| property == name)
        || GROUP_PROPERTIES.contains(&name)
        || ROLE_PROPERTIES.contains(&name)
}

pub(crate) fn typed(mut fields: Map<String, Value>, kind: Option<&str>) -> Value {
    if let Some(kind) = kind {
        let kind = format!("#microsoft.graph.{kind}");
        fields.insert("@odata.type".to_owned(), json!(kind));
    }
    Value::Object(fields)
}

/// A role the caller may not read shows its id and nothing else, which is not an error.
pub(crate) fn directory_role(visit: &Visit<'_>, id: Uuid, name: &str) -> Value {
    let name = permissions::reads_roles(visit.caller).then_some(name);
    json!({
        "@odata.type": "#microsoft.graph.directoryRole",
        "displayName": name,
        "id": id,
        "roleTemplateId": name.map(role_template),
    })
}
