//! Devices that a user joined or registered in the directory.
//!
//! Graph's permission table (2026-08-07) lets an application read them that reads users. Its reference ("List ownedDevices",
//! 2024) names no application permission at all: a client has to expect a refusal.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::graph::groups::members::typed;
use crate::graph::{Answer, Visit};
use crate::http::paging::metadata;
use crate::http::query::{Query, RELATION};
use crate::http::reply::Reply;
use crate::route::permissions;

/// Everything a device shows here; Graph has some thirty properties more.
const PROPERTIES: &[&str] = &["id", "displayName"];

/// Who may not read devices sees their ids and types ("Limited information returned for inaccessible member objects",
/// 2025).
pub(super) fn list_owned(visit: &Visit<'_>, key: &str) -> Answer {
    let query = Query::read(visit.request, RELATION)?;
    let has = |name: &str| PROPERTIES.contains(&name);
    let names = query.selected(has, "microsoft.graph.device", PROPERTIES)?;
    let user = visit.user(key)?;
    let reads = permissions::reads_directory_devices(visit.caller);
    let device = |name: &String| {
        let id = Uuid::new_v5(&user.id, format!("directory device/{name}").as_bytes());
        let fields = [("id", json!(id)), ("displayName", json!(reads.then_some(name)))];
        let fields = fields.into_iter().filter(|(name, _)| names.contains(name));
        typed(fields.map(|(name, value)| (name.to_owned(), value)).collect(), Some("device"))
    };
    let value: Vec<Value> = user.owned_devices.iter().map(device).collect();
    let context = metadata(visit.request, "directoryObjects");
    Ok(Reply::ok(&json!({ "@odata.context": context, "value": value })))
}
