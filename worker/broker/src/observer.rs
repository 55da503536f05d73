//! Reports what happens at the broker; the program decides what to count.

use std::time::Duration;

use crate::{Cause, Error};

/// How one publish ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Published {
    /// The broker stored and confirmed it.
    Ack,
    /// A queue refused it.
    Nack,
    /// No queue is bound for it: the broker returned it.
    Returned,
    /// The channel or connection failed; the outcome is unknown.
    Error,
    /// No confirm came in time; the outcome is unknown.
    Timeout,
}

impl Published {
    /// Every way to end.
    pub const ALL: [Self; 5] = [Self::Ack, Self::Nack, Self::Returned, Self::Error, Self::Timeout];

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

/// Receives everything worth counting. Called from many tasks and from destructors, so it must not block.
pub trait Observer: Send + Sync + 'static {
    /// A delivery arrived from `queue` and has not been looked at.
    fn received(&self, _queue: &str, _redelivered: bool) {}
    /// A publish to `exchange` began to wait for its confirm (+1), or waits no more (-1).
    fn publishing(&self, _exchange: &str, _change: i64) {}
    /// A publish to `exchange` ended; for a reply the name is empty.
    fn published(&self, _exchange: &str, _outcome: Published, _elapsed: Duration) {}
    /// A handler of `queue` started (+1) or ended (-1).
    fn in_flight(&self, _queue: &str, _change: i64) {}
    /// A handler of `queue` panicked.
    fn handler_panicked(&self, _queue: &str) {}
    /// A delivery was not due yet and went back to the delay.
    fn redelayed(&self, _queue: &str) {}
    /// A delivery was set aside without reaching its handler.
    fn set_aside(&self, _queue: &str, _class: &str) {}
    /// Session `number` (from 1) opened.
    fn session_started(&self, _number: u64) {}
    /// A session ended.
    fn session_ended(&self, _cause: Cause) {}
    /// A session could not be opened.
    fn session_failed(&self, _error: &Error) {}
    /// The broker blocks publishers (`true`) or accepts messages again.
    fn blocked(&self, _blocked: bool) {}
    /// Results are not confirmed in time and go to the queue of late results (`true`), or are again.
    fn results_late(&self, _late: bool) {}
    /// An acknowledgement could not be written; the broker delivers the message again.
    fn ack_failed(&self) {}
}

/// Ignores everything.
impl Observer for () {}
