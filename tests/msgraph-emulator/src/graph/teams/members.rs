//! Members and owners of teams and channels.
//!
//! A team's members and owners are its group's. Without a sample of Microsoft's wording, the wording is ours.

use std::collections::BTreeMap;
use std::ops::Bound;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::channels::{self, team};
use crate::graph::{Answer, Visit};
use crate::http::paging::Window;
use crate::http::query::{NONE, Query};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::http::request::segments_of;
use crate::route::permissions;
use crate::route::{Place, TeamOperation};
use crate::tenant::Channel;

const MEMBER: &str = "#microsoft.graph.aadUserConversationMember";
/// `$filter` works, too, in a form this emulator does not read.
const MEMBERS: &[&str] = &["$top", "$skiptoken"];

/// The target of a request: a team, and the index of a channel in it.
struct Found {
    team: Uuid,
    channel: Option<usize>,
}

pub(crate) fn answer(visit: &mut Visit<'_>, operation: TeamOperation<'_>) -> Answer {
    match operation {
        TeamOperation::ListJoined(user) => channels::list_joined(visit, user),
        TeamOperation::Get(team) => channels::get(visit, team),
        TeamOperation::ListChannels(team) => channels::list(visit, team),
        TeamOperation::ListMembers(place) => list(visit, place),
        TeamOperation::AddMember(place) => add(visit, place),
        TeamOperation::UpdateMember { place, membership } => update(visit, place, membership),
        TeamOperation::RemoveMember { place, membership } => remove(visit, place, membership),
    }
}

fn list(visit: &mut Visit<'_>, place: Place<'_>) -> Answer {
    let query = Query::read(visit.request, MEMBERS)?;
    let found = find(visit, place)?;
    let window = Window::read(visit.request, &query, visit.page_limit)?;
    let after = window.after.map_or(Bound::Unbounded, Bound::Excluded);
    let members = members(visit, &found);
    let shown = members.range((after, Bound::Unbounded)).filter_map(|(&id, &owns)| {
        let user = visit.tenant.users.get(&id)?;
        let fields = json!({
            "@odata.type": MEMBER,
            "displayName": user.text("displayName"),
            "email": user.text("mail"),
            "id": membership_id(&place, id),
            "roles": if owns { vec!["owner"] } else { vec![] },
            "tenantId": visit.tenant.id,
            "userId": id,
            "visibleHistoryStartDateTime": "0001-01-01T00:00:00Z",
        });
        Some((id, fields))
    });
    Ok(Reply::ok(&window.page(visit.request, &format!("teams('{}')/members", found.team), shown)))
}

fn add(visit: &mut Visit<'_>, place: Place<'_>) -> Answer {
    Query::read(visit.request, NONE)?;
    let found = changeable(visit, place)?;
    let body = visit.request.typed_object()?;
    let owns = role(&body)?;
    let user = bound_user(visit, &body)?;
    if owns && !permissions::manages_team_owners(visit.caller) && found.channel.is_none() {
        return Err(Refusal::denied());
    }
    if members(visit, &found).contains_key(&user) {
        return Err(Refusal::malformed("The user is a member already."));
    }
    let is_in_team = members(visit, &Found { channel: None, ..found }).contains_key(&user);
    if channel(visit, &found).is_some_and(|channel| !channel.shared) && !is_in_team {
        return Err(Refusal::malformed("Who is not in the team cannot be in a private channel."));
    }
    put(visit, &found, user, owns);
    let as_owner = if owns { " as owner" } else { "" };
    visit.effects.push(format!("add user {user} to {}{as_owner}", words(visit, &found)));
    let id = membership_id(&place, user);
    let roles = body.get("roles");
    let body = json!({ "@odata.type": MEMBER, "id": id, "roles": roles, "userId": user });
    Ok(Reply::json(StatusCode::CREATED, &body))
}

fn update(visit: &mut Visit<'_>, place: Place<'_>, membership: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let found = changeable(visit, place)?;
    let owns = role(&visit.request.typed_object()?)?;
    let (user, owned) = member(visit, &found, place, membership)?;
    if !permissions::manages_team_owners(visit.caller) && found.channel.is_none() {
        return Err(Refusal::denied());
    }
    if owned && !owns {
        keep_an_owner(visit, &found)?;
    }
    put(visit, &found, user, owns);
    if owned != owns {
        let role = if owns { "an owner" } else { "a member" };
        visit.effects.push(format!("make user {user} {role} of {}", words(visit, &found)));
    }
    let roles: &[&str] = if owns { &["owner"] } else { &[] };
    let id = membership_id(&place, user);
    Ok(Reply::ok(&json!({ "@odata.type": MEMBER, "id": id, "roles": roles, "userId": user })))
}

fn remove(visit: &mut Visit<'_>, place: Place<'_>, membership: &str) -> Answer {
    Query::read(visit.request, NONE)?;
    let found = changeable(visit, place)?;
    let (user, owned) = member(visit, &found, place, membership)?;
    if owned && !permissions::manages_team_owners(visit.caller) && found.channel.is_none() {
        return Err(Refusal::denied());
    }
    if owned {
        keep_an_owner(visit, &found)?;
    }
    match found.channel {
        Some(index) => {
            let team = visit.tenant.groups.get_mut(&found.team);
            if let Some(channel) = team.and_then(|team| team.channels.get_mut(index)) {
                channel.members.remove(&user);
            }
        }
        None => {
            if let Some(team) = visit.tenant.groups.get_mut(&found.team) {
                team.owners.remove(&user);
            }
            visit.tenant.leave(found.team, user);
        }
    }
    visit.effects.push(format!("remove user {user} from {}", words(visit, &found)));
    Ok(Reply::no_content())
}

