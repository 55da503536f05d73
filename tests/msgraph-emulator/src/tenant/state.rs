//! The whole tenant as JSON for comparing: sorted, and without anything that differs between
//! two equal runs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::tenant::{Channel, GROUP_PROPERTIES, Group, Tenant, User};

/// Moments differ from run to run; passwords are never kept.
const VOLATILE: &[&str] = &[
    "createdDateTime",
    "deletedDateTime",
    "signInSessionsValidFromDateTime",
    "lastPasswordChangeDateTime",
    "licenseAssignmentStates",
    "passwordProfile",
];

impl Tenant {
    /// Users, deleted users, groups and SKUs with all that is true of them, by id; of a crowd only how
    /// many it still has.
    pub(crate) fn state(&self) -> Value {
        let users =
            |users: &BTreeMap<Uuid, User>| by_id(users.iter().map(|(&id, user)| (id, self.user_state(user))));
        let groups = self.groups.iter().map(|(&id, group)| (id, group_state(group)));
        let skus = self.skus.iter().map(|(&id, sku)| {
            let fields = [
                ("consumedUnits", json!(self.consumed(id))),
                ("enabled", json!(sku.enabled)),
                ("lockedOut", json!(sku.locked_out)),
                ("skuPartNumber", json!(sku.part_number)),
                ("suspended", json!(sku.suspended)),
                ("warning", json!(sku.warning)),
            ];
            (id, sorted(fields.into()))
        });
        let mut state = BTreeMap::from([
            ("deletedUsers", users(&self.deleted)),
            ("groups", by_id(groups)),
            ("skus", by_id(skus)),
            ("tenantId", json!(self.id)),
            ("users", users(&self.users)),
        ]);
        if self.crowd.is_some() {
            state.insert("crowd", json!(self.user_count() - self.users.len() as u64));
        }
        sorted(state)
    }

    fn user_state(&self, user: &User) -> Value {
        let names = User::properties().filter(|name| !VOLATILE.contains(name));
        let mut state: BTreeMap<&str, Value> =
            names.filter_map(|name| Some((name, user.property(name)?))).collect();
        let manager = user.manager.filter(|&id| self.listed(id).is_some());
        state.insert("manager", json!(manager));
        state.insert("directoryRole", json!(user.role));
        state.insert("authenticationMethods", json!(user.methods));
        state.insert("appRoles", json!(user.app_roles));
        state.insert("consents", json!(user.consents));
        state.insert("sessionsRevoked", json!(user.revoked));
        state.insert("mustChangePassword", json!(user.must_change_password));
        state.insert("memberOf", json!(user.member_of));
        state.insert("licenses", licenses(user));
        if let Some(mailbox) = &user.mailbox {
            state.insert("mailbox", mailbox.state(|text| self.with_passes_named(text)));
        }
        if !user.devices.is_empty() {
            let states = user.devices.iter().map(|device| (device.device_name.clone(), json!(device.state)));
            state.insert("devices", Value::Object(states.collect()));
        }
        if let Some(drive) = &user.drive {
            state.insert("drive", drive.state());
        }
        sorted(state)
    }
}

impl Tenant {
    /// The text with each issued pass replaced by a note of its user.
    fn with_passes_named(&self, text: &str) -> String {
        let passes = self.users.values().filter_map(|user| Some((user.id, &user.pass.as_ref()?.value)));
        let told = passes.filter(|(_, value)| !value.is_empty());
        told.fold(text.to_owned(), |text, (user, value)| {
            text.replace(value, &format!("(the pass of user {user})"))
        })
    }
}

fn licenses(user: &User) -> Value {
    let direct: BTreeSet<&Uuid> = user.direct.keys().collect();
    let off = user.direct.iter().filter(|(_, held)| !held.disabled.is_empty());
    let off: BTreeMap<_, _> = off.map(|(sku, held)| (sku.to_string(), &held.disabled)).collect();
    let inherited: Vec<Value> = user
        .inherited
        .iter()
        .map(|((group, sku), held)| json!({ "error": held.error, "group": group, "sku": sku }))
        .collect();
    match off.is_empty() {
        true => json!({ "direct": direct, "inherited": inherited }),
        false => json!({ "direct": direct, "inherited": inherited, "plansOff": off }),
    }
}

fn group_state(group: &Group) -> Value {
    let names = GROUP_PROPERTIES.iter().filter(|name| !VOLATILE.contains(name));
    let mut state: BTreeMap<&str, Value> =
        names.filter_map(|&name| Some((name, group.property(name)?))).collect();
    state.insert("members", json!(group.members));
    state.insert("owners", json!(group.owners));
    state.insert("appRoles", json!(group.app_roles));
    if !group.channels.is_empty() {
        state.insert("channels", group.channels.iter().map(Channel::state).collect());
    }
    sorted(state)
}

/// An object with sorted fields, also if `serde_json` keeps the order of insertion.
fn sorted(fields: BTreeMap<&str, Value>) -> Value {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// An object by ids, which come in order.
fn by_id(objects: impl Iterator<Item = (Uuid, Value)>) -> Value {
    objects.map(|(id, object)| (id.to_string(), object)).collect()
}
