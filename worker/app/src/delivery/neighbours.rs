//! Neighbours: the messages of all queues that one process works on at once. When it dies, all of them come back, and
//! nobody knows which of them it was. So a suspect is worked on alone.

use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// How long a message waits while a suspect is worked on. Then it makes room, and comes again.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long an urgent message waits. It is then worked on beside the suspect.
const LITTLE_PATIENCE: Duration = Duration::from_millis(100);
/// How long a suspect waits until its neighbours are done.
const LAST_ONES: Duration = Duration::from_secs(60);

/// Who may be worked on now.
pub struct Neighbours {
    all: RwLock<()>,
    /// A second suspect does not wait in hand: it would be blamed for what the first one does.
    suspects: Semaphore,
}

impl Neighbours {
    /// Nothing is worked on.
    pub fn new() -> Self {
        Self { all: RwLock::new(()), suspects: Semaphore::new(1) }
    }

    /// Waits until a suspect can be worked on alone; nothing if it has to come again.
    pub async fn alone(&self) -> Option<(RwLockWriteGuard<'_, ()>, SemaphorePermit<'_>)> {
        let only = self.suspects.try_acquire().ok()?;
        let alone = timeout(LAST_ONES, self.all.write()).await.ok()?;
        Some((alone, only))
    }

    /// Waits until no suspect is worked on; nothing if it takes too long.
    pub async fn among_others(&self, is_urgent: bool) -> Option<RwLockReadGuard<'_, ()>> {
        let patience = if is_urgent { LITTLE_PATIENCE } else { PATIENCE };
        timeout(patience, self.all.read()).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_suspect_is_alone() {
        let neighbours = Neighbours::new();
        let other = neighbours.among_others(false).await.unwrap();
        let (alone, second, third) = tokio::join!(neighbours.alone(), neighbours.alone(), async {
            let third = neighbours.among_others(false).await;
            drop(other);
            third.is_some()
        });
        assert!(second.is_none() && !third, "one suspect waits, and nothing else begins meanwhile");
        assert!(alone.is_some() && neighbours.among_others(true).await.is_none());
        drop(alone);
        assert!(neighbours.alone().await.is_some());
        let _other = neighbours.among_others(true).await.unwrap();
        assert!(neighbours.alone().await.is_none(), "not for ever");
    }
}
