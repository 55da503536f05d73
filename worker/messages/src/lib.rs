//! The wire: every message that enters or leaves the worker, as a type that mirrors its schema in `schemas/`.
//!
//! The words of a run (outcome, failure, progress) come from the crate `outcome`; those that appear in a message are
//! re-exported here.
//!
//! What this crate never does:
//!
//! - It talks to nobody: no broker, no network, no clock. Bytes come in, values go out, and the other way round.
//! - It accepts nothing that its JSON Schema refuses: the files in `schemas/` are compiled in and enforced at run time.
//! - It repeats no value of a refused message: a [`Violation`] says where and what was expected, so that a name or
//!   an address never reaches a log, a result or a dead letter's reason.
//! - It puts no people into results: these hold object ids only. The pages of a sync are about people; they travel apart
//!   and are kept nowhere.
//!
//! Start reading at [`decode`], which turns a delivery into an [`Event`]; then [`ResultEvent`] for what
//! leaves, and [`Continuation`] for what a run carries from one message to the next.

mod cloudevent;
mod continuation;
mod requests;
mod results;
mod schema;
mod sync;

pub use cloudevent::envelope::Envelope;
pub use cloudevent::incoming::{EVENT_LIMIT_BYTES, Incoming, decode};
pub use cloudevent::undecodable::{NotAdmitted, Reason, Undecodable};
pub use cloudevent::violation::Violation;
pub use continuation::{Continuation, RunProgress, Unwritable, WorkflowVersion};
pub use outcome::{Class, Failure, Finished, Left, Mode, Needs, Outcome, Progress, State, Taken, TakenKind};
pub use requests::cancel::{CancelRequest, CancelSide, Cancelled, EventName};
pub use requests::effective::{Effective, UnknownZone, Zone};
pub use requests::event::{Event, Request};
pub use requests::kind::EventKind;
pub use requests::person::{Person, PersonReference, PersonRequest};
pub use requests::run_id::NAMESPACE;
pub use requests::sync::{HaveDay, SyncDetail, SyncMode, SyncRequest, SyncSubject};
pub use results::data::{ResultData, ResultKind};
pub use results::dead_letter::DeadLetterAdded;
pub use results::event::{CLOUDEVENT_CONTENT_TYPE, Cause, DEFAULT_SOURCE, ResultEvent};
pub use results::operator::{
    BrakeChange, OperatorAction, OperatorAllowed, OperatorBrakeChanged, OperatorDiscarded, OperatorReplayed,
    OperatorRunCancelled,
};
pub use results::run::{
    EventDuplicate, KnownState, LedgerWord, PlanRefusal, RunFinished, RunPlanned, RunWaiting,
};
pub use results::shut::{EndedRun, RunSide, ShutRun, ShutState};
pub use results::snapshot::{Kept, NotKept, RunSnapshot};
pub use results::step::{PlannedStep, StepFinished, WaitingStep};
pub use results::sync::{SyncDay, SyncFinished, SyncNote, SyncPage, SyncRows, SyncState, SyncWaiting};
pub use schema::{Schema, schemas};
pub use sync::{SentDay, SyncContinuation, SyncProgress, SyncSchedule, SyncToken, UsageProgress};
