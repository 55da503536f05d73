//! Which users have a mailbox, and changes to its content.

use uuid::Uuid;

use super::mailbox::Mailbox;
use crate::tenant::{Tenant, TenantError, User};

impl Tenant {
    /// Whether a user has a mailbox that answers.
    pub(crate) fn has_mailbox(&self, user: &User) -> bool {
        let is_elsewhere =
            user.mailbox.as_ref().is_some_and(|mailbox| mailbox.pending || mailbox.on_premises);
        // A shared mailbox stays when the licence is removed.
        let is_shared = user.mailbox.as_ref().is_some_and(|mailbox| mailbox.shared);
        !is_elsewhere && (is_shared || self.is_licensed_for_exchange(user))
    }

    fn is_licensed_for_exchange(&self, user: &User) -> bool {
        // Most subscriptions have a plan of Exchange that comes without a mailbox.
        let gives = |name: &str| {
            name.starts_with("EXCHANGE_S_") && !name.contains("FOUNDATION") && !name.contains("ARCHIVE")
        };
        let held = user.disabled_plans();
        let skus = held.iter().filter_map(|(sku, disabled)| Some((self.skus.get(sku)?, disabled)));
        skus.into_iter().any(|(sku, disabled)| sku.plans_without(disabled).any(|plan| gives(&plan.name)))
    }

    /// Changes the content of a user's mailbox.
    pub(crate) fn edit_mailbox<T>(&mut self, user: Uuid, edit: impl FnOnce(&mut Mailbox) -> T) -> Option<T> {
        self.edit_user(user, |user| edit(user.mailbox.get_or_insert_default()))
    }

    /// The id of a calendar in a user's mailbox, by name.
    #[must_use]
    pub fn calendar_id(&self, user: &str, name: &str) -> Option<String> {
        let user = self.users.get(&self.user_id(user)?)?;
        let mut calendars = user.mailbox.as_ref()?.calendars.iter();
        calendars.find(|calendar| calendar.name == name).map(|calendar| calendar.id.clone())
    }

    /// Finishes a pending mailbox.
    ///
    /// # Errors
    ///
    /// No such user.
    pub fn finish_mailbox(&mut self, user: &str) -> Result<(), TenantError> {
        let missing = || TenantError::new(format!("user {user} is not in the tenant"));
        let id = self.user_id(user).ok_or_else(missing)?;
        self.edit_mailbox(id, |mailbox| mailbox.pending = false).ok_or_else(missing)
    }
}
