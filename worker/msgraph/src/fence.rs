//! The fence: the last question before a write is sent.
//!
//! A call can wait in its lane, and between two attempts, longer than its caller may act. So the fence is asked
//! immediately before each request: after the wait for a lane, before each retry, for each part of a batch. A read is
//! harmless and is not asked about.

use std::future::Future;
use std::pin::Pin;

/// Says whether writes may still be sent.
pub trait Fence: Send + Sync {
    /// Whether a write may be sent now.
    fn may_send(&self) -> Pin<Box<dyn Future<Output = bool> + Send + '_>>;
}
