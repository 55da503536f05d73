//! What the claim of a run says of its event.

use ledger::Intent;
use messages::{EventKind, PersonRequest};
use serde_json::Map;

/// The most names that one change may set: more do not fit into a record beside the keys of its person.
pub const MOST_NAMES: usize = 100;

/// The properties by which an event names its person.
const IDENTIFIERS: [&str; 3] = ["entra_id", "upn", "employee_id"];

/// What a run wants.
pub fn intent(kind: EventKind) -> Intent {
    match kind {
        EventKind::Onboarding => Intent::Onboarding,
        EventKind::Offboarding => Intent::Offboarding,
        EventKind::AccessRevoke => Intent::AccessRevoke,
        EventKind::Restore => Intent::Restore,
        // A sync is no run.
        EventKind::Change | EventKind::Sync => Intent::Change,
        EventKind::Cancel => Intent::Cancel,
    }
}

/// What a change sets: properties of the person, and parameters.
pub fn names(kind: EventKind, request: &PersonRequest) -> Vec<String> {
    if kind != EventKind::Change {
        return Vec::new();
    }
    let person = serde_json::to_value(&request.person).unwrap_or_default();
    let properties = person.as_object().into_iter().flat_map(Map::keys);
    let is_set = |name: &&String| !IDENTIFIERS.contains(&name.as_str());
    let properties = properties.filter(is_set).map(|name| format!("person.{name}"));
    properties.chain(request.parameters.keys().map(|name| format!("parameters.{name}"))).collect()
}
