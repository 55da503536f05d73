//! One delivery from arrival to acknowledgement: receive, decode, work, publish, settle.
//!
//! The order is always results, then the one message that continues the job or sets it aside, then the
//! acknowledgement; each is confirmed before the next. A crash between any two of them repeats work that finds itself
//! done, and results whose ids are the same. This is the only place that settles a delivery.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use broker::{Delivery, Message, Publisher, Receipt};
use futures_util::FutureExt;
use tracing::Instrument as _;
use uuid::Uuid;

use super::outbox::{Onward, Outbox, Sealed, SetAside};
use super::recent::{RecentMessages, Remembered};
use super::replies::{AllowedReplies, Copies};
use super::work::{Identity, Outlet, Refused, Work};
use crate::operate::metrics::Metrics;

/// Handles every delivery of one queue.
pub struct Consumer<W: Work> {
    work: W,
    metrics: Arc<Metrics>,
    recent: RecentMessages<W::Partial>,
    /// Names this worker in dead letters.
    worker: String,
    replies: AllowedReplies,
}

impl<W: Work> broker::Handler for Consumer<W> {
    async fn handle(&self, delivery: Delivery, publisher: &Publisher) {
        let (message, receipt) = delivery.split();
        match self.work.decode(&message) {
            Ok(job) => {
                let span = self.work.span(&job);
                self.carry_out(&job, &message, receipt, publisher).instrument(span).await;
            }
            Err(refused) => {
                let sealed = self.refuse(&message, *refused);
                self.settle(&sealed, receipt, publisher, None).await;
            }
        }
    }
}

impl<W: Work> Consumer<W> {
    /// A consumer that has dealt with nothing yet.
    pub fn new(work: W, metrics: Arc<Metrics>, worker: String, replies: AllowedReplies) -> Self {
        Self { work, metrics, recent: RecentMessages::new(), worker, replies }
    }

    /// Works on a job, unless this process has done so already.
    async fn carry_out(&self, job: &W::Job, message: &Message, receipt: Receipt, publisher: &Publisher) {
        let Identity { subject, message: id, event_type } = self.work.identity(job);
        let _lock = self.recent.lock(subject).await;
        let partial = match self.recent.get(id) {
            Some(Remembered::Published) if message.redelivered => {
                self.metrics.events_total.with_label_values(&[event_type, "duplicate"]).inc();
                self.acknowledge(receipt).await;
                return;
            }
            Some(Remembered::Unpublished(sealed)) => {
                self.settle(&sealed, receipt, publisher, Some(id)).await;
                return;
            }
            Some(Remembered::Interrupted(partial)) => Some(partial),
            Some(Remembered::Published) | None => None,
        };
        self.metrics.events_total.with_label_values(&[event_type, "accepted"]).inc();
        tracing::debug!(event.r#type = event_type, "event accepted");
        let copies = self.replies.copies(message);
        if copies == Copies::Refused {
            tracing::warn!(
                "the queue named in reply_to is not allowed by worker.reply_to: results are not copied there"
            );
        }
        let outlet = Outlet::new(publisher, message, &copies);
        match AssertUnwindSafe(self.work.work(job, partial, &outlet)).catch_unwind().await {
            Ok(Ok(outbox)) => {
                let sealed = Arc::new(self.seal(outbox, message));
                self.recent.put(id, Remembered::Unpublished(Arc::clone(&sealed)));
                self.settle(&sealed, receipt, publisher, Some(id)).await;
            }
            // The receipt goes unsettled and the message comes again, here with what is remembered.
            Ok(Err(partial)) => self.recent.put(id, Remembered::Interrupted(partial)),
            Err(_) => {
                self.metrics.panics_total.inc();
                tracing::error!(code = "internal", "the work panicked; its message is set aside");
                let sealed = self.seal(self.work.panicked(job, message), message);
                self.settle(&sealed, receipt, publisher, Some(id)).await;
            }
        }
    }

    fn refuse(&self, message: &Message, Refused { failure, result }: Refused) -> Sealed {
        let code = failure.code.as_str();
        tracing::info!(code, bytes = message.body.len(), "message refused and set aside");
        self.metrics.events_total.with_label_values(&["unknown", code]).inc();
        let onward = Onward::SetAside(SetAside::as_it_came(failure, message.replays()));
        self.seal(Outbox { results: result.into_iter().collect(), onward }, message)
    }

    fn seal(&self, outbox: Outbox, message: &Message) -> Sealed {
        if let Onward::SetAside(aside) = &outbox.onward {
            self.metrics.dead_letters_total.with_label_values(&[&aside.failure.code]).inc();
        }
        outbox.seal(W::QUEUE, message, &self.replies.copies(message), &self.worker)
    }

    /// Publishes what follows, and only then acknowledges.
    async fn settle(&self, sealed: &Sealed, receipt: Receipt, publisher: &Publisher, id: Option<Uuid>) {
        if let Err(error) = sealed.publish(publisher).await {
            if !error.is_session_lost() {
                tracing::error!(%error, "a message could not be published; its cause is delivered again");
            }
            // Dropping the receipt ends the session, if it has not ended yet.
            return;
        }
        if let Some(id) = id {
            self.recent.put(id, Remembered::Published);
        }
        self.acknowledge(receipt).await;
    }

    async fn acknowledge(&self, receipt: Receipt) {
        if let Err(error) = receipt.ack().await {
            tracing::debug!(%error, "not acknowledged; the message comes again and is known by then");
        }
    }
}
