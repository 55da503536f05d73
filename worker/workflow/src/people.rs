//! The people that a run has found, shared by the steps of one attempt.
//!
//! The engine carries them and understands nothing of them: a reference is a text that the steps make.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use outcome::{Pinned, Progress};

/// The people that a run has found.
#[derive(Debug)]
pub struct People {
    pinned: Mutex<Vec<Pinned>>,
    /// The references that were looked for in this attempt.
    sought: Mutex<BTreeSet<String>>,
    /// Whether the run slept without them, in a worker that did not pin people.
    is_late: bool,
}

impl People {
    /// The people of a run that is as far as this.
    pub fn of(progress: &Progress) -> Self {
        let is_late = progress.people.is_none() && progress.sleeps > 0;
        let (pinned, sought) = (Mutex::new(progress.people.clone().unwrap_or_default()), Mutex::default());
        Self { pinned, sought, is_late }
    }

    /// The account behind a reference.
    pub fn find(&self, reference: &str) -> Option<Pinned> {
        let pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        pinned.iter().find(|known| known.references.iter().any(|its| its == reference)).cloned()
    }

    /// Whether a step is the first of this attempt that looks for a reference before its turn.
    pub fn is_sought_first(&self, reference: &str) -> bool {
        self.sought.lock().unwrap_or_else(PoisonError::into_inner).insert(reference.to_owned())
    }

    /// Remembers an account. Its references mean no other account from now on. If the run has slept before anybody
    /// was pinned, nobody knows whether the account was disabled; it counts as having been so.
    pub fn pin(&self, seen: Pinned) {
        let mut pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        for known in pinned.iter_mut().filter(|known| known.object_id != seen.object_id) {
            known.references.retain(|reference| !seen.references.contains(reference));
        }
        match pinned.iter_mut().find(|known| known.object_id == seen.object_id) {
            Some(known) => {
                let fresh = seen.references.into_iter().filter(|fresh| !known.references.contains(fresh));
                let fresh: Vec<_> = fresh.collect();
                known.references.extend(fresh);
                known.was_disabled |= seen.was_disabled;
                if known.notices.is_empty() {
                    known.notices = seen.notices;
                }
            }
            None => pinned.push(Pinned { was_disabled: seen.was_disabled || self.is_late, ..seen }),
        }
        pinned.retain(|known| !known.references.is_empty());
    }

    /// The people for the run's progress. A run that slept without them stays so until somebody is pinned.
    pub(crate) fn into_pinned(self) -> Option<Vec<Pinned>> {
        let pinned = self.pinned.into_inner().unwrap_or_else(PoisonError::into_inner);
        (!self.is_late || !pinned.is_empty()).then_some(pinned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn pinned(object_id: &str, references: &[&str]) -> Pinned {
        let references = references.iter().map(|&reference| reference.to_owned()).collect();
        let (object_id, notices) = (object_id.to_owned(), Vec::new());
        Pinned { object_id, references, employee_id: None, was_disabled: false, notices }
    }

    #[test]
    fn a_reference_means_one_account_and_the_last_one_seen() {
        let people = People::of(&Progress::new(Timestamp::UNIX_EPOCH));
        people.pin(pinned("1", &["ada", "7"]));
        people.pin(Pinned { was_disabled: true, ..pinned("1", &["ada", "ada and 7"]) });
        people.pin(pinned("2", &["ada"]));
        assert_eq!(people.find("ada").unwrap().object_id, "2");
        assert_eq!(people.find("nobody"), None);
        let first = Pinned { was_disabled: true, ..pinned("1", &["7", "ada and 7"]) };
        assert_eq!(people.into_pinned(), Some(vec![first, pinned("2", &["ada"])]));
    }

    #[test]
    fn whoever_is_pinned_only_after_a_sleep_counts_as_disabled_before() {
        let slept = Progress { sleeps: 1, people: None, ..Progress::new(Timestamp::UNIX_EPOCH) };
        assert_eq!(People::of(&slept).into_pinned(), None, "the next attempt knows no more");
        let people = People::of(&slept);
        people.pin(pinned("1", &["ada"]));
        assert!(people.find("ada").unwrap().was_disabled);
        let people = People::of(&Progress { people: Some(Vec::new()), ..slept });
        people.pin(pinned("1", &["ada"]));
        assert!(!people.find("ada").unwrap().was_disabled);
    }
}
