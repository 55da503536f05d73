//! A message, and the receipt that settles it.

use std::{fmt, sync::Arc};

use lapin::options::BasicAckOptions;

use crate::{Cause, Error, Message, Observer, session::lifetime::SessionLifetime};

/// A message that is not settled yet.
#[derive(Debug)]
pub struct Delivery {
    message: Message,
    receipt: Receipt,
}

impl Delivery {
    pub(crate) fn new(message: Message, receipt: Receipt) -> Self {
        Self { message, receipt }
    }

    /// The message, and the receipt that settles it.
    pub fn split(self) -> (Message, Receipt) {
        (self.message, self.receipt)
    }
}

/// Settles one delivery, by [`Receipt::ack`], once. There is no reject and no return: a message that cannot
/// be handled is published elsewhere first. Dropping a receipt ends its session, so the broker delivers the
/// message again.
#[must_use = "a receipt that is dropped ends the session"]
pub struct Receipt {
    acker: Option<lapin::Acker>,
    lifetime: SessionLifetime,
    observer: Arc<dyn Observer>,
}

impl Receipt {
    pub(crate) fn new(acker: lapin::Acker, lifetime: SessionLifetime, observer: Arc<dyn Observer>) -> Self {
        Self { acker: Some(acker), lifetime, observer }
    }

    /// Acknowledges the message. Call it after every message that follows from it is confirmed.
    ///
    /// **Guarantees**: `Ok` means that the acknowledgement was written to the connection. AMQP does not
    /// answer it, so a repeated delivery remains possible.
    ///
    /// # Errors
    /// When the session has ended; the broker delivers the message again.
    pub async fn ack(mut self) -> Result<(), Error> {
        let Some(acker) = self.acker.take() else { return Err(self.lifetime.lost()) };
        if self.lifetime.is_over() {
            return self.failed("the session has ended");
        }
        let written = tokio::select! {
            biased;
            written = acker.ack(BasicAckOptions::default()) => written,
            () = self.lifetime.over() => return self.failed("the session has ended"),
        };
        match written {
            Ok(true) => Ok(()),
            // For a closed channel lapin returns `false` instead of an error.
            Ok(false) => self.failed("the channel of the delivery is closed"),
            Err(error) => self.failed(&error.to_string()),
        }
    }

    fn failed(&self, detail: &str) -> Result<(), Error> {
        self.observer.ack_failed();
        self.lifetime.end(Cause::AckFailed, detail);
        Err(self.lifetime.lost())
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if self.acker.take().is_none() {
            return;
        }
        if std::thread::panicking() {
            self.lifetime.end(Cause::HandlerPanicked, "a handler panicked with an unsettled delivery");
        } else {
            self.lifetime.end(Cause::ReceiptDropped, "a delivery was dropped without being settled");
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}
