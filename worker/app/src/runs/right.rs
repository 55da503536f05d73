//! What an attempt asks before it writes.

use std::sync::Arc;

use msgraph::Fence;
use outcome::Progress;
use workflow::step::BoxFuture;

/// The right to act for the person of a run.
pub trait Right: Sync {
    /// Whether the right that was taken is that of a lock-out while the ledger could not be read.
    fn is_unread(&self) -> bool {
        false
    }

    /// Takes the right, with the fence that each write asks; nothing if the run may not act now.
    fn take<'a>(&'a self, progress: &'a Progress) -> BoxFuture<'a, Option<Arc<dyn Fence>>>;

    /// Announces that the run is to act on its date, so that newer word can replace it until then. Whether it may.
    fn announce<'a>(&'a self, progress: &'a Progress) -> BoxFuture<'a, bool>;
}
