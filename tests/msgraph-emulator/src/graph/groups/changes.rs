//! Groups that are made and changed, and members and owners that come with the body of either.

use hyper::StatusCode;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::graph::groups::group::{TYPE, project_group};
use crate::graph::groups::members::{changeable, governed, kind_of, member_id};
use crate::graph::visit::{address_key, entity};
use crate::graph::{Answer, Visit};
use crate::http::query::{NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{GROUP_DEFAULTS, GROUP_PROPERTIES, Group};

const MEMBERS: &str = "members@odata.bind";
const OWNERS: &str = "owners@odata.bind";
/// The most members that one request adds ("Add members", 2025), and that a new group begins with ("Create group",
/// 2025: members and owners together).
const MOST_MEMBERS: usize = 20;
/// What Entra requires of a new group.
const REQUIRED: [&str; 4] = ["displayName", "mailEnabled", "mailNickname", "securityEnabled"];

/// Makes a security group or a Microsoft 365 group. Of the other kinds Graph makes dynamic groups and those that may
/// hold a role; the emulator has them from the tenant file only.
pub(crate) fn create(visit: &mut Visit<'_>) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.object()?;
    for name in REQUIRED {
        if body.get(name).is_none_or(Value::is_null) {
            return Err(Refusal::bad_request(format!(
                "A value is required for property '{name}' of resource 'Group'."
            )));
        }
    }
    let mut group = Group::security("");
    for (name, value) in &body {
        match name.as_str() {
            MEMBERS | OWNERS => {}
            "groupTypes" => group.unified = unified(value)?,
            "mailEnabled" => group.mail_enabled = flag(name, value)?,
            "securityEnabled" => group.security_enabled = flag(name, value)?,
            _ => write(&mut group, name, value)?,
        }
    }
    if group.mail_enabled != group.unified {
        let message = "The service does not currently support writes of mail-enabled groups. Please ensure that the \
                       mail-enablement property is unset and the security-enablement property is set.";
        return Err(Refusal::bad_request(message));
    }
    let (members, owners) = (bound(visit, &body, MEMBERS)?, bound(visit, &body, OWNERS)?);
    if members.len() + owners.len() > MOST_MEMBERS {
        return Err(too_many());
    }
    group.owners.extend(owners);
    let name = group.display_name.clone();
    let id = visit.tenant.add_group(group).map_err(|why| Refusal::bad_request(why.to_string()))?;
    visit.effects.push(format!("create group {name}"));
    join_all(visit, id, members);
    let made = visit.tenant.groups.get(&id).ok_or_else(|| Refusal::not_found(&name))?;
    let body = entity(visit, "groups/$entity", project_group(made, GROUP_DEFAULTS));
    Ok(Reply::json(StatusCode::CREATED, &body))
}

/// Changes a group, or adds up to twenty members to it, all or none.
pub(crate) fn update(visit: &mut Visit<'_>, key: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let body = visit.request.changes()?;
    let id = if body.contains_key(MEMBERS) { changeable(visit, key)? } else { governed(visit, key)? };
    let members = bound(visit, &body, MEMBERS)?;
    if members.len() > MOST_MEMBERS {
        return Err(too_many());
    }
    let group = visit.tenant.groups.get(&id).ok_or_else(|| Refusal::not_found(key))?;
    if members.iter().any(|member| group.members.contains(member)) {
        return Err(Refusal::bad_request(
            "One or more added object references already exist for the following modified properties: 'members'.",
        ));
    }
    let mut changed = group.clone();
    for (name, value) in body.iter().filter(|(name, _)| *name != MEMBERS) {
        write(&mut changed, name, value)?;
        visit.effects.push(format!("set {name} of group {id}"));
    }
    visit.tenant.replace_group(changed);
    join_all(visit, id, members);
    Ok(Reply::no_content())
}

fn join_all(visit: &mut Visit<'_>, group: Uuid, members: Vec<Uuid>) {
    for member in members {
        let kind = kind_of(visit, member);
        if visit.tenant.join(group, member) {
            visit.effects.push(format!("add {kind} {member} to group {group}"));
        }
    }
}

/// The users and groups that a body binds.
fn bound(visit: &Visit<'_>, body: &Map<String, Value>, name: &str) -> Result<Vec<Uuid>, Refusal> {
    let invalid = || Refusal::bad_request(format!("Invalid value specified for property '{name}'."));
    let Some(value) = body.get(name) else { return Ok(Vec::new()) };
    let addresses = value.as_array().ok_or_else(invalid)?;
    let keys = addresses.iter().map(|address| {
        let key = address.as_str().and_then(|address| address_key(visit.request, address));
        member_id(visit, &key.ok_or_else(invalid)?)
    });
    keys.collect()
}

/// Sets a property that Graph lets one set here.
fn write(group: &mut Group, name: &str, value: &Value) -> Result<(), Refusal> {
    let text = || match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(expected(name, "Edm.String")),
    };
    match name {
        "displayName" => group.display_name = text()?,
        "description" => group.description = (!value.is_null()).then(text).transpose()?,
        "mailNickname" => group.mail_nickname = text()?,
        _ if GROUP_PROPERTIES.contains(&name) => {
            return Err(Refusal::bad_request(format!("Property '{name}' is read-only and cannot be set.")));
        }
        _ => return Err(Refusal::unknown_property(name, TYPE)),
    }
    Ok(())
}

fn unified(value: &Value) -> Result<bool, Refusal> {
    let kinds = value.as_array().ok_or_else(|| expected("groupTypes", "Collection(Edm.String)"))?;
    match kinds.as_slice() {
        [] => Ok(false),
        [kind] if kind == "Unified" => Ok(true),
        _ => Err(Refusal::bad_request(
            "Invalid value specified for property 'groupTypes' of resource 'Group'.",
        )),
    }
}

fn flag(name: &str, value: &Value) -> Result<bool, Refusal> {
    value.as_bool().ok_or_else(|| expected(name, "Edm.Boolean"))
}

fn expected(name: &str, kind: &str) -> Refusal {
    Refusal::malformed(format!(
        "Cannot convert the value of property '{name}' to the expected type '{kind}'."
    ))
}

/// The wording is ours: no sample of Microsoft's was found.
fn too_many() -> Refusal {
    Refusal::bad_request(format!("One request adds at most {MOST_MEMBERS} members."))
}
