//! What the caller of a run hears of it, and says to it.

use outcome::{Failure, Record, Taken};

use crate::people::People;
use crate::step::{BoxFuture, Report};

/// Receives every record as soon as its stage is over, and says whether the run may go on. `()` ignores the records
/// and lets every run go on.
pub trait Recorder: Send + Sync {
    /// These steps have finished for good. The next stage starts only after this.
    fn recorded<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Result<(), Interrupted>>;

    /// These are the people that the run has found, before it records what it did to them.
    fn found(&self, _people: &People) {}

    /// Whether the run may begin its next stage, with the people it has found so far. After a stage with steps that
    /// failed temporarily it says whether they failed because the run had to stop.
    fn may_go_on<'a>(&'a self, _people: &'a People) -> BoxFuture<'a, bool> {
        Box::pin(async { true })
    }

    /// Keeps what a step of this action is about to take away. The step writes nothing before the answer, and nothing at
    /// all if that is a failure.
    fn taking<'a>(&'a self, _action: &'a str, _taken: &'a [Taken]) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    /// Goes along with a step of this name and action from its beginning to its end.
    fn during<'a>(
        &'a self,
        _step: &'a str,
        _action: &'a str,
        work: BoxFuture<'a, Report>,
    ) -> BoxFuture<'a, Report> {
        work
    }

    /// Whether the run is stored after each stage, so that no worker that dies takes with it what was done.
    fn stores_each_stage(&self) -> bool {
        false
    }
}

impl Recorder for () {
    fn recorded<'a>(&'a self, _: &'a [Record]) -> BoxFuture<'a, Result<(), Interrupted>> {
        Box::pin(async { Ok(()) })
    }
}

/// The caller can no longer report what happens, so the run stops here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;
