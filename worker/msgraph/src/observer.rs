//! What the client reports to the program that runs it, which keeps metrics and logs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;

/// Receives a report of every request. The default of each method does nothing.
///
/// The client calls the methods in the middle of a request: they must neither block nor panic.
pub trait Observer: Send + Sync + 'static {
    /// An attempt to talk to Graph ended.
    fn request(&self, _report: &RequestReport<'_>) {}
    /// An HTTP request to Graph ended, with one call or several in a batch.
    fn round_trip(&self, _report: &RoundTripReport) {}
    /// Graph refused a batch as a whole.
    fn batch_refused(&self, _report: &BatchRefusedReport<'_>) {}
    /// The client will retry a request after a wait.
    fn retry(&self, _report: &RetryReport) {}
    /// Graph asked to slow down.
    fn throttled(&self, _report: &ThrottleReport) {}
    /// An attempt to get a token ended.
    fn token(&self, _report: &TokenReport) {}
    /// Somebody calls Graph. The reports of the attempts also go to what this returns: they come from another task,
    /// which does not know who called.
    fn call(&self) -> Option<Arc<dyn CallObserver>> {
        None
    }
}

/// Receives the reports of one call.
pub trait CallObserver: Send + Sync {
    /// An attempt ended.
    fn attempt(&self, report: &RequestReport<'_>, to: &Destination<'_>);
}

/// Ignores every report.
impl Observer for () {}

/// A Microsoft service behind Graph: Graph throttles each of them separately.
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
    /// The administration of Exchange, which is not behind Graph.
    ExchangeAdmin,
    /// Last sign-ins, which Graph counts apart from the directory.
    SignIns,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 8] = [
        Self::Directory,
        Self::Exchange,
        Self::SharePoint,
        Self::Teams,
        Self::Reports,
        Self::Intune,
        Self::ExchangeAdmin,
        Self::SignIns,
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
            Self::SignIns => "sign_ins",
        }
    }

    /// The service that answers a path, by the segments below the version.
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
    /// Without a usable answer: `timeout`, `connect`, `connection`, `decode` and the like.
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
    /// Graph's id of the request, or ours if Graph sent none.
    pub request_id: &'a str,
}

/// Where a request went, without anybody's name or id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination<'a> {
    /// The host.
    pub host: &'a str,
    /// The port, also where it is that of the scheme.
    pub port: Option<u16>,
    /// The path, in which everything but Graph's own words is `{id}`, such as `/users/{id}/manager/$ref`.
    pub route: String,
}

/// One HTTP request to Graph, with one call or a batch of them.
#[derive(Debug, Clone, Copy)]
pub struct RoundTripReport {
    /// The service it was for.
    pub service: Service,
    /// How many calls the request carried.
    pub calls: usize,
    /// How long it took.
    pub elapsed: Duration,
}

/// A batch that Graph answered with an error for all of its calls.
#[derive(Debug, Clone, Copy)]
pub struct BatchRefusedReport<'a> {
    /// The service it was for.
    pub service: Service,
    /// How many calls it carried.
    pub calls: usize,
    /// Graph's answer.
    pub error: &'a Error,
}

/// A request that the client will retry.
#[derive(Debug, Clone, Copy)]
pub struct RetryReport {
    /// The service it is for.
    pub service: Service,
    /// How the last attempt ended.
    pub reason: Outcome,
    /// The number of the next attempt.
    pub attempt: u32,
    /// How long the client waits before it.
    pub wait: Duration,
}

/// An answer that asks to slow down: 429, or 503 with `Retry-After`.
#[derive(Debug, Clone, Copy)]
pub struct ThrottleReport {
    /// The service that is throttled.
    pub service: Service,
    /// How long it asks the client to wait, if it says so.
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
