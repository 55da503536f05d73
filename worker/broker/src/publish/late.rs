//! Results whose confirm is slow to come.
//!
//! A publish to the exchange of results is confirmed when every queue that takes it has stored it, and one of them is the
//! history. A stream has no majority that goes on without a leader that hangs: such a history would hold up every run.
//! So a result that is not confirmed in time goes to a queue of late results too. That queue has a majority of its own
//! and keeps nothing: the broker hands each message on to the exchange of results, and forgets it when all queues there
//! have it.
//!
//! **Guarantees.** A result is reported as stored when either way has stored it, so none is lost, wherever the worker
//! dies. It may arrive twice, under one id, as after a crash. Channels for late results are apart from the others, which
//! may all wait for the history.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::Semaphore;

use crate::{Error, Observer};

/// How long a confirm may take before a result counts as late. A broker that works but is busy confirms within a second.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same while the last one was late: what is confirmed sooner shows that it is over.
const PATIENCE_LATE: Duration = Duration::from_millis(250);
/// How many late results are on their way at once.
const CHANNELS: usize = 16;

/// Whether results are late, and the channels for those that are.
pub(super) struct Late {
    is_late: AtomicBool,
    slots: Semaphore,
    observer: Arc<dyn Observer>,
}

impl Late {
    pub(super) fn new(observer: Arc<dyn Observer>) -> Self {
        Self { is_late: AtomicBool::new(false), slots: Semaphore::new(CHANNELS), observer }
    }

    pub(super) fn slots(&self) -> &Semaphore {
        &self.slots
    }

    /// How long to wait for a confirm before the result goes the other way as well.
    pub(super) fn patience(&self) -> Duration {
        if self.is_late.load(Ordering::Relaxed) { PATIENCE_LATE } else { PATIENCE }
    }

    /// Awaits `direct`, and once `waited` has completed also what `late` makes: the first of them that has stored the
    /// result counts. If the other way is refused, only the direct one is left.
    pub(super) async fn either<L>(
        &self,
        direct: impl Future<Output = Result<bool, Error>>,
        waited: impl Future<Output = ()>,
        late: impl FnOnce() -> L,
    ) -> Result<bool, Error>
    where
        L: Future<Output = Result<bool, Error>>,
    {
        let (direct, waited) = (pin!(direct), pin!(waited));
        let direct = match select(direct, waited).await {
            Either::Left((done, _)) => {
                if matches!(done, Ok(true)) {
                    self.is_late(false);
                }
                return done;
            }
            Either::Right(((), direct)) => direct,
        };
        match select(direct, pin!(late())).await {
            Either::Left((done, _)) => done,
            Either::Right((Ok(true), _)) => {
                self.is_late(true);
                Ok(true)
            }
            Either::Right((_, direct)) => direct.await,
        }
    }

    /// Says when results begin to be late and when they are so no more.
    fn is_late(&self, is_late: bool) {
        if self.is_late.swap(is_late, Ordering::Relaxed) != is_late {
            self.observer.results_late(is_late);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};

    use super::*;

    async fn after(passed: Duration) {
        let _ = tokio::time::timeout(passed, pending::<()>()).await;
    }

    fn full() -> Result<bool, Error> {
        Ok(false)
    }

    #[tokio::test(start_paused = true)]
    async fn a_confirm_in_time_needs_no_other_way() {
        let late = Late::new(Arc::new(()));
        let went = Cell::new(false);
        let other = || {
            went.set(true);
            ready(Ok(true))
        };
        let waited = after(late.patience());
        assert!(late.either(ready(Ok(true)), waited, other).await.unwrap());
        assert!(!went.get() && late.patience() == PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_way_that_stores_it_counts_and_patience_is_short_until_the_direct_one_is_in_time() {
        let late = Late::new(Arc::new(()));
        let begun = tokio::time::Instant::now();
        for patience in [PATIENCE, PATIENCE_LATE, PATIENCE_LATE] {
            assert_eq!(late.patience(), patience);
            let waited = after(late.patience());
            assert!(late.either(pending(), waited, || ready(Ok(true))).await.unwrap());
        }
        assert_eq!(begun.elapsed(), PATIENCE + 2 * PATIENCE_LATE);
        // Confirmed, but later than that: no sign that it is over.
        let direct = async {
            after(2 * PATIENCE_LATE).await;
            Ok(true)
        };
        let waited = after(late.patience());
        assert!(late.either(direct, waited, pending).await.unwrap());
        assert_eq!(late.patience(), PATIENCE_LATE);
        let waited = after(late.patience());
        assert!(late.either(ready(Ok(true)), waited, pending).await.unwrap());
        assert_eq!(late.patience(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn where_the_other_way_is_refused_the_answer_is_the_direct_ones() {
        let late = Late::new(Arc::new(()));
        for (answer, stored) in [(Ok(true), true), (full(), false)] {
            let direct = async {
                after(2 * PATIENCE).await;
                answer
            };
            let waited = after(late.patience());
            assert_eq!(late.either(direct, waited, || ready(full())).await.unwrap(), stored);
            assert_eq!(late.patience(), PATIENCE);
        }
    }
}
