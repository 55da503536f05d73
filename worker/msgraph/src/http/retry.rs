//! Retries within seconds. The caller is responsible for waits of minutes.
//!
//! The waits come from the `backoff` crate. It is no longer maintained (RUSTSEC-2025-0012). It is used on purpose, for
//! its arithmetic alone and in this file alone.

use std::time::{Duration, Instant};

use backoff::backoff::Backoff;
use backoff::exponential::{ExponentialBackoff, ExponentialBackoffBuilder};

use crate::error::Error;

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// The retries of one request. All of them share one budget.
pub(crate) struct Retry {
    budget: Duration,
    waits: ExponentialBackoff<TokioClock>,
    attempt: u32,
}

impl Retry {
    /// Starts the clock.
    pub(crate) fn new(budget: Duration) -> Self {
        let mut waits = ExponentialBackoffBuilder::<TokioClock>::new()
            .with_initial_interval(FIRST_WAIT)
            .with_max_interval(LONGEST_WAIT)
            .with_multiplier(2.0)
            .with_randomization_factor(0.5)
            .with_max_elapsed_time(Some(budget))
            .build();
        waits.reset();
        Self { budget, waits, attempt: 0 }
    }

    /// Counts an attempt and returns its number.
    pub(crate) fn begin_attempt(&mut self) -> u32 {
        self.attempt = self.attempt.saturating_add(1);
        self.attempt
    }

    /// The number the next attempt will have.
    pub(crate) fn next_attempt(&self) -> u32 {
        self.attempt.saturating_add(1)
    }

    /// What is left of the budget.
    pub(crate) fn left(&self) -> Duration {
        self.budget.saturating_sub(self.waits.get_elapsed_time())
    }

    /// How long to wait before the next attempt, or `None` if the client does not retry.
    ///
    /// A wait that Graph asked for is never shortened: if it exceeds the rest of the budget, the error returns at once
    /// with the wait, so that the caller can postpone the work. It can be lengthened: repeated `Retry-After: 0` must
    /// not cause a busy loop.
    pub(crate) fn wait_after(&mut self, error: &Error) -> Option<Duration> {
        if self.budget.is_zero() || !error.may_repeat() {
            return None;
        }
        let own = self.waits.next_backoff()?;
        let Some(asked) = error.retry_after() else { return Some(own) };
        (asked <= self.left()).then_some(asked.max(own))
    }
}

/// Tokio's clock, which a test can pause.
#[derive(Default)]
struct TokioClock;

impl backoff::Clock for TokioClock {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}
