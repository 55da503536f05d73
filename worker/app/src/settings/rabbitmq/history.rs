//! The settings of the history, and of what runs took away.

use std::time::Duration;

use broker::Retention;
use serde::{Deserialize, Serialize};

use crate::settings::error::ConfigError;

/// A run that sleeps comes by a worker every 30 days, which is when it can say again that it sleeps.
const LEAST_DAYS: u32 = 40;
const SPEAKS_AFTER_DAYS: u32 = 90;
const DAY: Duration = Duration::from_secs(86_400);
const MOST_DAYS: u32 = 36_500;
/// Ten segments of each stream.
const LEAST_BYTES: u64 = 1_000_000_000;
const LEAST_SNAPSHOT_BYTES: u64 = 500_000_000;

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    max_age_days: u32,
    max_bytes: u64,
}

impl History {
    /// Checks the numbers.
    pub(in crate::settings) fn check(&self) -> Result<(), ConfigError> {
        if !(LEAST_DAYS..=MOST_DAYS).contains(&self.max_age_days) {
            return Err(ConfigError::Invalid(format!(
                "history.max_age_days must be at least {LEAST_DAYS} and at most {MOST_DAYS}"
            )));
        }
        if self.max_bytes < LEAST_BYTES || i64::try_from(self.max_bytes).is_err() {
            return Err(ConfigError::Invalid(format!("history.max_bytes must be at least {LEAST_BYTES}")));
        }
        Ok(())
    }

    /// After how long a run that sleeps says so again: after 90 days, or a quarter of the time for which results are kept.
    pub fn speaks_after(&self) -> Duration {
        DAY * SPEAKS_AFTER_DAYS.min(self.max_age_days / 4)
    }

    /// How much is kept.
    pub(in crate::settings) fn retention(&self) -> Retention {
        Retention { days: self.max_age_days, bytes: self.max_bytes }
    }
}

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshots {
    max_age_days: u32,
    max_bytes: u64,
}

impl Snapshots {
    /// Checks the numbers.
    pub(in crate::settings) fn check(&self) -> Result<(), ConfigError> {
        if !(1..=MOST_DAYS).contains(&self.max_age_days) {
            return Err(ConfigError::Invalid(format!(
                "snapshots.max_age_days must be at least 1 and at most {MOST_DAYS}"
            )));
        }
        if self.max_bytes < LEAST_SNAPSHOT_BYTES || i64::try_from(self.max_bytes).is_err() {
            return Err(ConfigError::Invalid(format!(
                "snapshots.max_bytes must be at least {LEAST_SNAPSHOT_BYTES}"
            )));
        }
        Ok(())
    }

    /// How much is kept.
    pub(in crate::settings) fn retention(&self) -> Retention {
        Retention { days: self.max_age_days, bytes: self.max_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_too_short_or_without_end_is_refused() {
        let history = |max_age_days, max_bytes| History { max_age_days, max_bytes }.check().is_ok();
        assert!(history(LEAST_DAYS, LEAST_BYTES) && history(MOST_DAYS, i64::MAX as u64));
        assert!(!history(LEAST_DAYS - 1, LEAST_BYTES) && !history(MOST_DAYS + 1, LEAST_BYTES));
        assert!(!history(LEAST_DAYS, LEAST_BYTES - 1) && !history(LEAST_DAYS, u64::MAX));
        let snapshots = |max_age_days, max_bytes| Snapshots { max_age_days, max_bytes }.check().is_ok();
        assert!(snapshots(1, LEAST_SNAPSHOT_BYTES) && snapshots(MOST_DAYS, i64::MAX as u64));
        assert!(!snapshots(0, LEAST_SNAPSHOT_BYTES) && !snapshots(MOST_DAYS + 1, LEAST_SNAPSHOT_BYTES));
        assert!(!snapshots(1, LEAST_SNAPSHOT_BYTES - 1) && !snapshots(1, u64::MAX));
    }
}
