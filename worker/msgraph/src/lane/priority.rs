//! Which calls go first.

use std::time::Duration;

/// How often a lock-out asks whether a parked lane is still throttled. `Retry-After` may be an hour, and Graph throttles
/// requests of high priority last (Microsoft Graph documentation, "Throttling", 2025).
pub(crate) const PROBE_EVERY: Duration = Duration::from_secs(60);

/// The order of waiting calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Locks a person out.
    LockOut,
    /// Every other call of a run.
    #[default]
    Lifecycle,
    /// Reads the tenant for a sync.
    Sync,
}

impl Priority {
    /// The value of the `x-ms-throttle-priority` header; `None` for Graph's default.
    pub(crate) fn header(self) -> Option<&'static str> {
        match self {
            Self::LockOut => Some("High"),
            Self::Lifecycle => None,
            Self::Sync => Some("Low"),
        }
    }
}
