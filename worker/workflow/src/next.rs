//! What comes after an attempt at a run.

use jiff::Timestamp;
use outcome::Failure;

/// What comes after an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Nothing: the run is over, as its records say.
    Over,
    /// Another attempt, from the progress as it is now.
    Resume {
        /// Not before this time.
        at: Timestamp,
        /// What the run waits for.
        because: Because,
    },
    /// Nothing, until an operator acts: the run may not change somebody whom it is about.
    Refused(Failure),
    /// Nothing now: the run had to stop before it was over. It may go on from the progress as it is.
    Stopped,
    /// The last records could not be reported. The message comes again.
    Interrupted,
}

/// Why a run resumes later.
#[derive(Clone, Debug, PartialEq)]
pub enum Because {
    /// A step failed temporarily.
    Retry(Failure),
    /// A stage has not started, or its steps wait.
    Wait {
        /// The stage.
        stage: String,
        /// Another step of it that failed temporarily meanwhile.
        retry: Option<Failure>,
    },
    /// It has looked at the tenant, and has everything to begin with in its progress, which must be stored before the
    /// first write: the steps, the people, the time, and that the tenant needs the plan that was approved. Once half of
    /// a plan is carried out, the rest of it is a different plan.
    Begins,
}
