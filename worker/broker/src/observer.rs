//! What the broker tells the process about itself; the process decides what to count.

use std::time::Duration;

use crate::{Cause, Error};

/// How one publish ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Published {
    /// Stored and confirmed.
    Ack,
    /// Refused by the queue.
    Nack,
    /// No queue for it: given back.
    Returned,
    /// The channel or connection failed: outcome unknown.
    Error,
    /// No confirm in time: outcome unknown.
    Timeout,
}

impl Published {
    /// The stable name, for metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Nack => "nack",
            Self::Returned => "returned",
            Self::Error => "error",
            Self::Timeout => "timeout",
        }
    }
}

/// Hears of everything worth counting. Called from many tasks and from destructors, so it must not block.
pub trait Observer: Send + Sync + 'static {
    /// A delivery arrived from `queue`, before anybody looked into it.
    fn received(&self, _queue: &str, _redelivered: bool) {}
    /// A publish to `exchange` ended; the exchange of a reply is empty.
    fn published(&self, _exchange: &str, _outcome: Published, _elapsed: Duration) {}
    /// A handler of `queue` started (+1) or is done (-1).
    fn in_flight(&self, _queue: &str, _change: i64) {}
    /// A handler of `queue` panicked.
    fn handler_panicked(&self, _queue: &str) {}
    /// A delivery was not due yet and went back to the delay.
    fn redelayed(&self, _queue: &str) {}
    /// A delivery had gone round the delay too often and was set aside.
    fn expired(&self, _queue: &str) {}
    /// Session `number` (from 1) is up.
    fn session_started(&self, _number: u64) {}
    /// A session is over.
    fn session_ended(&self, _cause: Cause) {}
    /// A session could not be opened.
    fn session_failed(&self, _error: &Error) {}
    /// The broker blocks publishers (`true`) or takes messages again.
    fn blocked(&self, _blocked: bool) {}
    /// An acknowledgement could not be written; the message comes again.
    fn ack_failed(&self) {}
}

/// Hears nothing.
impl Observer for () {}
