//! A message that asks to take runs of a person, or a sync, out.

use broker::Message;
use jiff::Timestamp;
use messages::{CancelRequest, Cause, Event, ResultData, ResultEvent};
use uuid::Uuid;

/// A decoded cancel.
pub struct CancelJob {
    /// Its event.
    pub event: Event,
    /// What it takes out.
    pub request: CancelRequest,
    /// How often an operator has replayed it.
    pub replays: u32,
    /// Whether the broker has delivered it before: then its publisher need not have sent it again.
    pub may_have_begun: bool,
    /// Names this delivery in the ledger.
    pub nonce: Uuid,
}

impl CancelJob {
    /// The cancel of this event, which came with this message.
    pub fn new(event: Event, request: CancelRequest, message: &Message) -> Self {
        let (replays, may_have_begun) = (message.replays(), message.may_have_begun());
        Self { event, request, replays, may_have_begun, nonce: Uuid::new_v4() }
    }

    /// The id of the message. A redelivery has the same.
    pub fn message_id(&self) -> Uuid {
        ResultEvent::id_for(self.event.run_id(), &format!("cancel {}", self.replays))
    }

    /// A result that this event caused.
    pub fn result(&self, data: impl Into<ResultData>) -> ResultEvent {
        ResultEvent::new(Cause::from(&self.event), Timestamp::now(), data)
    }

    /// The fingerprint of the event that it names.
    pub fn names(&self) -> Option<u64> {
        self.request.event().map(|event| ledger::event_fingerprint(&event.source, &event.id))
    }
}
