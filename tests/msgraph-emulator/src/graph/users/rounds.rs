//! The entries of a delta round: what changed of each user, merged.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::tenant::{Change, Columns, Tenant};

/// Everything that changed of one user in a round.
#[derive(Debug, Default)]
pub(super) struct Changed<'a> {
    whole: bool,
    /// The properties that changed, with their values before the last change.
    before: BTreeMap<&'static str, &'a Value>,
    /// The manager before the first change.
    manager: Option<Option<Uuid>>,
}

/// What a round answers about each user.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) names: Vec<&'a str>,
    /// Whether only what was selected counts as a change.
    pub(super) selects: bool,
    pub(super) manager: bool,
    /// Whether the answer has only what changed.
    pub(super) minimal: bool,
}

impl Changed<'_> {
    /// Merges the changes of each user.
    pub(super) fn merge(changes: &[Change]) -> BTreeMap<Uuid, Changed<'_>> {
        let mut merged: BTreeMap<Uuid, Changed<'_>> = BTreeMap::new();
        for change in changes {
            let changed = merged.entry(change.user).or_default();
            changed.whole |= change.whole;
            changed.before.extend(change.before.iter().map(|(name, value)| (*name, value)));
            changed.manager = changed.manager.or(change.manager);
        }
        merged
    }

    /// Whether the user appears in the round.
    pub(super) fn counts(&self, wanted: &Wanted<'_>) -> bool {
        let selected = |name: &&str| wanted.names.contains(name);
        self.whole
            || !wanted.selects
            || self.before.keys().any(selected)
            || (wanted.manager && self.manager.is_some())
    }

    /// The user's entry as it was before its last change.
    pub(super) fn stale(&self, entry: &Map<String, Value>) -> Map<String, Value> {
        let mut stale = entry.clone();
        for (name, value) in &self.before {
            if let Some(held) = stale.get_mut(*name) {
                *held = (*value).clone();
            }
        }
        stale
    }
}

/// The entry of a user: the current properties, or the mark of removal. `changed` is nothing in a first round.
pub(super) fn entry(
    tenant: &Tenant,
    id: Uuid,
    changed: Option<&Changed<'_>>,
    wanted: &Wanted<'_>,
) -> Map<String, Value> {
    let Some(user) = tenant.listed(id) else {
        let reason = if tenant.deleted.contains_key(&id) { "changed" } else { "deleted" };
        return fields(&json!({ "id": id, "@removed": { "reason": reason } }));
    };
    let part = changed.filter(|changed| wanted.minimal && !changed.whole);
    let names: BTreeSet<&str> = match part {
        None => wanted.names.iter().copied().collect(),
        Some(changed) => {
            wanted.names.iter().copied().filter(|name| changed.before.contains_key(name)).collect()
        }
    };
    let names: Vec<&str> = names.into_iter().chain(["id"]).collect();
    let mut bytes = Vec::new();
    tenant.write_user(&user, &Columns::of_delta(&names), &mut bytes);
    let mut entry: Map<String, Value> = serde_json::from_slice(&bytes).unwrap_or_default();
    // A property that a change took away was set before.
    for name in changed.into_iter().flat_map(|changed| changed.before.keys()) {
        if names.contains(name) && !entry.contains_key(*name) {
            entry.insert((*name).to_owned(), Value::Null);
        }
    }
    let manager = user.manager().filter(|id| tenant.listed(*id).is_some());
    let before = match changed {
        Some(changed) if !changed.whole => changed.manager,
        _ => Some(None),
    };
    if let Some(before) = before.filter(|before| wanted.manager && *before != manager) {
        let link = |id: Uuid| json!({ "@odata.type": "#microsoft.graph.user", "id": id });
        let gone = |id: Uuid| json!({ "@odata.type": "#microsoft.graph.user", "id": id, "@removed": { "reason": "deleted" } });
        let links: Vec<Value> = manager.map(link).into_iter().chain(before.map(gone)).collect();
        entry.insert("manager@delta".to_owned(), json!(links));
    }
    entry
}

fn fields(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
