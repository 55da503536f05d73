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
    /// The tenant still needs the plan that the publisher approved. The progress says so before anything is written:
    /// once half of a plan is carried out, the rest of it is a different plan.
    PlanApproved,
}
