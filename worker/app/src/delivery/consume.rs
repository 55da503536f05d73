//! One delivery from arrival to acknowledgement: receive, decode, work, publish, settle.
//!
//! The order is always results, then the one message that continues the job or sets it aside, then whatever closes the
//! job, then the acknowledgement; each is confirmed before the next. A crash between any two of them repeats work that finds itself
//! done, and results whose ids are the same. This is the only place that settles a delivery.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use broker::{DeadLetter, Delivery, Due, Message, Outgoing, Publisher, Receipt};
use futures_util::FutureExt;
use jiff::Timestamp;
use messages::EVENT_LIMIT_BYTES;
use tokio::time::timeout;
use tracing::Instrument as _;
use uuid::Uuid;

use super::neighbours::Neighbours;
use super::outbox::{self, Onward, Outbox, Sealed, SetAside};
use super::places::Places;
use super::recent::{RecentMessages, Remembered, SubjectLock};
use super::replies::{AllowedReplies, Copies};
use super::work::{Identity, Outlet, PutOff, Refused, Traced, Work};
use crate::operate::metrics::Metrics;
use crate::traces::context::Arrived;
use crate::traces::span::{self, Span};

/// Handles every delivery of one queue.
pub struct Consumer<W: Work> {
    work: W,
    metrics: Arc<Metrics>,
    recent: RecentMessages<W::Partial>,
    /// Names this worker in dead letters.
    worker: String,
    replies: AllowedReplies,
    places: Places,
    neighbours: Arc<Neighbours>,
}

/// How long a message stays away for which there is no place: long enough for others to have one.
const NO_PLACE: PutOff = PutOff { after: Duration::from_secs(5), reason: "no_place" };

/// How long a suspect stays away that cannot be worked on alone.
const SUSPECT: PutOff = PutOff { after: Duration::from_secs(5), reason: "suspect" };

/// How long a message waits for its turn before it is put off. What continues a job often arrives before the handler
/// that stored it has acknowledged what the job came from.
const HANDOVER: Duration = Duration::from_millis(200);

impl<W: Work> broker::Handler for Consumer<W> {
    async fn handle(&self, delivery: Delivery, publisher: &Publisher) {
        let (message, receipt) = delivery.split();
        match self.work.decode(&message) {
            Ok(job) => {
                let span = self.work.span(&job);
                self.carry_out(&job, &message, receipt, publisher).instrument(span).await;
            }
            Err(refused) => {
                let span = Span::of_delivery(W::QUEUE, &Arrived::of(&message, None));
                let refused = async {
                    let sealed = self.refuse(&message, *refused);
                    self.settle(&sealed, receipt, publisher, None).await;
                };
                span.around(refused).await;
            }
        }
    }

    fn still_waits(&self, message: &Message, since: Timestamp) -> Option<Outgoing> {
        outbox::result(&self.work.still_waits(message, since)?)
    }

    fn announce(&self, letter: &DeadLetter, dead: &Outgoing) -> Option<Outgoing> {
        outbox::added_unread(W::QUEUE, letter, dead)
    }
}

impl<W: Work> Consumer<W> {
    /// A consumer that has dealt with nothing yet.
    pub fn new(
        work: W,
        metrics: Arc<Metrics>,
        worker: String,
        replies: AllowedReplies,
        places: Places,
        neighbours: Arc<Neighbours>,
    ) -> Self {
        Self { work, metrics, recent: RecentMessages::new(), worker, replies, places, neighbours }
    }

    /// Works on a job when it has its turn and a place, and puts it off if it has to wait for either: what waits in the
    /// broker keeps nothing else waiting.
    async fn carry_out(&self, job: &W::Job, message: &Message, receipt: Receipt, publisher: &Publisher) {
        let Identity { subject, .. } = self.work.identity(job);
        let turn = match message.redelivered {
            // It may come again while the handler that had it first is still running, and is known to be a repeat only
            // as long as it is not published anew.
            true => self.recent.lock(subject).await,
            false => match self.turn(subject).await {
                Ok(turn) => turn,
                Err(after) => {
                    let put_off = PutOff { after, reason: "turn" };
                    return self.put_off(put_off, message, receipt, publisher).await;
                }
            },
        };
        match self.place(job, message).await {
            Ok(_place) => {
                let span = self.begin(job, message);
                // In a box: what is put off would hold the size of all the work.
                span.around(Box::pin(self.work_on(job, message, receipt, publisher))).await;
            }
            Err(put_off) => {
                drop(turn);
                self.put_off(put_off, message, receipt, publisher).await;
            }
        }
    }

