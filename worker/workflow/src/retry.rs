//! When a run retries after a temporary failure.

use std::time::Duration;

/// Minutes to hours, through the broker's delay; seconds are the Graph client's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts at one stage before the run is given up, at least 1.
    pub max_attempts: u32,
    /// Delay after the first attempt; doubles with each further one.
    pub first_delay: Duration,
    /// No delay of the curve is longer than this; a delay the other side asks for may be.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    /// Twelve attempts over about three and a half hours.
    fn default() -> Self {
        Self { max_attempts: 12, first_delay: Duration::from_secs(5), max_delay: Duration::from_secs(3600) }
    }
}

impl RetryPolicy {
    /// How long to wait after attempt number `attempt` (from 1), or `None` when it was the last.
    ///
    /// `spread` in `0.0..=1.0` moves the curve by ±20 %, so that runs that failed together do not come back
    /// together. What the other side asked for is a floor, never shortened.
    pub fn delay_after(&self, attempt: u32, asked: Option<Duration>, spread: f64) -> Option<Duration> {
        if attempt >= self.max_attempts {
            return None;
        }
        let doublings = attempt.saturating_sub(1).min(30);
        let curve = self.first_delay.saturating_mul(1 << doublings).min(self.max_delay);
        let curve = curve.mul_f64(0.8 + 0.4 * spread.clamp(0.0, 1.0));
        Some(curve.max(asked.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 5,
        first_delay: Duration::from_secs(10),
        max_delay: Duration::from_secs(60),
    };

    #[test]
    fn the_curve_doubles_up_to_its_cap_and_ends() {
        let delays: Vec<_> = (1..=5)
            .map(|attempt| POLICY.delay_after(attempt, None, 0.5).map(|delay| delay.as_secs()))
            .collect();
        assert_eq!(delays, [Some(10), Some(20), Some(40), Some(60), None]);
    }

    #[test]
    fn what_the_other_side_asked_for_is_a_floor() {
        let asked = Some(Duration::from_secs(300));
        assert_eq!(POLICY.delay_after(1, asked, 1.0), asked);
        assert_eq!(POLICY.delay_after(4, Some(Duration::from_secs(1)), 0.0), Some(Duration::from_secs(48)));
    }

    #[test]
    fn absurd_attempts_and_spreads_do_not_overflow() {
        let endless = RetryPolicy { max_attempts: u32::MAX, ..POLICY };
        assert_eq!(endless.delay_after(4_000_000_000, None, f64::INFINITY), Some(Duration::from_secs(72)));
    }
}
