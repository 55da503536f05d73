//! Places: how many jobs a consumer carries out at once, and which of them it keeps for urgent ones.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// How long a job that is not urgent waits for a place. Then it makes room for whatever is behind it in the queue, which
/// may be urgent.
const PATIENCE: Duration = Duration::from_secs(1);

/// The places of a consumer.
pub struct Places {
    open: Semaphore,
    kept: Semaphore,
}

impl Places {
    /// So many places for every job, and so many more that only urgent jobs may take.
    pub fn new(open: u16, kept: u16) -> Self {
        Self { open: Semaphore::new(open.into()), kept: Semaphore::new(kept.into()) }
    }

    /// A place for a job, for as long as the permit is held; nothing if there will be none soon.
    pub async fn take(&self, is_urgent: bool) -> Option<SemaphorePermit<'_>> {
        if !is_urgent {
            return timeout(PATIENCE, self.open.acquire()).await.ok()?.ok();
        }
        if let Ok(place) = self.open.try_acquire() {
            return Some(place);
        }
        tokio::select! {
            place = self.kept.acquire() => place.ok(),
            place = self.open.acquire() => place.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_urgent_job_has_a_place_when_all_others_are_taken() {
        let places = Places::new(2, 1);
        let taken = [places.take(false).await.unwrap(), places.take(true).await.unwrap()];
        assert!(places.take(false).await.is_none(), "it makes room");
        let urgent = places.take(true).await.unwrap();
        let next = tokio::join!(places.take(true), async { drop(taken) }).0;
        assert!(next.is_some(), "an urgent one waits, and takes whichever place is free first");
        drop(urgent);
        assert!(places.take(false).await.is_some());
    }
}
