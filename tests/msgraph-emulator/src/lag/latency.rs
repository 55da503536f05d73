//! Latency added to every round trip.

use std::time::Duration;

use crate::random::Numbers;

/// A time that every round trip takes, give or take a jitter.
///
/// Requests that arrive together wait together, and so do the parts of a batch.
#[derive(Debug)]
pub(crate) struct Latency {
    middle: Duration,
    jitter: Duration,
    dice: Numbers,
}

impl Latency {
    pub(crate) fn new(middle: Duration, jitter: Duration) -> Self {
        Self { middle, jitter, dice: Numbers::new(2) }
    }

    /// The time of the next round trip: evenly spread over the jitter to both sides.
    pub(crate) fn next(&mut self) -> Duration {
        let spread = self.jitter.mul_f64(2.0 * self.dice.fraction());
        (self.middle + spread).saturating_sub(self.jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_spread_over_the_jitter_and_no_further() {
        let (middle, jitter) = (Duration::from_millis(50), Duration::from_millis(10));
        let mut latency = Latency::new(middle, jitter);
        let times: Vec<Duration> = (0..200).map(|_| latency.next()).collect();
        let (shortest, longest) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        assert!(*shortest >= middle - jitter && *shortest < middle - jitter / 2, "{shortest:?}");
        assert!(*longest <= middle + jitter && *longest > middle + jitter / 2, "{longest:?}");
        assert_eq!(Latency::new(Duration::ZERO, Duration::ZERO).next(), Duration::ZERO);
    }
}
