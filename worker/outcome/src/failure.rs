//! Why a step failed, and who must act.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Who must act before a failure can go away. The engine and the consumer look at nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Time: throttled, unavailable, not yet visible.
    Retry,
    /// The publisher: the event is at fault, and nothing has been written for it.
    Rejected,
    /// An operator or an administrator: a permission, a licence, a secret is missing.
    Blocked,
    /// The makers of Gatehouse: a broken invariant, an unreadable answer, a panic.
    Fault,
}

impl Class {
    /// The word on the wire, in logs and in metrics.
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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[error("{code}: {message}")]
pub struct Failure {
    /// Who must act next.
    pub class: Class,
    /// Stable, `snake_case`, never reworded.
    pub code: String,
    /// What happened and what to do, without personal data.
    pub message: String,
    /// How long the other side asked to be left alone. Only with [`Class::Retry`]; not carried.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
    /// The service's own id of the request that failed, for its support; not carried.
    #[serde(skip)]
    pub request_id: Option<String>,
    /// The HTTP status of the request that failed; not carried.
    #[serde(skip)]
    pub http_status: Option<u16>,
    /// The failure that every attempt met, if this one only says that attempts ran out; not carried.
    #[serde(skip)]
    pub exhausted_by: Option<Box<Failure>>,
    /// The step's parameters at fault: a rejection stands only if the event filled one of them. Only with
    /// [`Class::Rejected`]; not carried.
    #[serde(skip)]
    pub parameters: &'static [&'static str],
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
            exhausted_by: None,
            parameters: &[],
        }
    }

    /// This failure, when no attempt is left: the code says so, and what every attempt met stays known.
    #[must_use]
    pub fn exhausted(self, message: impl Into<String>) -> Self {
        let code = "retries_exhausted".to_owned();
        Self { message: message.into(), exhausted_by: Some(Box::new(self.clone())), code, ..self }
    }

    /// This failure, for an operator to act on.
    #[must_use]
    pub fn blocked(self) -> Self {
        Self { class: Class::Blocked, parameters: &[], ..self }
    }

    /// This failure, with the stage and the step in which it was found.
    #[must_use]
    pub fn at(self, stage: &str, step: &str) -> Self {
        Self { message: format!("{stage} / {step}: {}", self.message), ..self }
    }

    /// A failure that the publisher must act on.
    pub fn rejected(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Class::Rejected, code, message)
    }
}
