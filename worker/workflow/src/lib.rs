//! The engine: runs the stages and steps of a workflow and reports what became of each.
//!
//! A workflow is data (YAML); what a step does is a [`Step`] that somebody else brings in a [`Roster`].
//! The engine decides order, what is passed over after a pause, what a failure means for the rest of
//! the run, and when to try again. It computes a run's [`State`] from its step outcomes; nobody sets it.
//!
//! What is absent here, on purpose:
//! - It knows neither Graph nor RabbitMQ: a step's world is a type parameter it only passes on.
//! - It stores nothing: a run's [`Progress`] is a value that its caller carries in a message.
//! - It never sleeps and has no retry loop: it answers [`Next::Later`] or [`Next::Asleep`], and whoever holds
//!   the message decides how to wait.
//!
//! Start reading at [`run`](mod@run); [`definition`] is the YAML, [`prepare`](mod@prepare) turns a
//! definition and an event into steps that can no longer fail for want of a value; [`wait`] is how a step waits.

#[cfg(test)]
mod toys;

pub mod definition;
pub mod delay;
pub mod digest;
pub mod outcome;
pub mod prepare;
pub mod progress;
pub mod retry;
pub mod run;
pub mod step;
mod suggest;
mod template;
pub mod wait;

pub use definition::{Definition, Definitions, Mistakes, OnFailure};
pub use delay::{Delay, DelayError};
pub use outcome::{Class, Failure, Left, Needs, Outcome, OutcomeKind};
pub use prepare::{Prepared, prepare};
pub use progress::{Progress, Record, State, state};
pub use retry::RetryPolicy;
pub use run::{Interrupted, Next, Recorder, Run};
pub use step::{Call, Earlier, Mode, Report, Roster, Step};
pub use wait::{MEMO_LIMIT_BYTES, Start, Wait, Waiting};
