//! Which users changed, in order, and what of them: the source of delta answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::user::User;

/// One change of a user.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) user: Uuid,
    /// Whether the user was made, deleted or restored.
    pub(crate) whole: bool,
    /// The properties that changed, with their values before.
    pub(crate) before: BTreeMap<&'static str, Value>,
    /// The manager before, if that changed.
    pub(crate) manager: Option<Option<Uuid>>,
}

/// Every change since the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    changes: Vec<Change>,
    /// How often all earlier tokens were reset.
    pub(crate) epoch: u32,
    /// By how many days tokens are older than they say.
    pub(crate) aged_days: u32,
    /// Whether users come twice, in another order, and once as they were before.
    pub(crate) replays: bool,
}

impl History {
    /// How many changes there were.
    pub(crate) fn len(&self) -> usize {
        self.changes.len()
    }

    /// The changes between two counts of changes; `None` beyond the last change.
    pub(crate) fn between(&self, from: usize, to: usize) -> Option<&[Change]> {
        self.changes.get(from..to)
    }

    /// Notes that a user was made, deleted or restored.
    pub(in crate::tenant) fn touch(&mut self, user: Uuid) {
        self.changes.push(Change { user, whole: true, before: BTreeMap::new(), manager: None });
    }

    /// Notes what changed of a user, if anything did.
    pub(in crate::tenant) fn note(&mut self, before: Watched, now: &User) {
        let change = before.changes(now);
        if !change.before.is_empty() || change.manager.is_some() {
            self.changes.push(change);
        }
    }

    /// Notes that a user's manager came or went.
    pub(in crate::tenant) fn note_manager(&mut self, user: Uuid, before: Option<Uuid>) {
        self.changes.push(Change { user, whole: false, before: BTreeMap::new(), manager: Some(before) });
    }
}

/// What a directory keeps of a user, as it was before an edit. Mailbox, files and sign-in methods are kept elsewhere,
/// and so are the states of licences: a change of one of them alone makes no user appear (microsoft-graph-docs 16690,
/// 2022).
#[derive(Debug)]
pub(in crate::tenant) struct Watched {
    texts: BTreeMap<&'static str, String>,
    others: [(&'static str, Value); 7],
    manager: Option<Uuid>,
}

impl Watched {
    pub(in crate::tenant) fn of(user: &User) -> Self {
        Self { texts: user.texts.clone(), others: others(user), manager: user.manager }
    }

    fn changes(self, now: &User) -> Change {
        let mut before = BTreeMap::new();
        let gone = self.texts.iter().filter(|(name, text)| now.texts.get(*name) != Some(text));
        before.extend(gone.map(|(name, text)| (*name, json!(text))));
        let new = now.texts.keys().filter(|name| !self.texts.contains_key(*name));
        before.extend(new.map(|name| (*name, Value::Null)));
        let others = self.others.into_iter().zip(others(now));
        before.extend(others.filter(|(before, now)| before != now).map(|(before, _)| before));
        let manager = (self.manager != now.manager).then_some(self.manager);
        Change { user: now.id, whole: false, before, manager }
    }
}

fn others(user: &User) -> [(&'static str, Value); 7] {
    [
        ("accountEnabled", json!(user.enabled)),
        ("assignedLicenses", user.assigned_licenses()),
        ("businessPhones", json!(user.business_phones)),
        ("lastPasswordChangeDateTime", json!(user.password_from)),
        ("otherMails", json!(user.other_mails)),
        ("signInSessionsValidFromDateTime", json!(user.sessions_from)),
        ("userPrincipalName", json!(user.upn)),
    ]
}
