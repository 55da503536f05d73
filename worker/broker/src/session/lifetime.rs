//! The lifetime of one session: it ends once, for one cause, and every part of the session is notified.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use tokio_util::sync::CancellationToken;

use crate::Error;

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A connection broke, was closed by the broker, or fell silent.
    ConnectionLost,
    /// The broker ended the consumer: its queue was deleted, or the broker cancelled it.
    ConsumerLost,
    /// An acknowledgement could not be written.
    AckFailed,
    /// A publish failed; its outcome is unknown.
    PublishFailed,
    /// A publish was not confirmed in time; its outcome is unknown.
    PublishTimedOut,
    /// A handler dropped a delivery without settling it.
    ReceiptDropped,
    /// A handler panicked while it held a delivery.
    HandlerPanicked,
    /// The program asked it to stop.
    Shutdown,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 8] = [
        Self::ConnectionLost,
        Self::ConsumerLost,
        Self::AckFailed,
        Self::PublishFailed,
        Self::PublishTimedOut,
        Self::ReceiptDropped,
        Self::HandlerPanicked,
        Self::Shutdown,
    ];

    /// The stable name, for metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConnectionLost => "connection_lost",
            Self::ConsumerLost => "consumer_lost",
            Self::AckFailed => "ack_failed",
            Self::PublishFailed => "publish_failed",
            Self::PublishTimedOut => "publish_timed_out",
            Self::ReceiptDropped => "receipt_dropped",
            Self::HandlerPanicked => "handler_panicked",
            Self::Shutdown => "shutdown",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Shared by every part of one session.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionLifetime(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    over: CancellationToken,
    end: OnceLock<(Cause, String)>,
}

impl SessionLifetime {
    /// Ends the session; only the first cause counts.
    pub(crate) fn end(&self, cause: Cause, detail: impl fmt::Display) {
        let _ = self.0.end.set((cause, detail.to_string()));
        self.0.over.cancel();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.over.is_cancelled()
    }

    /// Completes when the session has ended.
    pub(crate) async fn over(&self) {
        self.0.over.cancelled().await;
    }

    pub(crate) fn cause(&self) -> Cause {
        self.0.end.get().map_or(Cause::Shutdown, |(cause, _)| *cause)
    }

    pub(crate) fn detail(&self) -> &str {
        self.0.end.get().map_or("", |(_, detail)| detail)
    }

    /// The error for work that still runs in the ended session.
    pub(crate) fn lost(&self) -> Error {
        Error::session_lost(self.cause())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cause_is_kept() {
        let lifetime = SessionLifetime::default();
        assert!(!lifetime.is_over());
        lifetime.end(Cause::AckFailed, "first");
        lifetime.end(Cause::Shutdown, "second");
        assert!(lifetime.is_over() && lifetime.lost().is_session_lost());
        assert_eq!((lifetime.cause(), lifetime.detail()), (Cause::AckFailed, "first"));
    }
}
