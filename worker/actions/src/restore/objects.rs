//! Groups, teams, applications and licences: what of them is still there, and may be given back.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use msgraph::{Channel, Group};
use outcome::{Needs, TakenKind};
use serde_json::{Value, json};

use super::{Restorable, Things, id, lost};
use crate::groups::membership::{self as groups, Rights};
use crate::licenses::reference::plan;
use crate::{Error, View};

/// The groups and teams that are there, by id.
type Found = BTreeMap<String, Option<Group>>;

/// Looks for the groups, teams and applications.
pub async fn look(things: &Things, graph: View<'_>) -> Result<Restorable, Error> {
    let mut found = Restorable::default();
    let groups = groups_of(things, graph).await?;
    let rights =
        if groups.is_empty() { Rights { role_groups: false } } else { Rights::observe(graph).await? };
    let (mut members, mut owned, mut teams) = (Vec::new(), Vec::new(), Vec::new());
    for (kind, name) in [
        (TakenKind::Membership, "group"),
        (TakenKind::TeamMembership, "team"),
        (TakenKind::Ownership, "group"),
    ] {
        for thing in things.of_kind(kind) {
            let Some(group) = usable(id(&thing.taken, name), &groups, rights, &mut found) else { continue };
            let owns = kind == TakenKind::Ownership || thing.taken.object.get("owner") == Some(&true.into());
            let list = match kind {
                TakenKind::Ownership => &mut owned,
                _ if group.is_team() => &mut teams,
                _ => &mut members,
            };
            list.push(json!(group.id));
            if owns && kind != TakenKind::Ownership {
                owned.push(json!(group.id));
            }
        }
    }
    teams.extend(channels(things, &groups, rights, &mut found, graph).await?);
    for list in [&mut members, &mut owned, &mut teams] {
        let mut seen = Vec::new();
        list.retain(|value| {
            !seen.contains(value) && {
                seen.push(value.clone());
                true
            }
        });
    }
    for (name, list) in [("groups", members), ("owned_groups", owned), ("teams", teams)] {
        found.snapshot.insert(name.to_owned(), list.into());
    }
    found.snapshot.insert("applications".to_owned(), applications(things).into());
    rights_of_power(things, &mut found);
    Ok(found)
}

/// All groups and teams that are named.
async fn groups_of(things: &Things, graph: View<'_>) -> Result<Found, Error> {
    let named = things.0.iter().filter_map(|thing| id(&thing.taken, "group").or(id(&thing.taken, "team")));
    let mut ids: Vec<_> = named.map(str::to_owned).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = ids.into_iter().map(async |id| {
        let group = graph.groups_with(&id).await?.pop();
        Ok::<_, Error>((id, group))
    });
    Ok(try_join_all(found).await?.into_iter().collect())
}

/// The group, if it is there and its members may be changed here; else a reason is added.
fn usable<'a>(
    id: Option<&str>,
    groups: &'a Found,
    rights: Rights,
    found: &mut Restorable,
) -> Option<&'a Group> {
    let id = id?;
    let Some(group) = groups.get(id).and_then(Option::as_ref) else {
        found.left.push(lost("group_gone", format!("group {id} is gone")));
        return None;
    };
    if group.can_hold_roles() {
        let detail =
            format!("group {id} can hold directory roles; add the person by hand if that is still right");
        found.left.push(lost("gives_power", detail));
        return None;
    }
    if let Some(restriction) = groups::restriction(group, rights) {
        found.left.push(restriction.left(group));
        return None;
    }
    Some(group)
}

