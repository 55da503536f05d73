//! The wire: every message that enters or leaves the worker, as a type that mirrors its schema in `schemas/`.
//!
//! What this crate never does:
//!
//! - It talks to nobody: no broker, no network, no clock. Bytes come in, values go out, and the other way round.
//! - It accepts nothing its JSON Schema refuses: the files in `schemas/` are compiled in and are the rule at run time.
//! - It repeats no value of a refused message: a [`Violation`] says where and what was expected, so that a name or
//!   an address never reaches a log, a result or a dead letter's reason.
//! - It puts no people into results: these hold object ids only.
//!
//! Start reading at [`decode`], which turns what a broker delivered into an [`Event`]; then [`ResultEvent`] for what
//! leaves, and [`Continuation`] for what a run carries from one message to the next.

mod continuation;
mod event;
mod incoming;
mod json;
mod operator;
mod request;
mod result;
mod run;
mod schema;
mod step;
mod undecodable;
mod violation;

pub use continuation::{Continuation, Progress, StageStart, Unwritable, Waiting, WorkflowVersion};
pub use event::{Event, EventKind, NAMESPACE, run_id};
pub use incoming::{EVENT_LIMIT_BYTES, Incoming, decode};
pub use operator::OperatorAction;
pub use request::{Mode, Person, PersonReference, Request};
pub use result::{CLOUDEVENT_CONTENT_TYPE, Cause, DEFAULT_SOURCE, ResultData, ResultEvent};
pub use run::{RunFinished, RunPlanned, RunState, RunWaiting};
pub use schema::{Schema, schemas};
pub use step::{
    Failure, FailureClass, FinishedStep, Left, Needs, Outcome, PlannedStep, StepFinished, WaitingStep,
};
pub use undecodable::{Envelope, Reason, Undecodable};
pub use violation::Violation;
