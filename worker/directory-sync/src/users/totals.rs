//! How many people there are, by what matters about them.

use serde::Serialize;

use crate::rows::user::{SkuIds, User};
use crate::text::{Property, Text};

/// How many people a pass saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct UserTotals {
    /// Everyone.
    pub people: u64,
    /// Those whose account can sign in.
    pub enabled: u64,
    /// Those whose account is blocked.
    pub disabled: u64,
    /// Members of the tenant.
    pub members: u64,
    /// Guests of it.
    pub guests: u64,
    /// Accounts that say neither; old accounts have no type.
    pub of_no_type: u64,
    /// Those who have a licence.
    pub licensed: u64,
    /// Those who have a licence and whose account is blocked.
    pub licensed_and_disabled: u64,
    /// Those whose account is mastered on premises.
    pub synced: u64,
    /// Those who have a manager; zero if managers could not be read.
    pub managed: u64,
}

impl UserTotals {
    /// Adds the people of another page.
    pub(crate) fn add_all(&mut self, other: Self) {
        let Self {
            people,
            enabled,
            disabled,
            members,
            guests,
            of_no_type,
            licensed,
            licensed_and_disabled,
            synced,
            managed,
        } = other;
        self.people += people;
        self.enabled += enabled;
        self.disabled += disabled;
        self.members += members;
        self.guests += guests;
        self.of_no_type += of_no_type;
        self.licensed += licensed;
        self.licensed_and_disabled += licensed_and_disabled;
        self.synced += synced;
        self.managed += managed;
    }

    pub(crate) fn add(&mut self, user: &User<'_>) {
        let is_enabled = user.person.account_enabled.value() == Some(&true);
        let licenses = user.person.assigned_licenses.value();
        let is_licensed = licenses.is_some_and(|SkuIds(ids)| !ids.is_empty());
        let one = u64::from;
        self.people += 1;
        self.enabled += one(is_enabled);
        self.disabled += one(!is_enabled);
        match &user.person.user_type {
            Property::Is(kind) if is(kind, "Member") => self.members += 1,
            Property::Is(kind) if is(kind, "Guest") => self.guests += 1,
            _ => self.of_no_type += 1,
        }
        self.licensed += one(is_licensed);
        self.licensed_and_disabled += one(is_licensed && !is_enabled);
        self.synced += one(user.person.on_premises_sync_enabled.value() == Some(&true));
        self.managed += one(user.manager_id().is_some());
    }
}

fn is(kind: &Text<'_>, name: &str) -> bool {
    kind.as_str().eq_ignore_ascii_case(name)
}
