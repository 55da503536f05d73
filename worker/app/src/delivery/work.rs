//! What a consumer asks of the work on one queue.

use std::future::Future;
use std::time::Duration;

use broker::{Message, Outgoing, Properties, Publisher};
use jiff::Timestamp;
use messages::ResultEvent;
use outcome::Failure;
use uuid::Uuid;

use super::outbox::{self, Announcement, Outbox};
use super::replies::Copies;

/// The work on the messages of one queue.
///
/// **Assumptions.** Work is idempotent: a message can come again after its work was done. **Guarantees.** In one
/// process no two jobs with the same [`Identity::subject`] run at once, and a message that was dealt with here is not
/// worked on again; see [`recent`](super::recent).
pub trait Work: Send + Sync + 'static {
    /// The queue, without its prefix.
    const QUEUE: &'static str;

    /// A decoded message.
    type Job: Send + Sync;

    /// How far a job came that could not report it. This process resumes from it when the message comes again.
    type Partial: Clone + Send + Sync;

    /// Reads a message, or says why it is refused.
    fn decode(&self, message: &Message) -> Result<Self::Job, Box<Refused>>;

    /// What tells this job from others.
    fn identity(&self, job: &Self::Job) -> Identity;

    /// Whether it may take a place that is kept for urgent jobs.
    fn is_urgent(&self, job: &Self::Job) -> bool;

    /// Whether it can be worked on now. If not, its message is put off unchanged.
    fn may_begin(&self, job: &Self::Job) -> impl Future<Output = Result<(), PutOff>> + Send;

    /// The span of everything that is logged about this job.
    fn span(&self, job: &Self::Job) -> tracing::Span;

    /// What a trace may tell of this job.
    fn traced<'a>(&'a self, job: &'a Self::Job) -> Traced<'a>;

    /// Does the work and answers with what follows from it; or with how far it came when it could not report it.
    fn work(
        &self,
        job: &Self::Job,
        partial: Option<Self::Partial>,
        outlet: &Outlet<'_>,
    ) -> impl Future<Output = Result<Outbox, Self::Partial>> + Send;

    /// What to report of a message that is not due and waits on, since this time or since that was last reported.
    fn still_waits(&self, _message: &Message, _since: Timestamp) -> Option<ResultEvent> {
        None
    }

    /// What follows from a job whose work panicked.
    fn panicked(&self, job: &Self::Job, message: &Message) -> Outbox;
}

/// What a trace may tell of a job: nothing of a person, and nothing that a publisher chose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traced<'a> {
    /// The attribute `traceparent` of the event, unchecked. It places the work and is not told.
    pub traceparent: Option<&'a str>,
    /// The run, or the sync.
    pub run: Uuid,
    /// The tenant, as metrics name it.
    pub tenant: &'a str,
    /// The workflow, as metrics name it; nothing if the job runs none.
    pub workflow: Option<&'a str>,
}

/// What tells one job from another.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// What the work is about. Jobs about one subject never run at once in a process.
    pub subject: Uuid,
    /// The message. A redelivery of it, or a copy published again, has the same.
    pub message: Uuid,
    /// The type of the event, for metrics.
    pub event_type: &'static str,
    /// When the event was made, if the message is the event itself: then its work begins now.
    pub made_at: Option<Timestamp>,
}

/// A job that cannot be worked on now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PutOff {
    /// For how long.
    pub after: Duration,
    /// Why, for metrics.
    pub reason: &'static str,
}

/// A message that is refused: it is set aside, and its publisher gets a result if it can be told whose it is.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub failure: Failure,
    /// The result, if the message says which event it is.
    pub result: Option<ResultEvent>,
}

/// Where work reports results before it ends.
pub struct Outlet<'a> {
    publisher: &'a Publisher,
    message: &'a Message,
    copies: &'a Copies,
}

/// A result could not be published: the session is lost, and the message comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreported;

/// What became of a message that was offered once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// The broker has stored it.
    Taken,
    /// A queue that should take it is full.
    Full,
    /// No queue is bound for it.
    NobodyListens,
}

impl<'a> Outlet<'a> {
    pub(super) fn new(publisher: &'a Publisher, message: &'a Message, copies: &'a Copies) -> Self {
        Self { publisher, message, copies }
    }

    /// The properties of the message that is worked on.
    pub fn properties(&self) -> &Properties {
        &self.message.properties
    }

    /// Whether the message is still this worker's: once its session has ended it comes again, to somebody.
    pub fn is_open(&self) -> bool {
        self.publisher.is_open()
    }

    /// Whether the publisher gets copies of the results.
    pub fn answers(&self) -> bool {
        matches!(self.copies, Copies::To { .. })
    }

    /// Publishes results, all at once, and their copies.
    ///
    /// # Errors
    ///
    /// When one could not be published: the work must stop here.
    pub async fn report(&self, results: &[ResultEvent]) -> Result<(), Unreported> {
        let announcements: Vec<_> =
            results.iter().filter_map(|result| Announcement::of(result, self.copies)).collect();
        outbox::announce(&announcements, self.publisher).await.map_err(|error| {
            tracing::warn!(%error, "a result could not be published; the work stops here");
            Unreported
        })
    }

    /// Publishes a message, however long its queue is full.
    ///
    /// # Errors
    ///
    /// When it could not be published, and why.
    pub async fn store(&self, outgoing: &Outgoing) -> Result<(), broker::Error> {
        outbox::insist(outgoing, self.publisher).await
    }

    /// Offers a message once, for work that can slow down or do without.
    ///
    /// # Errors
    ///
    /// When it is not known what became of it: the work must stop here.
    pub async fn offer(&self, outgoing: &Outgoing) -> Result<Offered, Unreported> {
        match self.publisher.offer(outgoing).await {
            Ok(true) => Ok(Offered::Taken),
            Ok(false) => Ok(Offered::Full),
            Err(error) if error.is_unroutable() => Ok(Offered::NobodyListens),
            Err(error) => {
                tracing::warn!(%error, "a message could not be published; the work stops here");
                Err(Unreported)
            }
        }
    }
}
