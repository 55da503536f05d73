//! What the client tells whoever runs it, so that metrics and logs live elsewhere.

use std::fmt;
use std::time::Duration;

/// Hears of every request the client makes. Every method does nothing unless implemented.
///
/// The methods are called in the middle of a request: they must neither block nor panic.
pub trait Observer: Send + Sync + 'static {
    /// An attempt to talk to Graph ended.
    fn request(&self, _report: &RequestReport<'_>) {}
    /// A journey to Graph and back ended, with one call or several.
    fn round_trip(&self, _report: &RoundTripReport) {}
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
    /// Mail, calendars and mailbox settings.
    Exchange,
    /// Files and sites.
    SharePoint,
    /// Teams and channels.
    Teams,
    /// Usage reports.
    Reports,
    /// Managed devices.
    Intune,
    /// Exchange's administration, which is not behind Graph.
    ExchangeAdmin,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 7] = [
        Self::Directory,
        Self::Exchange,
        Self::SharePoint,
        Self::Teams,
        Self::Reports,
        Self::Intune,
        Self::ExchangeAdmin,
    ];

    /// The name used in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Exchange => "exchange",
            Self::SharePoint => "sharepoint",
            Self::Teams => "teams",
            Self::Reports => "reports",
            Self::Intune => "intune",
            Self::ExchangeAdmin => "exchange_admin",
        }
    }

    /// The service that answers for a path, by its segments below the version.
    pub(crate) fn behind(segments: &[&str]) -> Self {
        match segments {
            ["users", _, below, ..] => match *below {
                "mailboxSettings"
                | "messages"
                | "mailFolders"
                | "calendar"
                | "calendars"
                | "calendarGroups"
                | "calendarView"
                | "events"
                | "contacts"
                | "contactFolders"
                | "sendMail"
                | "inferenceClassification"
                | "outlook" => Self::Exchange,
                "drive" | "drives" | "followedSites" => Self::SharePoint,
                "joinedTeams" | "teamwork" | "chats" => Self::Teams,
                "managedDevices" => Self::Intune,
                _ => Self::Directory,
            },
            ["drives" | "sites" | "shares", ..] | ["groups", _, "drive" | "drives" | "sites", ..] => {
                Self::SharePoint
            }
            ["teams" | "chats" | "teamwork", ..] => Self::Teams,
            ["reports", ..] => Self::Reports,
            ["deviceManagement" | "deviceAppManagement", ..] => Self::Intune,
            _ => Self::Directory,
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

/// One HTTP request to Graph, whatever number of calls it carried.
#[derive(Debug, Clone, Copy)]
pub struct RoundTripReport {
    /// The service it was for.
    pub service: Service,
    /// How many calls travelled together.
    pub calls: usize,
    /// How long it took.
    pub elapsed: Duration,
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
