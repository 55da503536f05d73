//! The words of a run: what became of a step, why it failed, what the run did so far and what it waits for.
//!
//! The engine computes with these types and the wire carries them: serde writes each in the form that `schemas/`
//! publishes. Nothing is spelled a second time for the wire.
//!
//! What this crate never does:
//!
//! - It depends on no other crate of ours, and knows neither the engine nor the broker nor Graph.
//! - It decides nothing that needs a clock, a policy or a workflow: that is the engine's work.
//! - It carries nobody's name or address: people and objects are ids.
//!
//! Start reading at [`Record`] (one step that finished), then [`Progress`] (what a run carries in its message).

mod failure;
mod left;
mod mode;
mod people;
mod prepared;
mod progress;
mod record;
mod refused;
mod state;
mod taken;
mod waiting;

pub use failure::{Class, Failure};
pub use left::{Left, Needs};
pub use mode::Mode;
pub use people::{Pinned, Protected};
pub use prepared::{OnFailure, PreparedSteps, StageToRun, StepToRun};
pub use progress::Progress;
pub use record::{Finished, Outcome, Record, Told};
pub use refused::Refused;
pub use state::{State, decisive, state};
pub use taken::{Taken, TakenKind};
pub use waiting::{Start, Waiting};
