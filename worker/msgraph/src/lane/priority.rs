//! Which calls go first.

/// Who goes first when calls wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Locking somebody out.
    LockOut,
    /// Everything else that a run does.
    #[default]
    Lifecycle,
    /// Reading the tenant for its own sake.
    Sync,
}

impl Priority {
    /// What the `x-ms-throttle-priority` header says; nothing where Graph's own default is meant.
    pub(crate) fn header(self) -> Option<&'static str> {
        match self {
            Self::LockOut => Some("High"),
            Self::Lifecycle => None,
            Self::Sync => Some("Low"),
        }
    }
}
