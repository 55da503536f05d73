//! A message of the workflow queue: an event, or a run that resumes.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use broker::{Message, Origin, Properties};
use jiff::Timestamp;
use ledger::Position;
use messages::{
    Cause, Continuation, Event, PersonRequest, Request, ResultData, ResultEvent, RunFinished, RunProgress,
    Undecodable, WorkflowVersion,
};
use outcome::{Failure, Progress, Record};
use uuid::Uuid;
use workflow::People;

use super::cancel::job::CancelJob;
use super::granted::Granted;
use super::key::RunKey;
use crate::delivery::decode::{Admitted, decode_event};
use crate::delivery::publishers::Publishers;
use crate::delivery::queues::queue_of;
use crate::delivery::work::Refused;

/// A decoded message.
pub struct Job {
    /// The event that started the run.
    pub event: Event,
    /// What it requests.
    pub request: PersonRequest,
    /// How far the run had come when the message was written; nothing if the message is the event itself.
    pub progress: Option<Progress>,
    /// The workflow that it was made with; nothing if the message is the event itself.
    workflow: Option<WorkflowVersion>,
    /// How often an operator has replayed it.
    pub replays: u32,
    /// Who published the event, if publishers are listed; nothing if the message is a continuation.
    publisher: Option<String>,
    /// Whether a worker may have begun it without leaving a trace in the message: the broker has delivered it before.
    pub may_have_begun: bool,
    /// Whether it may be what crashes its workers.
    pub is_suspect: bool,
    /// What was recorded since, so that a panic does not lose it.
    recorded: Mutex<Vec<Record>>,
    /// The object id of the person, once the run has found the account.
    person: Mutex<Option<Uuid>>,
    /// The user principal name of the person, once it was looked up for the publisher.
    upn: OnceLock<String>,
    /// Names this delivery in the ledger.
    pub nonce: Uuid,
    /// The right to act for the person, while it has that; a panic does not lose it.
    granted: Mutex<Option<Arc<Granted>>>,
}

/// What a message asks for.
pub enum Asked {
    /// A run.
    Run(Box<Job>),
    /// The end of runs, or of a sync.
    Cancel(Box<CancelJob>),
}

impl Asked {
    /// Reads a message of this queue, or says why it is refused.
    pub fn decode(
        message: &Message,
        publishers: &Publishers,
        queue: &str,
        now: Timestamp,
    ) -> Result<Self, Box<Refused>> {
        decode(message, publishers, queue, now)
            .map_err(|undecodable| Box::new(refused(&undecodable, message.replays())))
    }
}

impl Job {
    /// Reads a message of this queue, which asks for runs alone, or says why it is refused.
    pub fn decode(
        message: &Message,
        publishers: &Publishers,
        queue: &str,
        now: Timestamp,
    ) -> Result<Self, Box<Refused>> {
        match Asked::decode(message, publishers, queue, now)? {
            Asked::Run(job) => Ok(*job),
            Asked::Cancel(cancel) => {
                let undecodable = Undecodable::wrong_queue(&cancel.event);
                Err(Box::new(refused(&undecodable, message.replays())))
            }
        }
    }

    /// How far the run had come when the message was written.
    pub fn position(&self) -> Position {
        Position { replays: self.replays, leg: self.leg() }
    }

    /// The workflow that the event asks for.
    pub fn workflow(&self) -> &str {
        workflow_of(&self.event)
    }

    /// The key of the message.
    pub fn key(&self) -> RunKey {
        match &self.progress {
            None => RunKey::of_event(self.event.run_id(), self.replays),
            Some(progress) => RunKey::of_continuation(self.event.run_id(), progress),
        }
    }

