//! What the client tells whoever runs it, so that metrics and logs live elsewhere.

use std::fmt;
use std::time::Duration;

/// Hears of every request the client makes. Every method does nothing unless implemented.
///
/// The methods are called in the middle of a request: they must neither block nor panic.
pub trait Observer: Send + Sync + 'static {
    /// An attempt to talk to Graph ended.
    fn request(&self, _report: &RequestReport<'_>) {}
    /// A request will be repeated after a wait.
    fn retry(&self, _report: &RetryReport) {}
    /// Graph asked to slow down.
    fn throttled(&self, _report: &ThrottleReport) {}
    /// An attempt to get a token ended.
    fn token(&self, _report: &TokenReport) {}
}

/// Hears nothing.
impl Observer for () {}

/// A Microsoft service behind Graph: the unit Graph throttles by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// Users, groups and licences: Microsoft Entra.
    Directory,
}

impl Service {
    /// The name used in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer of this HTTP status.
    Status(u16),
    /// Without a usable answer: `timeout`, `connect`, `connection`, `decode`, ...
    Failed(&'static str),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Failed(class) => f.write_str(class),
        }
    }
}

/// One attempt of one request.
#[derive(Debug, Clone, Copy)]
pub struct RequestReport<'a> {
    /// The service it was for.
    pub service: Service,
    /// The HTTP method.
    pub method: &'a str,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, the whole answer included.
    pub elapsed: Duration,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Graph's id of the request, or ours when Graph told none.
    pub request_id: &'a str,
}

/// A request that will be made again.
#[derive(Debug, Clone, Copy)]
pub struct RetryReport {
    /// The service it is for.
    pub service: Service,
    /// How the last attempt ended.
    pub reason: Outcome,
    /// The attempt that comes next.
    pub attempt: u32,
    /// How long the client waits before it.
    pub wait: Duration,
}

/// An answer that asks to slow down: 429, or 503 with `Retry-After`.
#[derive(Debug, Clone, Copy)]
pub struct ThrottleReport {
    /// The service that is throttled.
    pub service: Service,
    /// How long it asks to be left alone, if it says so.
    pub retry_after: Option<Duration>,
}

/// One attempt to get a token.
#[derive(Debug, Clone, Copy)]
pub struct TokenReport {
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub elapsed: Duration,
}
