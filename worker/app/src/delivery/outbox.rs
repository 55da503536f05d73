//! What follows from a message, and the order in which it is published.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use broker::{DeadLetter, Due, Error, Message, Outgoing, Properties, Publisher};
use futures_util::future::{BoxFuture, join_all, try_join_all};
use jiff::Timestamp;
use messages::{Cause, Continuation, DeadLetterAdded, ResultEvent};
use outcome::{Class, Failure};
use uuid::Uuid;

use super::replies::Copies;
use crate::traces::span::{About, Span};

/// What follows from a message, in the words of the work.
pub struct Outbox {
    /// Published first.
    pub results: Vec<ResultEvent>,
    /// Published when the results are confirmed.
    pub onward: Onward,
    /// Done when all of it is confirmed, before the acknowledgement.
    pub closing: Option<Arc<dyn Closing>>,
}

/// What is done when everything that follows from a message is stored, and before the message is acknowledged.
pub trait Closing: Send + Sync {
    /// Does it, however long it takes. A second time does no harm.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// What becomes of the job itself.
pub enum Onward {
    /// It is over.
    Over,
    /// It resumes with this message, not before it is due.
    Resume {
        /// The message.
        next: Next,
        /// When it is due; at once if nothing is given.
        due: Option<Due>,
    },
    /// Its message comes again, unchanged.
    Again {
        /// After so long.
        after: Duration,
    },
    /// It is set aside as a dead letter.
    SetAside(SetAside),
}

impl Onward {
    /// The word for it in traces.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Resume { due: None, .. } => "resume",
            Self::Resume { due: Some(_), .. } => "sleep",
            Self::Again { .. } => "again",
            Self::SetAside(_) => "set_aside",
        }
    }
}

/// The next message of a job.
pub struct Next {
    /// Its body.
    pub body: Vec<u8>,
    /// Its properties.
    pub properties: Properties,
}

/// A job that is set aside until an operator acts.
pub struct SetAside {
    /// Why.
    pub failure: Failure,
    /// The step that failed.
    pub step: Option<String>,
    /// The action of that step.
    pub action: Option<String>,
    /// How often it was tried.
    pub attempts: Option<u32>,
    /// When it was first seen.
    pub first_failed_at: Option<Timestamp>,
    /// How often an operator has replayed it.
    pub replays: u32,
    /// The message that a replay resumes with; the message as it came if nothing is given.
    pub next: Option<Next>,
    /// Whether only the beginning of the message as it came is kept.
    pub beginning_only: bool,
}

impl SetAside {
    /// A message that is set aside as it came.
    pub fn as_it_came(failure: Failure, replays: u32) -> Self {
        Self {
            failure,
            step: None,
            action: None,
            attempts: None,
            first_failed_at: None,
            replays,
            next: None,
            beginning_only: false,
        }
    }

    /// The letter that says why, from this worker.
    fn letter(&self, worker: &str) -> DeadLetter {
        DeadLetter {
            step: self.step.clone(),
            action: self.action.clone(),
            code: self.failure.exhausted_by.as_ref().map(|met| met.code.clone()),
            failure_class: Some(self.failure.class.as_str().to_owned()),
            attempts: self.attempts,
            first_failed_at: self.first_failed_at,
            http_status: self.failure.http_status,
            request_id: self.failure.request_id.clone(),
            worker: Some(worker.to_owned()),
            replays: self.replays,
            ..DeadLetter::new(&self.failure.code, &self.failure.message)
        }
    }
}

/// An outbox as messages. Everything in it must be confirmed before its cause may be acknowledged.
pub struct Sealed {
    announcements: Vec<Announcement>,
    onward: Option<Outgoing>,
    /// Tells others of the dead letter, if there is one.
    added: Option<Announcement>,
    closing: Option<Arc<dyn Closing>>,
    comes_again: bool,
}

/// A result, and a copy for the queue that the event named in `reply_to`.
pub struct Announcement {
    result: Outgoing,
    copy: Option<Outgoing>,
}

impl Outbox {
    /// What follows, with nothing to do at its end.
    pub fn of(results: Vec<ResultEvent>, onward: Onward) -> Self {
        Self { results, onward, closing: None }
    }

    /// The same, with this to do at its end.
    #[must_use]
    pub fn closing(self, closing: Option<Arc<dyn Closing>>) -> Self {
        Self { closing, ..self }
    }

