//! One limit, as a bucket that fills with requests and drains with time.

use std::time::{Duration, Instant};

/// How far a bucket overflows: the highest share that Graph's header shows.
const OVERFLOW: f64 = 1.8;

#[derive(Debug)]
pub(super) struct Bucket {
    size: f64,
    time: Duration,
    level: f64,
    at: Instant,
}

impl Bucket {
    /// An empty bucket that drains this size in this time.
    pub(super) fn new(size: f64, time: Duration, now: Instant) -> Self {
        Self { size: size.max(1.0), time, level: 0.0, at: now }
    }

    /// Adds a cost; returns how long to wait if it does not fit.
    pub(super) fn fill(&mut self, cost: f64, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let drained = passed / self.time.as_secs_f64() * self.size;
        self.level = (self.level - drained).max(0.0);
        self.at = now;
        // A cost larger than the bucket fits only into an empty one.
        let room = self.size - cost.min(self.size);
        let excess = self.level - room;
        self.level = (self.level + cost).min(self.size * OVERFLOW);
        (excess > 1e-9).then(|| {
            let excess = self.level - room;
            self.time.mul_f64(excess / self.size)
        })
    }

    /// How full it is: 1 is full.
    pub(super) fn fullness(&self) -> f64 {
        self.level / self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_cost_fits_again_after_the_reported_wait() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10.0, 10 * SECOND, start);
        for _ in 0..10 {
            assert_eq!(bucket.fill(1.0, start), None);
        }
        let wait = bucket.fill(1.0, start).unwrap();
        assert_eq!(wait, 2 * SECOND, "one for the refused, one for the next");
        assert!(bucket.fullness() > 1.0);
        assert_eq!(bucket.fill(1.0, start + wait), None);
        assert!(bucket.fill(1.0, start + wait).is_some());
        assert_eq!(bucket.fill(10.0, start + 60 * SECOND), None, "empty again");
    }

    #[test]
    fn repeating_at_once_makes_the_wait_longer_up_to_a_bound() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10.0, 10 * SECOND, start);
        let waits: Vec<_> = (0..40).map(|_| bucket.fill(1.0, start)).collect();
        assert!(waits[12] > waits[11] && waits[11] > waits[10]);
        assert_eq!(waits[39], waits[38]);
        assert!((bucket.fullness() - OVERFLOW).abs() < 1e-9);
        assert_eq!(
            bucket.fill(100.0, start + 60 * SECOND),
            None,
            "too large for any bucket but an empty one"
        );
    }
}
