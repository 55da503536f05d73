//! What this process remembers of messages it has dealt with, so that losing a session costs no work twice.
//!
//! A message whose handler ran while its session was lost comes again, to this process or another. Another has to
//! look at the tenant afresh, which is always safe. This one need not: it publishes what it had to say, or, where
//! the session broke after the last confirm, only acknowledges. That closes the common way for one message to
//! leave two continuations; a crash of the process is the rare one, and there the ids of the results tell.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;
use workflow::Progress;

/// Messages remembered; about 100 bytes each once they are published.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// A message, by how far its run had come when it was written. A redelivery and a repeated publish of it are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The run.
    pub run_id: Uuid,
    /// How often it was replayed.
    pub replays: u32,
    /// The attempt it asks for.
    pub attempt: u32,
    /// How many steps are recorded in it; `None` if it is the event itself.
    pub steps: Option<usize>,
    /// How often the run had gone to sleep: a wait is no attempt and finishes no step.
    pub sleeps: u32,
}

/// What is known of a message.
pub enum Remembered<T> {
    /// Its run stopped where nobody could be told.
    Interrupted(Progress),
    /// It is dealt with, but for publishing this.
    Unpublished(Arc<T>),
    /// It is dealt with; it was only not acknowledged, or not for certain.
    Published,
}

impl<T> Clone for Remembered<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Interrupted(progress) => Self::Interrupted(progress.clone()),
            Self::Unpublished(what) => Self::Unpublished(Arc::clone(what)),
            Self::Published => Self::Published,
        }
    }
}

/// Remembers the last messages of this process.
pub struct Memory<T> {
    known: Mutex<LruCache<Key, Remembered<T>>>,
    turns: Mutex<HashMap<Uuid, Arc<tokio::sync::Mutex<()>>>>,
}

/// The right to work on a run. While it is held nothing else in this process works on that run.
pub struct Turn<'a, T> {
    memory: &'a Memory<T>,
    run_id: Uuid,
    guard: Option<OwnedMutexGuard<()>>,
}

impl<T> Memory<T> {
    /// Remembers nothing yet.
    pub fn new() -> Self {
        Self { known: Mutex::new(LruCache::new(CAPACITY)), turns: Mutex::default() }
    }

    /// Waits until nothing else in this process works on the run: a message can come again while the handler that
    /// had it first is still running.
    pub async fn turn(&self, run_id: Uuid) -> Turn<'_, T> {
        let lock = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(run_id).or_default())
        };
        Turn { memory: self, run_id, guard: Some(lock.lock_owned().await) }
    }

    /// What is known of a message.
    pub fn of(&self, key: &Key) -> Option<Remembered<T>> {
        self.known().get(key).cloned()
    }

    /// Remembers this of a message, in place of what was known.
    pub fn put(&self, key: Key, remembered: Remembered<T>) {
        self.known().put(key, remembered);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, LruCache<Key, Remembered<T>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let mut turns = self.memory.turns.lock().unwrap_or_else(PoisonError::into_inner);
        self.guard = None;
        // Only the map still knows the lock: nobody waits for it.
        if turns.get(&self.run_id).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            turns.remove(&self.run_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_run_has_one_turn_and_leaves_nothing_behind() {
        let memory: Memory<()> = Memory::new();
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let first = memory.turn(one).await;
        let other = memory.turn(two).await;
        assert!(futures_util::FutureExt::now_or_never(memory.turn(one)).is_none(), "the run is taken");
        drop(first);
        drop(memory.turn(one).await);
        drop(other);
        assert!(memory.turns.lock().unwrap().is_empty());
    }
}
