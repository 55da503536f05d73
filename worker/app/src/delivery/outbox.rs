//! What follows from a message, in the order it has to be published in.

use broker::{Error, Outgoing, Properties, Publisher};
use futures_util::future::{join_all, try_join_all};
use messages::ResultEvent;

/// Everything that has to be confirmed before a message may be acknowledged.
#[derive(Clone)]
pub struct Outbox {
    announcement: Option<Announcement>,
    onward: Option<Outgoing>,
}

/// A result, and a copy for the queue the event asked to be answered at.
#[derive(Clone)]
pub struct Announcement {
    result: Outgoing,
    copy: Option<Outgoing>,
}

impl Outbox {
    /// First the announcement; then the one message that carries the run on, or sets it aside.
    pub fn new(announcement: Option<Announcement>, onward: Option<Outgoing>) -> Self {
        Self { announcement, onward }
    }

    /// Publishes everything in order, each part confirmed before the next.
    ///
    /// # Errors
    ///
    /// Nothing that comes after the first error is published.
    pub async fn publish(&self, publisher: &Publisher) -> Result<(), Error> {
        publish(self.announcement.as_slice(), publisher).await?;
        match &self.onward {
            Some(onward) => publisher.publish(onward).await,
            None => Ok(()),
        }
    }
}

impl Announcement {
    /// The result as a message.
    pub fn of(result: &ResultEvent, reply_to: Option<&str>) -> Option<Self> {
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
        let reply_to = reply_to.filter(|queue| !queue.is_empty());
        let copy =
            reply_to.map(|queue| Outgoing::reply(queue, body.clone()).with_properties(properties.clone()));
        let result = Outgoing::result(result.routing_key(), body).with_properties(properties);
        Some(Self { result, copy })
    }
}

/// Publishes announcements, all at once.
///
/// # Errors
///
/// When one could not be published. A copy that nobody takes is only logged: that the publisher's queue is gone must
/// not keep the run from its end.
pub async fn publish(announcements: &[Announcement], publisher: &Publisher) -> Result<(), Error> {
    try_join_all(announcements.iter().map(|announcement| publisher.publish(&announcement.result))).await?;
    let copies = announcements.iter().filter_map(|announcement| announcement.copy.as_ref());
    for copied in join_all(copies.map(|copy| publisher.publish(copy))).await {
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