    /// Begins the work on a job, as a trace shows it.
    fn begin(&self, job: &W::Job, message: &Message) -> Arc<Span> {
        let Traced { traceparent, run, tenant, workflow } = self.work.traced(job);
        let span = Span::of_delivery(W::QUEUE, &Arrived::of(message, traceparent));
        if span.is_recorded() {
            span.note("gatehouse.run.id", &run.to_string());
            span.note("gatehouse.tenant", tenant);
            span.note("cloudevents.event_type", self.work.identity(job).event_type);
        }
        if let Some(workflow) = workflow {
            span.note("gatehouse.workflow", workflow);
        }
        span
    }

    /// A place in which the job may be worked on now, for as long as it is held.
    async fn place(&self, job: &W::Job, message: &Message) -> Result<impl Sized, PutOff> {
        let is_urgent = self.work.is_urgent(job);
        let place = self.places.take(is_urgent).await.ok_or(NO_PLACE)?;
        let (alone, others) = if message.is_suspect() {
            (Some(self.neighbours.alone().await.ok_or(SUSPECT)?), None)
        } else {
            (None, self.neighbours.among_others(is_urgent).await)
        };
        // A lock-out does not wait for a suspect.
        if alone.is_none() && others.is_none() && !is_urgent {
            return Err(NO_PLACE);
        }
        self.work.may_begin(job).await?;
        Ok((place, alone, others))
    }

    /// The turn on a subject, or how long to stay away from it.
    async fn turn(&self, subject: Uuid) -> Result<SubjectLock<'_, W::Partial>, Duration> {
        match timeout(HANDOVER, self.recent.lock(subject)).await {
            Ok(turn) => Ok(turn),
            Err(_) => self.recent.try_lock(subject),
        }
    }

    /// Sends a message into the delay as it came. It is no attempt, no replay, and no delivery that counts.
    async fn put_off(
        &self,
        PutOff { after, reason }: PutOff,
        message: &Message,
        receipt: Receipt,
        publisher: &Publisher,
    ) {
        self.metrics.put_off_total.with_label_values(&[W::QUEUE, reason]).inc();
        let outgoing = Outgoing::put_off(W::QUEUE, Due::after(after), message.clone());
        match outbox::insist(&outgoing, publisher).await {
            Ok(()) => self.acknowledge(receipt).await,
            // Dropping the receipt ends the session, if it has not ended yet.
            Err(error) => tracing::debug!(%error, "a message could not be put off; it is delivered again"),
        }
    }

    /// Works on a job, unless this process has done so already.
    async fn work_on(&self, job: &W::Job, message: &Message, receipt: Receipt, publisher: &Publisher) {
        let Identity { message: id, event_type, made_at, .. } = self.work.identity(job);
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
        // A redelivery is not the first work on it.
        if let Some(made_at) = made_at.filter(|_| !message.redelivered) {
            let age = Duration::try_from(Timestamp::now().duration_since(made_at)).unwrap_or_default();
            self.metrics.event_age_seconds.with_label_values(&[event_type]).observe(age.as_secs_f64());
        }
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
                let sealed = Arc::new(self.seal(self.work.panicked(job, message), message));
                self.recent.put(id, Remembered::Unpublished(Arc::clone(&sealed)));
                self.settle(&sealed, receipt, publisher, Some(id)).await;
            }
        }
    }

    fn refuse(&self, message: &Message, Refused { failure, result }: Refused) -> Sealed {
        let code = failure.code.as_str();
        tracing::info!(code, bytes = message.body.len(), "message refused and set aside");
        self.metrics.events_total.with_label_values(&["unknown", code]).inc();
        let beginning_only = message.body.len() > EVENT_LIMIT_BYTES;
        let aside = SetAside::as_it_came(failure, message.replays());
        let onward = Onward::SetAside(SetAside { beginning_only, ..aside });
        self.seal(Outbox::of(result.into_iter().collect(), onward), message)
    }

    fn seal(&self, outbox: Outbox, message: &Message) -> Sealed {
        let span = span::current();
        if let Some(span) = &span {
            span.note("gatehouse.next", outbox.onward.as_str());
        }
        if let Onward::SetAside(aside) = &outbox.onward {
            if let Some(span) = &span {
                span.fail(&aside.failure.code);
            }
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
        match id {
            Some(id) if sealed.comes_again() => self.recent.forget(id),
            Some(id) => self.recent.put(id, Remembered::Published),
            None => {}
        }
        self.acknowledge(receipt).await;
    }

    async fn acknowledge(&self, receipt: Receipt) {
        match receipt.ack().await {
            Ok(()) => {
                let now = Timestamp::now().as_duration().as_secs_f64();
                self.metrics.last_settled_timestamp_seconds.with_label_values(&[W::QUEUE]).set(now);
            }
            Err(error) => {
                tracing::debug!(%error, "not acknowledged; the message comes again and is known by then");
            }
        }
    }
}
