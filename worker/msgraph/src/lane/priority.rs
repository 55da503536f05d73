//! Which calls go first.

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