fn find(visit: &Visit<'_>, place: Place<'_>) -> Result<Found, Refusal> {
    let team = team(visit, place.team)?;
    let Some(key) = place.channel else { return Ok(Found { team: team.id, channel: None }) };
    let index = team.channels.iter().position(|channel| channel.id_in(team.id) == key);
    let index = index.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "NotFound", "No such channel."))?;
    Ok(Found { team: team.id, channel: Some(index) })
}

/// The target, unless a rule decides its members or the caller may not change such groups.
fn changeable(visit: &Visit<'_>, place: Place<'_>) -> Result<Found, Refusal> {
    let team = team(visit, place.team)?;
    let is_closed = team.assignable_to_role && !permissions::manages_role_groups(visit.caller);
    if place.channel.is_none() && (team.is_dynamic() || is_closed) {
        return Err(Refusal::denied());
    }
    find(visit, place)
}

fn channel<'a>(visit: &'a Visit<'_>, found: &Found) -> Option<&'a Channel> {
    visit.tenant.groups.get(&found.team)?.channels.get(found.channel?)
}

/// The members, and whether each is an owner.
fn members(visit: &Visit<'_>, found: &Found) -> BTreeMap<Uuid, bool> {
    if found.channel.is_some() {
        return channel(visit, found).map(|channel| channel.members.clone()).unwrap_or_default();
    }
    let Some(team) = visit.tenant.groups.get(&found.team) else { return BTreeMap::new() };
    let users = team.members.iter().chain(&team.owners);
    users.map(|&user| (user, team.owners.contains(&user))).collect()
}

fn put(visit: &mut Visit<'_>, found: &Found, user: Uuid, owns: bool) {
    let Some(team) = visit.tenant.groups.get_mut(&found.team) else { return };
    match found.channel.and_then(|index| team.channels.get_mut(index)) {
        Some(channel) => {
            channel.members.insert(user, owns);
        }
        None => {
            if owns {
                team.owners.insert(user);
            } else {
                team.owners.remove(&user);
            }
            visit.tenant.join(found.team, user);
        }
    }
}

fn keep_an_owner(visit: &Visit<'_>, found: &Found) -> Result<(), Refusal> {
    let owners = members(visit, found).into_values().filter(|owns| *owns).count();
    if owners == 1 {
        return Err(Refusal::malformed("The last owner cannot go."));
    }
    Ok(())
}

/// The member a membership is of, and whether it is an owner's.
fn member(
    visit: &Visit<'_>,
    found: &Found,
    place: Place<'_>,
    membership: &str,
) -> Result<(Uuid, bool), Refusal> {
    let is_it = |(user, _): &(Uuid, bool)| membership_id(&place, *user) == membership;
    let missing = || Refusal::new(StatusCode::NOT_FOUND, "NotFound", "No such member.");
    members(visit, found).into_iter().find(is_it).ok_or_else(missing)
}

/// Opaque to clients, as Graph says (2025).
fn membership_id(place: &Place<'_>, user: Uuid) -> String {
    STANDARD.encode(format!("{}##{}##{user}", place.team, place.channel.unwrap_or_default()))
}

/// Whether a body names the role of an owner.
fn role(body: &Map<String, Value>) -> Result<bool, Refusal> {
    let known = ["@odata.type", "roles", "user@odata.bind"];
    if let Some(name) = body.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(Refusal::unknown_property(name, "microsoft.graph.aadUserConversationMember"));
    }
    let roles = body.get("roles").and_then(Value::as_array);
    match roles.map(Vec::as_slice) {
        Some([]) => Ok(false),
        Some([role]) if role == "owner" => Ok(true),
        _ => Err(Refusal::malformed("Invalid roles specified for member.")),
    }
    .and_then(|owns| match body.get("@odata.type") {
        Some(kind) if kind == MEMBER => Ok(owns),
        _ => Err(Refusal::malformed("A member has the type aadUserConversationMember.")),
    })
}

fn bound_user(visit: &Visit<'_>, body: &Map<String, Value>) -> Result<Uuid, Refusal> {
    let invalid = || Refusal::malformed("Invalid value specified for property 'user@odata.bind'.");
    let address = body.get("user@odata.bind").and_then(Value::as_str).ok_or_else(invalid)?;
    let base = visit.request.base();
    let path = ["https://graph.microsoft.com", base.as_str()]
        .iter()
        .find_map(|root| address.strip_prefix(root)?.strip_prefix("/v1.0/"))
        .ok_or_else(invalid)?;
    let segments = segments_of(path)?;
    match segments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["users", key] => Ok(visit.user(key)?.id),
        _ => Err(invalid()),
    }
}

/// The place, as the journal names it.
fn words(visit: &Visit<'_>, found: &Found) -> String {
    match channel(visit, found) {
        Some(channel) => format!("channel {} of team {}", channel.display_name, found.team),
        None => format!("team {}", found.team),
    }
}
