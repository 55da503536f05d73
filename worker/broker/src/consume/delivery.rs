//! A message together with the duty to settle it.

use std::{fmt, sync::Arc};

use lapin::options::BasicAckOptions;

use crate::{Cause, Error, Message, Observer, session::lifetime::SessionLifetime};

/// A message that waits to be settled.
#[derive(Debug)]
pub struct Delivery {
    message: Message,
    receipt: Receipt,
}

impl Delivery {
    pub(crate) fn new(message: Message, receipt: Receipt) -> Self {
        Self { message, receipt }
    }

    /// What arrived, and the duty to settle it.
    pub fn split(self) -> (Message, Receipt) {
        (self.message, self.receipt)
    }
}

/// The duty to settle one delivery. There is one way to fulfil it, [`Receipt::ack`], and it can be used
/// once. There is no reject and no return: a message that cannot be handled is published elsewhere
/// first. A receipt that is dropped ends its session, so the broker delivers the message again.
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

    /// Tells the broker that the message is dealt with. Call it after everything that follows from the
    /// message is confirmed.
    ///
    /// **Guarantees**: `Ok` means that the acknowledgement was written to the connection. AMQP has no
    /// answer to it, so a repeated delivery remains possible.
    ///
    /// # Errors
    /// When the session is over; the message comes again.
    pub async fn ack(mut self) -> Result<(), Error> {
        let Some(acker) = self.acker.take() else { return Err(self.lifetime.lost()) };
        if self.lifetime.is_over() {
            return self.failed("the session is over");
        }
        let written = tokio::select! {
            biased;
            written = acker.ack(BasicAckOptions::default()) => written,
            () = self.lifetime.over() => return self.failed("the session is over"),
        };
        match written {
            Ok(true) => Ok(()),
            // lapin says so of an acknowledgement for a channel that is gone; it is not an error there.
            Ok(false) => self.failed("the channel of the delivery is gone"),
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
            self.lifetime.end(Cause::ReceiptDropped, "a delivery was let go without being settled");
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}
