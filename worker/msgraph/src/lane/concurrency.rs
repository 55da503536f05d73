//! How many calls a lane may have in progress: one more for every successful round, half when Graph throttles.

use std::time::Duration;

use tokio::time::Instant;

const FIRST: f64 = 64.0;
const MOST: f64 = 256.0;
const LEAST: f64 = 1.0;

/// Throttled answers this close together belong to the same burst and count once.
const SAME_BURST: Duration = Duration::from_secs(1);

/// The number of calls that may be in progress.
#[derive(Debug)]
pub(super) struct Concurrency {
    calls: f64,
    slowed_at: Option<Instant>,
}

impl Default for Concurrency {
    fn default() -> Self {
        Self { calls: FIRST, slowed_at: None }
    }
}

impl Concurrency {
    pub(super) fn calls(&self) -> usize {
        self.calls as usize
    }

    pub(super) fn went_well(&mut self) {
        self.calls = (self.calls + 1.0 / self.calls).min(MOST);
    }

    pub(super) fn refused(&mut self, now: Instant) {
        if self.slowed_at.is_none_or(|at| now - at >= SAME_BURST) {
            self.calls = (self.calls / 2.0).max(LEAST);
            self.slowed_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_slows_by_half_for_a_burst_and_grows_by_one_for_a_round() {
        let now = Instant::now();
        let mut concurrency = Concurrency::default();
        (0..20).for_each(|_| concurrency.refused(now));
        assert_eq!(concurrency.calls(), 32);
        (0..33).for_each(|_| concurrency.went_well());
        assert_eq!(concurrency.calls(), 33);
        for second in 1..10 {
            concurrency.refused(now + Duration::from_secs(second));
        }
        assert_eq!(concurrency.calls(), 1, "never none");
    }
}
