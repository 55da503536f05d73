//! How long to wait before opening the next session.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use crate::Error;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// A session that lasted this long shows that the broker works.
const PROVEN: Duration = Duration::from_secs(10);

/// Waits that grow and are random, so that many workers do not reconnect at the same time.
#[derive(Debug, Default)]
pub(crate) struct Reconnect {
    failures: u32,
}

impl Reconnect {
    /// The wait after a session that lasted for `lived`.
    pub(crate) fn after_session(&mut self, lived: Duration) -> Duration {
        if lived >= PROVEN {
            self.failures = 0;
        }
        self.next()
    }

    /// The wait after a session that could not be opened.
    pub(crate) fn after_failure(&mut self, error: &Error) -> Duration {
        if error.is_configuration() || error.is_invalid() { LONGEST } else { self.next() }
    }

    fn next(&mut self) -> Duration {
        let ceiling = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(random_share())
    }
}

/// Between 0 and 1. The standard library seeds its hashers at random, which suffices for a wait.
fn random_share() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or(0);
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_differ() {
        let mut reconnect = Reconnect::default();
        for ceiling in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            assert!(reconnect.next() <= Duration::from_millis(ceiling));
        }
        let waits: std::collections::HashSet<Duration> = (0..50).map(|_| reconnect.next()).collect();
        assert!(waits.len() > 40, "{waits:?}");
    }

    #[test]
    fn only_a_session_that_lived_starts_again_from_the_shortest() {
        let mut reconnect = Reconnect { failures: 9 };
        reconnect.after_session(Duration::from_secs(1));
        assert_eq!(reconnect.failures, 10);
        assert!(reconnect.after_session(PROVEN) <= FIRST);
    }

    #[test]
    fn what_an_administrator_must_fix_is_retried_slowly() {
        let mut reconnect = Reconnect::default();
        assert_eq!(reconnect.after_failure(&Error::configuration("no rights")), LONGEST);
    }
}
