//! What this process remembers of messages it has dealt with, so that losing a session costs no work twice.
//!
//! A message whose handler ran while its session was lost comes again, to this process or another. Another process
//! must look at the tenant afresh, which is always safe. This one need not: it publishes what it had to report, or, if
//! the session broke after the last confirm, only acknowledges. That closes the common way for one message to
//! leave two continuations; a crash of the process is the rare one, and there the ids of the results are the same.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;
use uuid::Uuid;

use super::outbox::Sealed;

/// Messages remembered; about 100 bytes each once they are published.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// The time that one turn is expected to take.
const TURN: Duration = Duration::from_secs(1);
/// Nobody is sent away for longer.
const LONGEST_TURN: Duration = Duration::from_secs(60);

/// What is known of a message.
#[derive(Clone)]
pub enum Remembered<P> {
    /// Its work stopped because it could not report how far it had come.
    Interrupted(P),
    /// Its work is done; this is still to be published.
    Unpublished(Arc<Sealed>),
    /// It is dealt with; only the acknowledgement is missing, or uncertain.
    Published,
}

/// Remembers the last messages of this process by their ids, and locks what they are about.
pub struct RecentMessages<P> {
    known: Mutex<LruCache<Uuid, Remembered<P>>>,
    locks: Mutex<HashMap<Uuid, Turn>>,
}

/// The turn on a subject.
#[derive(Default)]
struct Turn {
    lock: Arc<tokio::sync::Mutex<()>>,
    /// When the last of those is to come back who were sent away.
    next: Option<Instant>,
}

/// The right to work on a subject. While it is held nothing else in this process works on it.
pub struct SubjectLock<'a, P> {
    recent: &'a RecentMessages<P>,
    subject: Uuid,
    guard: Option<OwnedMutexGuard<()>>,
}

impl<P: Clone> RecentMessages<P> {
    /// Remembers nothing yet.
    pub fn new() -> Self {
        Self { known: Mutex::new(LruCache::new(CAPACITY)), locks: Mutex::default() }
    }

    /// Waits until nothing else in this process works on the subject: a message can come again while the handler that
    /// had it first is still running.
    pub async fn lock(&self, subject: Uuid) -> SubjectLock<'_, P> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&locks.entry(subject).or_default().lock)
        };
        SubjectLock { recent: self, subject, guard: Some(lock.lock_owned().await) }
    }

    /// The lock of a subject, or how long to stay away if something else in this process works on it: everyone who is
    /// sent away is given a second of its own, up to a minute.
    pub fn try_lock(&self, subject: Uuid) -> Result<SubjectLock<'_, P>, Duration> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = locks.entry(subject).or_default();
        match Arc::clone(&turn.lock).try_lock_owned() {
            Ok(guard) => Ok(SubjectLock { recent: self, subject, guard: Some(guard) }),
            Err(_) => {
                let now = Instant::now();
                let at = turn.next.filter(|next| *next > now).unwrap_or(now) + TURN;
                turn.next = Some(at);
                Err((at - now).min(LONGEST_TURN))
            }
        }
    }

    /// What is known of a message.
    pub fn get(&self, message: Uuid) -> Option<Remembered<P>> {
        self.known().get(&message).cloned()
    }

    /// Remembers this of a message, in place of what was known.
    pub fn put(&self, message: Uuid, remembered: Remembered<P>) {
        self.known().put(message, remembered);
    }

    /// Forgets a message that comes again as it is.
    pub fn forget(&self, message: Uuid) {
        self.known().pop(&message);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, LruCache<Uuid, Remembered<P>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P> Drop for SubjectLock<'_, P> {
    fn drop(&mut self) {
        let mut locks = self.recent.locks.lock().unwrap_or_else(PoisonError::into_inner);
        self.guard = None;
        // Only the map still knows the lock: nothing waits for it.
        if locks.get(&self.subject).is_some_and(|turn| Arc::strong_count(&turn.lock) == 1) {
            locks.remove(&self.subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_subject_has_one_lock_and_leaves_nothing_behind() {
        let recent: RecentMessages<()> = RecentMessages::new();
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let first = recent.lock(one).await;
        let other = recent.lock(two).await;
        assert!(futures_util::FutureExt::now_or_never(recent.lock(one)).is_none(), "the subject is locked");
        let seconds = [1, 2].map(|_| recent.try_lock(one).err().unwrap().as_secs_f64().round());
        assert_eq!(seconds, [1.0, 2.0], "everyone comes back at a time of its own");
        drop(first);
        drop(recent.try_lock(one).ok().unwrap());
        drop(recent.lock(one).await);
        drop(other);
        assert!(recent.locks.lock().unwrap().is_empty());
    }
}