    /// Makes the messages that follow from `message`, which came from `queue`.
    pub fn seal(self, queue: &str, message: &Message, copies: &Copies, worker: &str) -> Sealed {
        let announcements =
            self.results.iter().filter_map(|result| Announcement::of(result, copies)).collect();
        let mut added = None;
        let comes_again = matches!(self.onward, Onward::Again { .. });
        let onward = match self.onward {
            Onward::Over => None,
            Onward::Again { after } => Some(Outgoing::put_off(queue, Due::after(after), message.clone())),
            Onward::Resume { next: Next { body, properties }, due } => {
                let outgoing = match due {
                    None => Outgoing::work(queue, body),
                    Some(due) => Outgoing::delayed(queue, due, body),
                };
                Some(outgoing.with_properties(properties).asked_as(message.asked_as()))
            }
            Onward::SetAside(aside) => {
                let letter = aside.letter(worker);
                let dead = match aside.next {
                    Some(Next { body, properties }) => {
                        Outgoing::dead(queue, &letter, &message.rewritten(properties, body))
                    }
                    None if aside.beginning_only => Outgoing::dead_beginning(queue, &letter, message),
                    None => Outgoing::dead(queue, &letter, message),
                };
                let last = self.results.last();
                let (cause, run_id) =
                    last.map(|result| (result.cause.clone(), result.data.run_id())).unwrap_or_default();
                let data = data_of(queue, &letter, &dead, aside.failure, run_id);
                // It is for operators. The publisher gets it only for an event that cannot be decoded: there is no
                // other answer.
                let copies = if self.results.is_empty() { copies } else { &Copies::None };
                added = Announcement::of(&ResultEvent::new(cause, Timestamp::now(), data), copies);
                Some(dead)
            }
        };
        Sealed { announcements, onward, added, closing: self.closing, comes_again }
    }
}

impl Sealed {
    /// Whether the message comes again as it is: then it is no repeat.
    pub fn comes_again(&self) -> bool {
        self.comes_again
    }

    /// Publishes everything in order: results first, then the one message that continues the job or sets it aside, then
    /// the word of a dead letter, then what is to be done at the end. Each part is confirmed before the next.
    ///
    /// # Errors
    ///
    /// Nothing that comes after the first error is published.
    pub async fn publish(&self, publisher: &Publisher) -> Result<(), Error> {
        announce(&self.announcements, publisher).await?;
        if let Some(onward) = &self.onward {
            // What comes again as it is belongs where it always did.
            let outgoing =
                if self.comes_again { Cow::Borrowed(onward) } else { traced(&sending(onward), onward) };
            insist(&outgoing, publisher).await?;
        }
        announce(self.added.as_slice(), publisher).await?;
        if let Some(closing) = &self.closing {
            closing.close().await;
        }
        Ok(())
    }
}

/// Publishes a message, however long its queue is full: its cause is not acknowledged before, and keeps its place.
///
/// # Errors
///
/// When the session is lost, or no queue is bound.
pub async fn insist(outgoing: &Outgoing, publisher: &Publisher) -> Result<(), Error> {
    let full = |error: &Error| tracing::warn!(%error, "a message waits until there is room for it");
    publisher.insist(outgoing, full).await
}

impl Announcement {
    /// The result as messages.
    pub fn of(result: &ResultEvent, copies: &Copies) -> Option<Self> {
        let message = match copies {
            Copies::Refused => message_of(&ResultEvent { no_copy: true, ..result.clone() })?,
            Copies::None | Copies::To { .. } => message_of(result)?,
        };
        let about = |outgoing: Outgoing| match result.cause.person {
            Some(person) => outgoing.about(person),
            None => outgoing,
        };
        let copy = match copies {
            Copies::To { queue, correlation_id } => {
                let body = result.to_bytes_for_publisher().ok()?;
                let mut properties = message.properties.clone();
                properties.correlation_id = correlation_id.clone().or(properties.correlation_id);
                Some(about(Outgoing::reply(queue.as_str(), body).with_properties(properties)))
            }
            Copies::None | Copies::Refused => None,
        };
        let published = Outgoing::result(result.routing_key(), message.body);
        Some(Self { result: about(published.with_properties(message.properties)), copy })
    }
}

