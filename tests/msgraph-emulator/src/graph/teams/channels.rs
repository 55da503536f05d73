//! Teams and their channels.

use hyper::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::graph::visit::entity;
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{ENTITY, Query, project};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{Group, channel_id};

/// The channel of every team that has all its members.
const GENERAL: &str = "General";

/// The properties of a team that are kept, sorted.
const TEAM_PROPERTIES: &[&str] = &["description", "displayName", "id", "isArchived", "visibility"];

const CHANNEL_PROPERTIES: &[&str] = &["description", "displayName", "id", "membershipType"];

pub(super) fn list(visit: &mut Visit<'_>, key: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let has = |name: &str| CHANNEL_PROPERTIES.contains(&name);
    let names = query.selected(has, "microsoft.graph.channel", CHANNEL_PROPERTIES)?;
    let team = team(visit, key)?;
    let shown = |id: String, name: &str, kind: &str| {
        Value::Object(project(&names, |property| {
            Some(match property {
                "description" => Value::Null,
                "displayName" => json!(name),
                "id" => json!(id),
                "membershipType" => json!(kind),
                _ => return None,
            })
        }))
    };
    let own = team.channels.iter().map(|channel| {
        shown(
            channel.id_in(team.id),
            &channel.display_name,
            if channel.shared { "shared" } else { "private" },
        )
    });
    let general = shown(channel_id(team.id, GENERAL), GENERAL, "standard");
    let value: Vec<Value> = std::iter::once(general).chain(own).collect();
    let context = metadata(visit.request, &format!("teams('{}')/channels", team.id));
    Ok(Reply::ok(&json!({ "@odata.context": context, "value": value })))
}

/// The teams that a user is a member of ("List joinedTeams", 2025).
pub(super) fn list_joined(visit: &mut Visit<'_>, key: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let names = team_properties(&query)?;
    let user = visit.user(key)?;
    let groups = user.member_of.iter().filter_map(|id| visit.tenant.groups.get(id));
    let value: Vec<Value> = groups.filter(|group| group.team).map(|team| shown_team(team, &names)).collect();
    let context = metadata(visit.request, &format!("users('{}')/joinedTeams", user.id));
    Ok(Reply::ok(&json!({ "@odata.context": context, "value": value })))
}

pub(super) fn get(visit: &mut Visit<'_>, key: &str) -> Answer {
    let query = Query::read(visit.request, ENTITY)?;
    let names = team_properties(&query)?;
    let Value::Object(fields) = shown_team(team(visit, key)?, &names) else {
        return Err(Refusal::not_found(key));
    };
    Ok(Reply::ok(&entity(visit, &format!("teams{}/$entity", query.context_suffix()), fields)))
}

fn team_properties(query: &Query) -> Result<Vec<&str>, Refusal> {
    query.selected(|name| TEAM_PROPERTIES.contains(&name), "microsoft.graph.team", TEAM_PROPERTIES)
}

fn shown_team(team: &Group, names: &[&str]) -> Value {
    Value::Object(project(names, |name| match name {
        "isArchived" => Some(json!(false)),
        // A team spells it in small letters, its group does not.
        "visibility" => Some(json!("private")),
        _ => team.property(name),
    }))
}

/// The group behind a team.
pub(super) fn team<'a>(visit: &'a Visit<'_>, key: &str) -> Result<&'a Group, Refusal> {
    let group = Uuid::try_parse(key).ok().and_then(|id| visit.tenant.groups.get(&id));
    group.filter(|group| group.team).ok_or_else(|| {
        let message = format!("No team found with Group Id {key}");
        Refusal::new(StatusCode::NOT_FOUND, "NotFound", message)
    })
}