/// The private and shared channels that are there, by team and role. Who owned one owns it again.
async fn channels(
    things: &Things,
    groups: &Found,
    rights: Rights,
    found: &mut Restorable,
    graph: View<'_>,
) -> Result<Vec<Value>, Error> {
    let mut by_team: BTreeMap<&str, BTreeMap<&str, bool>> = BTreeMap::new();
    for thing in things.of_kind(TakenKind::ChannelMembership) {
        let Some((team, channel)) = id(&thing.taken, "team").zip(id(&thing.taken, "channel")) else {
            continue;
        };
        if usable(Some(team), groups, rights, found).is_none() {
            continue;
        }
        *by_team.entry(team).or_default().entry(channel).or_default() |=
            thing.taken.object.get("owner") == Some(&true.into());
    }
    let looked = by_team.into_iter().map(async |(team, wanted)| {
        let known = graph.channels(team).await?;
        Ok::<_, Error>((team, wanted, known))
    });
    let mut teams = Vec::new();
    for (team, wanted, known) in try_join_all(looked).await? {
        let (mut joined, mut owned) = (Vec::new(), Vec::new());
        for (channel, owns) in wanted {
            match known.iter().any(|known: &Channel| known.id == channel) {
                true if owns => owned.push(channel),
                true => joined.push(channel),
                false => {
                    let detail = format!("channel {channel} of team {team} is gone");
                    found.left.push(lost("channel_gone", detail));
                }
            }
        }
        if !joined.is_empty() {
            teams.push(json!({ "team": team, "channels": joined }));
        }
        if !owned.is_empty() {
            teams.push(json!({ "team": team, "channels": owned, "owner": true }));
        }
    }
    Ok(teams)
}

fn applications(things: &Things) -> Vec<Value> {
    let assignments = things.of_kind(TakenKind::AppAssignment).filter_map(|thing| {
        let (resource, role) = id(&thing.taken, "resource").zip(id(&thing.taken, "role"))?;
        Some(json!({ "resource": resource, "role": role }))
    });
    assignments.collect()
}

/// What only an operator, or the person, may give.
fn rights_of_power(things: &Things, found: &mut Restorable) {
    for thing in things.of_kind(TakenKind::DirectoryRole) {
        let role = id(&thing.taken, "role").unwrap_or("unknown");
        let scope = id(&thing.taken, "scope").unwrap_or("/");
        let detail =
            format!("directory role {role} at {scope} gives power; assign it by hand if that is still right");
        found.left.push(lost("gives_power", detail));
    }
    for thing in things.of_kind(TakenKind::AppConsent) {
        let application = id(&thing.taken, "application").unwrap_or("unknown");
        let detail = format!("application {application} asks the person for consent again");
        found.left.push(outcome::Left { needs: Needs::Nobody, ..lost("asks_again", detail) });
    }
}

/// Looks for the licences.
pub async fn licenses(things: &Things, graph: View<'_>) -> Result<Restorable, Error> {
    let mut found = Restorable::default();
    let wanted: Vec<_> = things.of_kind(TakenKind::License).collect();
    let skus = if wanted.is_empty() { Vec::new() } else { graph.subscribed_skus().await? };
    let mut licenses = Vec::new();
    for thing in wanted {
        let Some(sku) = id(&thing.taken, "sku") else { continue };
        let name = id(&thing.taken, "name").unwrap_or(sku);
        let Some(known) = skus.iter().find(|known| known.sku_id == sku) else {
            found.left.push(lost("license_gone", format!("the tenant has no licence {name} any more")));
            continue;
        };
        let disabled = thing.taken.object.get("disabled_plans").and_then(Value::as_array);
        if disabled.is_none() {
            let detail = format!(
                "{name} is given whole: Microsoft Graph did not tell which of its service plans were turned off"
            );
            found.left.push(lost("plans_unseen", detail));
        }
        let disabled = disabled.into_iter().flatten().filter_map(Value::as_str);
        // Graph refuses a plan that the licence does not have any more.
        let is_there = |id: &&str| known.service_plans.is_none() || plan(id, known).is_some();
        let disabled: Vec<_> = disabled.filter(is_there).collect();
        licenses.push(match disabled.as_slice() {
            [] => json!(sku),
            disabled => json!({ "license": sku, "disabled_plans": disabled }),
        });
    }
    found.snapshot.insert("licenses".to_owned(), licenses.into());
    Ok(found)
}
