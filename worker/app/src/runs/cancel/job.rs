//! A message that asks to take runs of a person, or a sync, out.

use std::sync::OnceLock;

use broker::Message;
use jiff::Timestamp;
use ledger::Kind;
use messages::{CancelRequest, Cause, Event, ResultData, ResultEvent};
use uuid::Uuid;

use crate::ledger::identifiers::Identifier;

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
    /// The object id of whose runs it takes out, once that is known.
    person: OnceLock<Uuid>,
}

impl CancelJob {
    /// The cancel of this event, which came with this message.
    pub fn new(event: Event, request: CancelRequest, message: &Message) -> Self {
        let (replays, may_have_begun) = (message.replays(), message.may_have_begun());
        Self { event, request, replays, may_have_begun, nonce: Uuid::new_v4(), person: OnceLock::new() }
    }

    /// Notes the object id among the identifiers of the person: the result says so.
    pub fn noticed(&self, identifiers: &[Identifier]) {
        let ids = identifiers.iter().filter(|(kind, _)| *kind == Kind::EntraId);
        if let Some(id) = ids.filter_map(|(_, id)| Uuid::parse_str(id).ok()).next_back() {
            // The first one that is known stays.
            let _ = self.person.set(id);
        }
    }

    /// The id of the message. A redelivery has the same.
    pub fn message_id(&self) -> Uuid {
        ResultEvent::id_for(self.event.run_id(), &format!("cancel {}", self.replays))
    }

    /// A result that this event caused.
    pub fn result(&self, data: impl Into<ResultData>) -> ResultEvent {
        let cause = Cause { person: self.person.get().copied(), ..Cause::from(&self.event) };
        ResultEvent::new(cause, Timestamp::now(), data)
    }

    /// The fingerprint of the event that it names.
    pub fn names(&self) -> Option<u64> {
        self.request.event().map(|event| ledger::event_fingerprint(&event.source, &event.id))
    }
}
