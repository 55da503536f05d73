//! What became of a step, and who must act when it failed.

use std::time::Duration;

use crate::wait::Wait;

/// What became of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Something was missing and is so now; one sentence a write.
    Changed(Vec<String>),
    /// Everything was already as asked.
    Unchanged,
    /// What apply would write; nothing was written.
    Planned(Vec<String>),
    /// The step was passed over, and why.
    Skipped(String),
    /// The step has to look again; it has not finished, and so has no record but in a plan.
    Waiting {
        /// What it wrote meanwhile; one sentence a write.
        changes: Vec<String>,
        /// For what and for how long.
        wait: Wait,
    },
    /// The step could not make it so.
    Failed(Failure),
}

/// An [`Outcome`] without what it carries: the word that is used on the wire and in metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutcomeKind {
    /// See [`Outcome::Changed`].
    Changed,
    /// See [`Outcome::Unchanged`].
    Unchanged,
    /// See [`Outcome::Planned`].
    Planned,
    /// See [`Outcome::Skipped`].
    Skipped,
    /// See [`Outcome::Waiting`].
    Waiting,
    /// See [`Outcome::Failed`].
    Failed,
}

impl Outcome {
    /// The outcome's word.
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Changed(_) => OutcomeKind::Changed,
            Self::Unchanged => OutcomeKind::Unchanged,
            Self::Planned(_) => OutcomeKind::Planned,
            Self::Skipped(_) => OutcomeKind::Skipped,
            Self::Waiting { .. } => OutcomeKind::Waiting,
            Self::Failed(_) => OutcomeKind::Failed,
        }
    }

    /// The changes made or planned, if any.
    pub fn changes(&self) -> &[String] {
        match self {
            Self::Changed(changes) | Self::Planned(changes) | Self::Waiting { changes, .. } => changes,
            Self::Unchanged | Self::Skipped(_) | Self::Failed(_) => &[],
        }
    }
}

impl OutcomeKind {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Planned => "planned",
            Self::Skipped => "skipped",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
        }
    }
}

/// Who must act before a failure can go away. The engine and the consumer look at nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Time: throttled, unavailable, not yet visible.
    Retry,
    /// The publisher: the request cannot be carried out as it was made.
    Rejected,
    /// An operator or an administrator: a permission, a licence, a secret is missing.
    Blocked,
    /// Us: a broken invariant, an answer nobody can read, a panic.
    Fault,
}

impl Class {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Rejected => "rejected",
            Self::Blocked => "blocked",
            Self::Fault => "fault",
        }
    }
}

/// Why a step failed. `code` is stable and fit for a script; `message` is for people and names objects by id.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    /// Who must act next.
    pub class: Class,
    /// Stable, `snake_case`, never reworded.
    pub code: String,
    /// What happened and what to do, without personal data.
    pub message: String,
    /// The other side asked to be left alone for this long. Only with [`Class::Retry`].
    pub retry_after: Option<Duration>,
    /// The service's own id of the request that failed, for its support.
    pub request_id: Option<String>,
    /// The HTTP status of the request that failed.
    pub http_status: Option<u16>,
}

impl Failure {
    /// A failure of this class with a stable code.
    pub fn new(class: Class, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            class,
            code: code.into(),
            message: message.into(),
            retry_after: None,
            request_id: None,
            http_status: None,
        }
    }

    /// Shorthand for [`Class::Rejected`].
    pub fn rejected(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Class::Rejected, code, message)
    }
}

/// Something a step saw, had good reason to leave alone, and says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Stable, `snake_case`.
    pub code: String,
    /// What was left and why, naming objects by id.
    pub detail: String,
    /// Whether somebody still has to do something.
    pub needs: Needs,
}

/// Who still has to act on something that was left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nobody: it goes by itself, or is meant to stay.
    Nobody,
    /// An operator: until then the run is `partial`.
    Operator,
}

impl Needs {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Operator => "operator",
        }
    }
}
