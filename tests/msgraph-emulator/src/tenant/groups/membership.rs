//! Group membership, and the licences that come with it.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::tenant::Tenant;

impl Tenant {
    /// Adds a user or group to a group, with the group's licences; returns whether it was no member before.
    pub fn join(&mut self, group: Uuid, member: Uuid) -> bool {
        self.hold(&member.to_string());
        let known = self.users.contains_key(&member) || self.groups.contains_key(&member);
        let Some(joined) = self.groups.get_mut(&group).filter(|_| known) else {
            return false;
        };
        if !joined.members.insert(member) {
            return false;
        }
        if let Some(user) = self.users.get_mut(&member) {
            user.member_of.insert(group);
            self.inherit(member, group);
        }
        true
    }

    /// Removes a member from a group, with the group's licences; returns whether it was a member.
    pub(crate) fn leave(&mut self, group: Uuid, member: Uuid) -> bool {
        let Some(left) = self.groups.get_mut(&group) else {
            return false;
        };
        if !left.members.remove(&member) {
            return false;
        }
        // A member who leaves a team leaves its private channels, but not its shared ones (2025).
        for channel in left.channels.iter_mut().filter(|channel| !channel.shared) {
            channel.members.remove(&member);
        }
        if let Some(user) = self.users.get_mut(&member) {
            user.member_of.remove(&group);
            self.disinherit(member, group);
        }
        true
    }

    /// The groups a user is a direct member of.
    pub(crate) fn groups_of(&self, user: Uuid) -> Vec<Uuid> {
        self.users.get(&user).map(|user| user.member_of.iter().copied().collect()).unwrap_or_default()
    }

    /// These groups, and every group that has one of them as a member, directly or through others.
    pub(crate) fn groups_above(&self, groups: &BTreeSet<Uuid>) -> BTreeSet<Uuid> {
        let mut all = groups.clone();
        loop {
            let above = self.groups.values().filter(|group| !all.contains(&group.id));
            let above = above.filter(|group| group.members.iter().any(|member| all.contains(member)));
            let above: Vec<Uuid> = above.map(|group| group.id).collect();
            if above.is_empty() {
                return all;
            }
            all.extend(above);
        }
    }

    /// Whether only a privileged application may touch the user's sensitive properties: a holder
    /// of a directory role, or a member or owner of a group that may hold one.
    pub(crate) fn is_administrator(&self, user: Uuid) -> bool {
        let Some(held) = self.users.get(&user) else {
            return false;
        };
        held.role.is_some()
            || self
                .assignable
                .iter()
                .filter_map(|group| self.groups.get(group))
                .any(|group| group.members.contains(&user) || group.owners.contains(&user))
    }
}
