//! A message of the sync queue: an event, a sync that is tried again, or the token of a schedule.

use broker::{Message, Origin, Properties};
use jiff::Timestamp;
use messages::{
    Cause, Event, Request, ResultData, ResultEvent, SyncContinuation, SyncFinished, SyncProgress,
    SyncRequest, SyncState, SyncToken, Undecodable,
};
use outcome::Failure;
use uuid::Uuid;

use crate::delivery::decode::{Admitted, decode_event};
use crate::delivery::publishers::Publishers;
use crate::delivery::work::Refused;

/// A decoded message.
pub struct Job {
    /// The event that requested the sync.
    pub event: Event,
    /// What it requests.
    pub request: SyncRequest,
    /// How far the sync has come.
    pub progress: SyncProgress,
    /// Whether the message is the token of a schedule, which has to be replaced.
    pub is_token: bool,
    /// What tells the message from others of the sync.
    name: String,
}

impl Job {
    /// Reads a message, or says why it is refused.
    pub fn decode(message: &Message, publishers: &Publishers, now: Timestamp) -> Result<Self, Box<Refused>> {
        decode(message, publishers, now)
            .map_err(|undecodable| Box::new(refused(&undecodable, message.replays())))
    }

    /// The id of the message. A redelivery, and a copy published again, have the same.
    pub fn message_id(&self) -> Uuid {
        ResultEvent::id_for(self.event.run_id(), &self.name)
    }

    /// Whether a schedule asked for the sync.
    pub fn is_scheduled(&self) -> bool {
        self.progress.schedule.is_some()
    }

    /// Whether the message is an event that somebody published, and not what goes on with it.
    pub fn is_event(&self) -> bool {
        !self.is_scheduled() && self.progress.generation.is_none() && self.progress.replays == 0
    }

    /// A result that this event caused.
    pub fn result(&self, data: impl Into<ResultData>) -> ResultEvent {
        ResultEvent::new(Cause::from(&self.event), Timestamp::now(), data)
    }

    /// The end of this sync, with nothing read.
    pub fn finished(&self, state: SyncState, failure: Option<Failure>) -> SyncFinished {
        let (sync_id, replays) = (self.event.run_id(), self.progress.replays);
        SyncFinished {
            what: Some(self.request.what),
            mode: Some(self.request.mode),
            started_at: self.progress.first_seen,
            attempts: self.progress.attempt,
            failure,
            ..SyncFinished::of_nothing(sync_id, state, Timestamp::now(), replays)
        }
    }

    /// The properties of a continuation with this progress, on top of those of the message before it.
    pub fn properties(&self, properties: &Properties, progress: &SyncProgress) -> Properties {
        let sync_id = self.event.run_id();
        Properties {
            content_type: Some(SyncContinuation::CONTENT_TYPE.to_owned()),
            message_id: Some(ResultEvent::id_for(sync_id, &name(progress)).to_string()),
            correlation_id: Some(sync_id.to_string()),
            kind: Some(self.event.kind.event_type().to_owned()),
            app_id: Some("gatehouse".to_owned()),
            ..properties.clone()
        }
    }
}

fn name(progress: &SyncProgress) -> String {
    match progress.parts {
        0 => format!("continuation {} {}", progress.replays, progress.attempt),
        parts => format!("continuation {} {} {parts}", progress.replays, progress.attempt),
    }
}

fn decode(message: &Message, publishers: &Publishers, now: Timestamp) -> Result<Job, Undecodable> {
    let content_type = message.properties.content_type.as_deref();
    let replays = message.replays();
    // Only a worker can say what a sync has gone through, and when it comes again.
    let is_ours = message.origin == Origin::Worker;
    if is_ours && content_type == Some(SyncContinuation::CONTENT_TYPE) {
        let SyncContinuation { event, progress } = SyncContinuation::from_bytes(&message.body)?;
        let request = requested(&event)?;
        let progress = if replays > progress.replays {
            // The days of usage before are of a pass that was given up.
            SyncProgress { attempt: 1, replays, parts: 0, usage: None, ..progress }
        } else {
            progress
        };
        let name = name(&progress);
        return Ok(Job { event, request, progress, is_token: false, name });
    }
    let (event, schedule, publisher) = if is_ours && content_type == Some(SyncToken::CONTENT_TYPE) {
        let SyncToken { event, schedule } = SyncToken::from_bytes(&message.body)?;
        (event, Some(schedule), None)
    } else {
        let Admitted { event, publisher } = decode_event(message, publishers, now)?;
        (event, None, publisher)
    };
    let request = requested(&event)?;
    let sync_id = event.run_id();
    let progress = SyncProgress {
        sync_id,
        first_seen: Timestamp::now(),
        attempt: 1,
        replays,
        generation: None,
        schedule,
        parts: 0,
        usage: None,
        publisher,
    };
    let name = format!("event {replays}");
    Ok(Job { event, request, progress, is_token: schedule.is_some(), name })
}

/// What an event requests of a tenant. Other events have a queue of their own.
fn requested(event: &Event) -> Result<SyncRequest, Undecodable> {
    match &event.request {
        Request::Sync(request) => Ok(request.clone()),
        Request::Person(_) | Request::Cancel(_) => Err(Undecodable::wrong_queue(event)),
    }
}

fn refused(undecodable: &Undecodable, replays: u32) -> Refused {
    let result = SyncFinished::refused(undecodable, Timestamp::now(), replays).map(|result| {
        let cause = Cause::from(&*undecodable.envelope);
        ResultEvent::new(cause, Timestamp::now(), result)
    });
    Refused { failure: Failure::rejected(undecodable.code(), undecodable.to_string()), result }
}
