//! The engine: runs the stages and steps of a workflow and records what became of each.
//!
//! A workflow is data (YAML); what a step does is a [`Step`] that somebody else brings in a [`Roster`].
//! The engine decides order, what is skipped after a pause, what a failure means for the rest of
//! the run, and when to retry. A run's [`outcome::State`] follows from its step outcomes; nothing sets it.
//!
//! What is absent here, on purpose:
//! - It knows neither Graph nor RabbitMQ: a step's world is a type parameter it only passes on.
//! - It stores nothing: a run's [`outcome::Progress`] is a value that its caller carries in a message. The prepared
//!   steps are in it, so that a changed workflow changes no run under way.
//! - It never sleeps and has no retry loop: it answers [`Next::Resume`], and the caller, which holds
//!   the message, decides how to wait.
//!
//! Start reading at [`run`](mod@run); [`definition`] is the YAML, [`prepare`](mod@prepare) turns a
//! definition and an event into steps that can no longer fail for lack of a value; [`start`] is when a stage starts, and
//! [`wait`] how a step waits.

#[cfg(test)]
mod test_steps;

mod admission;
mod carry;
mod dates;
pub mod definition;
pub mod delay;
pub mod digest;
mod next;
pub mod people;
pub mod prepare;
mod recorder;
mod records;
mod rejection;
mod resolution;
pub mod retry;
pub mod run;
pub mod start;
pub mod step;
mod suggest;
mod template;
pub mod wait;

pub use admission::{Limits, Takes};
pub use carry::refuse_too_large;
pub use dates::{Dates, Offset, OffsetError};
pub use definition::{Definition, Definitions, Mistakes};
pub use delay::{Delay, DelayError};
pub use next::{Because, Next};
pub use people::People;
pub use prepare::{Prepared, prepare};
pub use recorder::{Interrupted, Recorder};
pub use retry::RetryPolicy;
pub use run::{Run, replayed};
pub use step::{Answer, Call, Earlier, Report, Roster, Step};
pub use template::code_of as country_code;
pub use wait::{MEMO_LIMIT_BYTES, Wait};
