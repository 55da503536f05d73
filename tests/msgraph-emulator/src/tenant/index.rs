//! The maps behind every lookup by something other than an id; all of them ignore case, as Entra does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use crate::tenant::{Group, User};

type Values = HashMap<String, BTreeSet<Uuid>>;

/// Which object has which value.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    upns: HashMap<String, Uuid>,
    /// Names reserved by soft-deleted users.
    kept: BTreeSet<String>,
    users: BTreeMap<&'static str, Values>,
    groups: BTreeMap<&'static str, Values>,
}

const USER_PROPERTIES: [&str; 2] = ["employeeId", "mail"];

impl Index {
    pub(super) fn by_upn(&self, upn: &str) -> Option<Uuid> {
        self.upns.get(&upn.to_lowercase()).copied()
    }

    pub(super) fn upn_is_taken(&self, upn: &str) -> bool {
        let upn = upn.to_lowercase();
        self.upns.contains_key(&upn) || self.kept.contains(&upn)
    }

    pub(super) fn keep_upn(&mut self, upn: &str) {
        self.kept.insert(upn.to_lowercase());
    }

    pub(super) fn release_upn(&mut self, upn: &str) {
        self.kept.remove(&upn.to_lowercase());
    }

    pub(super) fn users(&self, property: &str, value: &str) -> BTreeSet<Uuid> {
        ids(&self.users, property, value)
    }

    pub(super) fn groups(&self, property: &str, value: &str) -> BTreeSet<Uuid> {
        ids(&self.groups, property, value)
    }

    pub(super) fn add_user(&mut self, user: &User) {
        self.upns.insert(user.upn.to_lowercase(), user.id);
        for name in USER_PROPERTIES {
            if let Some(text) = user.text(name) {
                let values = self.users.entry(name).or_default();
                values.entry(text.to_lowercase()).or_default().insert(user.id);
            }
        }
    }

    pub(super) fn remove_user(&mut self, user: &User) {
        self.upns.remove(&user.upn.to_lowercase());
        for name in USER_PROPERTIES {
            let held =
                user.text(name).and_then(|text| self.users.get_mut(name)?.get_mut(&text.to_lowercase()));
            if let Some(ids) = held {
                ids.remove(&user.id);
            }
        }
    }

    pub(super) fn add_group(&mut self, group: &Group) {
        let texts = [("displayName", &group.display_name), ("mailNickname", &group.mail_nickname)];
        for (name, text) in texts {
            let values = self.groups.entry(name).or_default();
            values.entry(text.to_lowercase()).or_default().insert(group.id);
        }
    }

    pub(super) fn remove_group(&mut self, group: &Group) {
        let texts = [("displayName", &group.display_name), ("mailNickname", &group.mail_nickname)];
        for (name, text) in texts {
            let held = self.groups.get_mut(name).and_then(|values| values.get_mut(&text.to_lowercase()));
            if let Some(ids) = held {
                ids.remove(&group.id);
            }
        }
    }
}

fn ids(index: &BTreeMap<&'static str, Values>, property: &str, value: &str) -> BTreeSet<Uuid> {
    index.get(property).and_then(|values| values.get(&value.to_lowercase())).cloned().unwrap_or_default()
}
