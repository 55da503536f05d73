//! Why a pass ended early.

use std::fmt;
use std::time::Duration;

use crate::cursor::CursorProblem;

/// A pass that ended early. Rows it returned are true, and they are not all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Graph refused, or cannot be reached.
    #[error(transparent)]
    Graph(#[from] msgraph::Error),
    /// The application or its service account may not read usage reports.
    #[error("{0}: grant Reports.Read.All; a service account also needs the role Reports Reader")]
    NoReports(#[source] msgraph::Error),
    /// The application may not read what the pass is about.
    #[error("{0}: grant {1}")]
    NotGranted(#[source] msgraph::Error, &'static str),
    /// Changes cannot be told; only a full pass can.
    #[error("a full pass is needed: {0}")]
    FullPassNeeded(FullPassReason),
}

impl Error {
    /// The same with the permission to grant, if Graph refuses for want of it.
    pub(crate) fn for_want_of(permission: &'static str) -> impl Fn(msgraph::Error) -> Self {
        move |error| {
            if error.is_forbidden() { Self::NotGranted(error, permission) } else { Self::Graph(error) }
        }
    }

    /// How long to wait until a limit of Graph has room again, if that is all that is wrong.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Graph(error) if error.is_throttled() => error.retry_after(),
            _ => None,
        }
    }
}

/// Why changes since the last pass cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FullPassReason {
    /// The cursor cannot be used.
    Cursor(CursorProblem),
    /// Graph no longer knows the state that the cursor names.
    TokenExpired,
    /// More people changed than one round can tell apart; a full pass is shorter by then.
    TooManyChanges,
}

impl fmt::Display for FullPassReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cursor(problem) => problem.fmt(f),
            Self::TokenExpired => {
                f.write_str("Microsoft Graph no longer knows the state that the cursor names")
            }
            Self::TooManyChanges => f.write_str("too many people changed since the last pass"),
        }
    }
}

impl FullPassReason {
    /// The reason in one word, for data.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cursor(problem) => problem.code(),
            Self::TokenExpired => "token_expired",
            Self::TooManyChanges => "too_many_changes",
        }
    }
}
