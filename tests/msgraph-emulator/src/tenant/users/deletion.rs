//! Deletion of users, and restoring them within 30 days.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::clock;
use crate::tenant::{Tenant, User};

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How long a deleted user can be restored ("Restore deleted item", 2025).
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Tenant {
    /// Moves a user to the deleted items: seats and memberships are free again. Whether there was one.
    pub fn soft_delete(&mut self, id: Uuid) -> bool {
        let member_of: BTreeSet<Uuid> = self.groups_of(id).into_iter().collect();
        for &group in &member_of {
            self.leave(group, id);
        }
        if self.users.contains_key(&id) {
            for report in self.reports_of(id) {
                self.history.note_manager(report, Some(id));
            }
        }
        let Some(mut user) = self.users.remove(&id) else {
            return false;
        };
        for sku in user.held_skus() {
            self.count(sku, false);
        }
        self.index.remove_user(&user);
        self.index.keep_upn(&user.upn);
        for group in self.groups.values_mut() {
            group.owners.remove(&id);
            for channel in &mut group.channels {
                channel.members.remove(&id);
            }
        }
        user.was_member_of = member_of;
        user.deleted = Some(clock::now());
        // Entra shows a deleted user under a name that begins with its id (2026-08).
        user.upn.insert_str(0, &id.simple().to_string());
        self.deleted.insert(id, user);
        self.touched(id);
        true
    }

    /// Lets so many days pass for deleted users: who was deleted thirty days ago, or longer, is gone for good.
    pub(crate) fn let_pass(&mut self, days: u32) {
        let now = Timestamp::now();
        let mut gone = Vec::new();
        for (&id, user) in &mut self.deleted {
            let known = user.deleted.as_ref().and_then(|then| then.parse().ok()).unwrap_or(now);
            let then = known.checked_sub(DAY * i32::try_from(days).unwrap_or(i32::MAX)).unwrap_or(known);
            user.deleted = Some(then.to_string());
            if now.duration_since(then) >= KEPT {
                gone.push(id);
            }
        }
        for id in gone {
            self.purge(id);
        }
    }

    /// Removes a deleted user for good: the name is free again. Whether there was one.
    pub(crate) fn purge(&mut self, id: Uuid) -> bool {
        let Some(user) = self.deleted.remove(&id) else {
            return false;
        };
        self.index.release_upn(user.former_upn());
        self.touched(id);
        true
    }

    /// Brings a user back with the name, or a new one, the licences and the memberships it had; without its address, if
    /// somebody else has that by now ("Restore deleted item", 2025). Whether there was one.
    pub(crate) fn restore(&mut self, id: Uuid, new_name: Option<&str>, is_without_address: bool) -> bool {
        let Some(mut user) = self.deleted.remove(&id) else {
            return false;
        };
        let former = user.former_upn().to_owned();
        self.index.release_upn(&former);
        user.upn = new_name.map_or(former, str::to_owned);
        user.deleted = None;
        if is_without_address {
            user.lose_address();
        }
        let member_of = std::mem::take(&mut user.was_member_of);
        for sku in user.held_skus() {
            self.count(sku, true);
        }
        self.insert_user(user);
        for group in member_of {
            self.join(group, id);
        }
        self.touched(id);
        for report in self.reports_of(id) {
            self.history.note_manager(report, None);
        }
        true
    }
}

impl User {
    /// The name that it had before it was deleted.
    pub(crate) fn former_upn(&self) -> &str {
        self.upn.strip_prefix(&self.id.simple().to_string()).unwrap_or(&self.upn)
    }
}

#[cfg(test)]
mod tests {
    use crate::tenant::{Tenant, User};

    #[test]
    fn a_deleted_user_is_gone_for_good_after_thirty_days() {
        let mut tenant = Tenant::empty().user(User::new("ada@contoso.example", "Ada Lovelace"));
        let ada = tenant.user_id("ada@contoso.example").unwrap();
        tenant.soft_delete(ada);
        tenant.let_pass(29);
        assert!(tenant.deleted.contains_key(&ada));
        tenant.let_pass(1);
        assert!(!tenant.deleted.contains_key(&ada) && !tenant.restore(ada, None, false));
    }
}
