//! The whole tenant as JSON fit for comparing: sorted, and without anything that differs between
//! two runs that ended in the same place.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{GROUP_PROPERTIES, Group, Tenant, User};

/// Moments differ from run to run; passwords are never kept.
const VOLATILE: &[&str] = &[
    "createdDateTime",
    "deletedDateTime",
    "signInSessionsValidFromDateTime",
    "licenseAssignmentStates",
    "passwordProfile",
];

impl Tenant {
    /// Users, deleted users, groups and SKUs with all that is true of them, by id.
    pub(crate) fn state(&self) -> Value {
        let users = |users: &BTreeMap<Uuid, User>| -> BTreeMap<Uuid, Value> {
            let users = users.iter();
            users.map(|(&id, user)| (id, self.user_state(user))).collect()
        };
        let groups: BTreeMap<Uuid, Value> =
            self.groups.iter().map(|(&id, group)| (id, group_state(group))).collect();
        let skus: BTreeMap<Uuid, Value> = self
            .skus
            .iter()
            .map(|(&id, sku)| {
                let state = json!({
                    "consumedUnits": self.consumed(id),
                    "enabled": sku.enabled,
                    "skuPartNumber": sku.part_number,
                    "suspended": sku.suspended,
                    "warning": sku.warning,
                });
                (id, state)
            })
            .collect();
        json!({
            "deletedUsers": users(&self.deleted),
            "groups": groups,
            "skus": skus,
            "tenantId": self.id,
            "users": users(&self.users),
        })
    }

    fn user_state(&self, user: &User) -> Value {
        let names = User::properties().filter(|name| !VOLATILE.contains(name));
        let mut state: BTreeMap<&str, Value> =
            names.filter_map(|name| Some((name, user.property(name)?))).collect();
        let manager = user.manager.filter(|id| self.users.contains_key(id));
        state.insert("manager", json!(manager));
        state.insert("directoryRole", json!(user.role));
        state.insert("sessionsRevoked", json!(user.revoked));
        state.insert("mustChangePassword", json!(user.must_change_password));
        state.insert("memberOf", json!(user.member_of));
        state.insert("licenses", licenses(user));
        json!(state)
    }
}

fn licenses(user: &User) -> Value {
    let direct: BTreeSet<&Uuid> = user.direct.keys().collect();
    let inherited: Vec<Value> = user
        .inherited
        .iter()
        .map(|((group, sku), held)| json!({ "error": held.error, "group": group, "sku": sku }))
        .collect();
    json!({ "direct": direct, "inherited": inherited })
}

fn group_state(group: &Group) -> Value {
    let names = GROUP_PROPERTIES.iter().filter(|name| !VOLATILE.contains(name));
    let mut state: BTreeMap<&str, Value> =
        names.filter_map(|&name| Some((name, group.property(name)?))).collect();
    state.insert("members", json!(group.members));
    state.insert("owners", json!(group.owners));
    json!(state)
}
