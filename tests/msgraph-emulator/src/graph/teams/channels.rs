//! Teams and their channels.

use hyper::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{ENTITY, Query, project};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::tenant::{Group, channel_id};

/// The channel of every team that has all its members.
const GENERAL: &str = "General";

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

/// The group behind a team.
pub(super) fn team<'a>(visit: &'a Visit<'_>, key: &str) -> Result<&'a Group, Refusal> {
    let group = Uuid::try_parse(key).ok().and_then(|id| visit.tenant.groups.get(&id));
    group.filter(|group| group.team).ok_or_else(|| {
        let message = format!("No team found with Group Id {key}");
        Refusal::new(StatusCode::NOT_FOUND, "NotFound", message)
    })
}