/// A result as a message: the one place that knows which properties a result has.
fn message_of(result: &ResultEvent) -> Option<Next> {
    let body = match result.to_bytes() {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, "a result could not be written; this is a defect of Gatehouse");
            return None;
        }
    };
    let properties = Properties {
        content_type: Some(result.content_type().to_owned()),
        message_id: Some(result.id.to_string()),
        // AMQP has room for 255 bytes; a longer id stands in the body, where it always is.
        correlation_id: result.cause.correlation_id.clone().filter(|id| id.len() <= 255),
        kind: Some(result.event_type().to_owned()),
        timestamp: Some(result.time),
        app_id: Some("gatehouse".to_owned()),
        ..Properties::default()
    };
    Some(Next { body, properties })
}

/// The result that reports a dead letter.
fn data_of(
    queue: &str,
    letter: &DeadLetter,
    dead: &Outgoing,
    failure: Failure,
    run_id: Option<Uuid>,
) -> DeadLetterAdded {
    DeadLetterAdded {
        message_id: dead.dead_id(),
        run_id,
        queue: queue.to_owned(),
        dead_class: letter.class.clone(),
        failure,
        exhausted_by: letter.code.clone(),
        step: letter.step.clone(),
        action: letter.action.clone(),
        attempts: letter.attempts.filter(|attempts| *attempts > 0),
        replays: letter.replays,
        fingerprint: letter.fingerprint(),
    }
}

/// The run of a worker's own message. The `correlation_id` of an event is its publisher's and means nothing here.
pub fn run_of(properties: &Properties) -> Option<Uuid> {
    let is_own = properties.content_type.as_deref() == Some(Continuation::CONTENT_TYPE);
    properties.correlation_id.as_deref().filter(|_| is_own)?.parse().ok()
}

/// What tells others of a dead letter whose event nobody reads for that: of a message that may have crashed its
/// workers, or of one that an operator imports.
pub fn added_unread(queue: &str, letter: &DeadLetter, dead: &Outgoing) -> Option<Outgoing> {
    let class = [Class::Retry, Class::Rejected, Class::Blocked]
        .into_iter()
        .find(|class| letter.failure_class.as_deref() == Some(class.as_str()));
    let failure = Failure::new(class.unwrap_or(Class::Fault), &letter.class, &letter.reason);
    let data = data_of(queue, letter, dead, failure, run_of(&dead.properties));
    result(&ResultEvent::new(Cause::default(), Timestamp::now(), data))
}

/// A page of rows, which goes past the results.
pub fn page(page: &ResultEvent) -> Option<Outgoing> {
    let Next { body, properties } = message_of(page)?;
    Some(Outgoing::page(page.routing_key(), body).with_properties(properties))
}

/// What a run is about to take away, for the stream that keeps it.
pub fn snapshot(snapshot: &ResultEvent) -> Option<Outgoing> {
    let Next { body, properties } = message_of(snapshot)?;
    Some(Outgoing::snapshot(body).with_properties(properties))
}

/// A result that no message caused, such as an operator's act.
pub fn result(result: &ResultEvent) -> Option<Outgoing> {
    Announcement::of(result, &Copies::None).map(|announcement| announcement.result)
}

/// Publishes announcements, all at once.
///
/// # Errors
///
/// When one could not be published. A copy that no queue takes is only logged: that the publisher's queue is gone must
/// not keep the job from its end.
pub async fn announce(announcements: &[Announcement], publisher: &Publisher) -> Result<(), Error> {
    let copied = try_join_all(announcements.iter().map(async |Announcement { result, copy }| {
        let span = sending(result);
        let sent = insist(&traced(&span, result), publisher).await;
        sent.inspect_err(|_| span.fail("not_published"))?;
        Ok::<_, Error>(copy.as_ref().map(|copy| traced(&span, copy)))
    }));
    let copies = copied.await?;
    for copied in join_all(copies.iter().flatten().map(|copy| publisher.publish(copy))).await {
        match copied {
            Err(error) if error.is_session_lost() => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "the queue named in reply_to did not take a copy of a result");
            }
            Ok(()) => {}
        }
    }
    Ok(())
}

/// The span of a message that is published.
fn sending(outgoing: &Outgoing) -> Arc<Span> {
    Span::below_current(&About::Sending { exchange: outgoing.exchange() })
}

/// The message, which says which span sends it if there is one.
fn traced<'a>(span: &Span, outgoing: &'a Outgoing) -> Cow<'a, Outgoing> {
    span.context()
        .map_or(Cow::Borrowed(outgoing), |context| Cow::Owned(outgoing.clone().traced(context.as_str())))
}