    /// How far the run has come by now.
    pub fn reached(&self) -> Progress {
        let fresh = || Progress {
            replays: self.replays,
            publisher: self.publisher.clone(),
            ..Progress::new(Timestamp::now())
        };
        let mut progress = self.progress.clone().unwrap_or_else(fresh);
        // A worker that was lost with this message may have written something.
        progress.uncounted_writes |= self.may_have_begun;
        for record in self.recorded.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            progress.record(record.clone());
        }
        progress
    }

    /// Whether the message is the event itself, and no replay of it.
    pub fn is_event(&self) -> bool {
        self.progress.is_none() && self.replays == 0
    }

    /// How many messages have carried the run on before this one.
    pub fn leg(&self) -> u32 {
        self.progress.as_ref().map_or(0, |progress| progress.leg)
    }

    /// Whether the message has the steps of its run.
    pub fn is_prepared(&self) -> bool {
        self.progress.as_ref().is_some_and(|progress| progress.prepared.is_some())
    }

    /// This progress, carried with the workflow that the message came with.
    pub fn carried(&self, progress: &Progress) -> Option<RunProgress> {
        let workflow = self.workflow.clone()?;
        Some(RunProgress { run_id: self.event.run_id(), workflow, progress: progress.clone() })
    }

    /// Notes what was recorded.
    pub fn record(&self, records: &[Record]) {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(records);
    }

    /// Notes which of the people that the run has found is its person: its results say so from then on.
    pub fn noticed(&self, people: &People) {
        if let Some(found) = account_of(&self.request, people) {
            *self.person.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        }
    }

    /// Notes which account the run has created: it is the person's, unless the person is known by then.
    pub fn created(&self, id: &str) {
        if let (None, Ok(id)) = (self.person(), Uuid::parse_str(id)) {
            *self.person.lock().unwrap_or_else(PoisonError::into_inner) = Some(id);
        }
    }

    /// Notes the user principal name of the person's account, for the publisher.
    pub fn called(&self, upn: String) {
        let _known_already = self.upn.set(upn);
    }

    /// The object id of the person: of the account that was found, else as the event gives it.
    pub fn person(&self) -> Option<Uuid> {
        let found = *self.person.lock().unwrap_or_else(PoisonError::into_inner);
        found.or_else(|| Uuid::parse_str(self.request.person.entra_id.as_deref()?).ok())
    }

    /// The right to act that the delivery has, if any.
    pub fn granted(&self) -> Option<Arc<Granted>> {
        self.granted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives the delivery this right, in place of the one before.
    pub fn grant(&self, granted: Option<Arc<Granted>>) {
        *self.granted.lock().unwrap_or_else(PoisonError::into_inner) = granted;
    }

    /// A result that this event caused.
    pub fn result(&self, data: impl Into<ResultData>) -> ResultEvent {
        let carried = self.progress.as_ref().and_then(|progress| progress.publisher.clone());
        let publisher = self.publisher.clone().or(carried);
        let upn = self.upn.get().or(self.request.person.upn.as_ref()).cloned();
        let cause = Cause { publisher, person: self.person(), upn, ..Cause::from(&self.event) };
        ResultEvent::new(cause, Timestamp::now(), data)
    }

    /// The properties of a continuation, on top of those of the message before it.
    pub fn properties(&self, properties: &Properties, message_id: Uuid) -> Properties {
        Properties {
            content_type: Some(Continuation::CONTENT_TYPE.to_owned()),
            message_id: Some(message_id.to_string()),
            correlation_id: Some(self.event.run_id().to_string()),
            kind: Some(self.event.kind.event_type().to_owned()),
            app_id: Some("gatehouse".to_owned()),
            ..properties.clone()
        }
    }
}

fn decode(
    message: &Message,
    publishers: &Publishers,
    queue: &str,
    now: Timestamp,
) -> Result<Asked, Undecodable> {
    let content_type = message.properties.content_type.as_deref();
    let nonce = Uuid::new_v4();
    let (replays, recorded, granted) = (message.replays(), Mutex::default(), Mutex::default());
    let (may_have_begun, is_suspect) = (message.may_have_begun(), message.is_suspect());
    // Only a worker can say how far a run has come: from anybody else it would skip steps.
    if message.origin == Origin::Worker && content_type == Some(Continuation::CONTENT_TYPE) {
        let Continuation { event, progress } = Continuation::from_bytes(&message.body)?;
        let (workflow, progress) = (Some(progress.workflow), progress.progress.sound());
        let progress = if replays > progress.replays {
            workflow::replayed(progress, replays, Timestamp::now())
        } else {
            progress
        };
        let request = requested(&event, queue)?;
        let person = Mutex::new(account_of(&request, &People::of(&progress)));
        return Ok(Asked::Run(Box::new(Job {
            person,
            upn: OnceLock::new(),
            event,
            request,
            replays: progress.replays,
            progress: Some(progress),
            workflow,
            publisher: None,
            may_have_begun,
            is_suspect,
            recorded,
            nonce,
            granted,
        })));
    }
    let Admitted { event, publisher } = decode_event(message, publishers, now)?;
    if let Request::Cancel(request) = &event.request
        && queue_of(event.kind) == queue
    {
        let request = request.clone();
        return Ok(Asked::Cancel(Box::new(CancelJob::new(event, request, message))));
    }
    let request = requested(&event, queue)?;
    let (progress, workflow) = (None, None);
    Ok(Asked::Run(Box::new(Job {
        person: Mutex::default(),
        upn: OnceLock::new(),
        event,
        request,
        progress,
        workflow,
        replays,
        publisher,
        may_have_begun,
        is_suspect,
        recorded,
        nonce,
        granted,
    })))
}

/// What an event of this queue requests for a person. Other events have a queue of their own.
fn requested(event: &Event, queue: &str) -> Result<PersonRequest, Undecodable> {
    match &event.request {
        Request::Person(request) if queue_of(event.kind) == queue => Ok(PersonRequest::clone(request)),
        Request::Person(_) | Request::Cancel(_) | Request::Sync(_) => Err(Undecodable::wrong_queue(event)),
    }
}

/// The workflow that an event asks for; `none` for events that run none, which no run is made of.
pub fn workflow_of(event: &Event) -> &str {
    event.workflow().unwrap_or("none")
}

/// The object id of the account that the run has found for the person of a request.
fn account_of(request: &PersonRequest, people: &People) -> Option<Uuid> {
    let person = serde_json::to_value(&request.person).ok()?;
    Uuid::parse_str(&actions::account_of(&person, people)?).ok()
}

fn refused(undecodable: &Undecodable, replays: u32) -> Refused {
    let result = RunFinished::rejected(undecodable, Timestamp::now(), replays).map(|result| {
        let cause = Cause::from(&*undecodable.envelope);
        ResultEvent::new(cause, Timestamp::now(), result)
    });
    Refused { failure: Failure::rejected(undecodable.code(), undecodable.to_string()), result }
}
