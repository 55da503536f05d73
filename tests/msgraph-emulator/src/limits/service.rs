//! The services behind Graph, recognised by the path, and the limits of each.

use std::time::Duration;

use hyper::{Method, StatusCode};

use super::size::Size;
use crate::http::refusal::Refusal;
use crate::http::request::Request;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A service with limits of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Identity,
    Outlook,
    SharePoint,
    Teams,
    Reports,
    AuditLogs,
    Intune,
}

/// The share of a request in one limit.
#[derive(Debug)]
pub(super) struct Charge {
    /// The scope of the limit, as `x-ms-throttle-scope` names it.
    pub(super) scope: String,
    pub(super) size: f64,
    pub(super) time: Duration,
    pub(super) cost: f64,
    /// `x-ms-throttle-information`.
    pub(super) reason: &'static str,
}

/// The mailbox a path leads into.
pub(crate) fn mailbox<'a>(path: &[&'a str]) -> Option<&'a str> {
    match *path {
        [
            "users",
            mailbox,
            "calendar" | "calendarGroups" | "calendarView" | "calendars" | "events" | "mailFolders"
            | "mailboxSettings" | "messages" | "sendMail",
            ..,
        ] => Some(mailbox),
        _ => None,
    }
}

impl Service {
    /// The service that answers a request, by its path below the version. Sign-ins of users come from the reports on
    /// identity and access ("Throttling limits", 2025).
    pub(super) fn of(request: &Request, path: &[&str]) -> Self {
        match *path {
            ["users"] | ["users", _] if request.method == Method::GET && selects_sign_ins(request) => {
                Self::AuditLogs
            }
            _ if mailbox(path).is_some() => Self::Outlook,
            ["drives" | "sites" | "shares", ..] => Self::SharePoint,
            ["users" | "groups", _, "drive" | "drives" | "sites", ..] => Self::SharePoint,
            ["teams", ..] | ["users", _, "joinedTeams", ..] => Self::Teams,
            ["reports", ..] => Self::Reports,
            ["auditLogs", ..] => Self::AuditLogs,
            ["deviceManagement", ..] | ["users", _, "managedDevices", ..] => Self::Intune,
            _ => Self::Identity,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Outlook => "outlook",
            Self::SharePoint => "sharepoint",
            Self::Teams => "teams",
            Self::Reports => "reports",
            Self::AuditLogs => "audit_logs",
            Self::Intune => "intune",
        }
    }

    /// Every limit a request counts against.
    pub(super) fn charges(
        self,
        size: Size,
        request: &Request,
        path: &[&str],
        (application, tenant): (&str, &str),
        units: u64,
    ) -> Vec<Charge> {
        let service = self.name();
        let both = |kind: &str| format!("Tenant_Application/{kind}/{application}/{tenant}");
        let own = |what: &str| both(&format!("{service}-{what}"));
        let writes = request.method != Method::GET;
        let count = |scope: String, size: f64, time| Charge { scope, size, time, cost: 1.0, reason: "" };
        let units =
            |scope: String, size: f64, time| Charge { cost: units as f64, ..count(scope, size, time) };
        // 130,000 requests in 10 s for an application over all tenants, of which there is one here.
        let mut charges = vec![count(format!("Application/All/{application}"), 130_000.0, 10 * SECOND)];
        match self {
            Self::Identity => {
                let reason = "ResourceUnitLimitExceeded";
                let quota = by_size(size, [3_500.0, 5_000.0, 8_000.0]);
                charges.push(Charge { reason, ..units(both("ReadWrite"), quota, 10 * SECOND) });
                if writes && !is_reading_post(path) {
                    let reason = "WriteLimitExceeded";
                    charges.push(Charge { reason, ..count(both("Write"), 3_000.0, 150 * SECOND) });
                    let scope = format!("Tenant/Write/{tenant}");
                    charges.push(Charge { reason, ..count(scope, 18_000.0, 5 * MINUTE) });
                }
            }
            Self::Outlook => {
                let mailbox = mailbox(path).unwrap_or_default().to_lowercase();
                charges.push(count(own(&mailbox), 10_000.0, 10 * MINUTE));
                let bytes = request.body.len() as f64;
                let megabytes = 150.0 * 1024.0 * 1024.0;
                let upload = own(&format!("upload-{mailbox}"));
                charges.push(Charge { cost: bytes, ..count(upload, megabytes, 5 * MINUTE) });
            }
            Self::SharePoint => {
                // By licences bought: up to 1,000, the same, above 50,000.
                charges.push(units(own("minute"), by_size(size, [1_250.0, 1_250.0, 6_250.0]), MINUTE));
                charges.push(units(own("day"), by_size(size, [1.2e6, 1.2e6, 6e6]), DAY));
            }
            Self::Teams => charges.extend(teams(request, path, own, count)),
            Self::Reports => {
                let options = request.options().unwrap_or_default();
                let is_json = options.iter().any(|(_, value)| value == "application/json");
                let report = path.get(1).and_then(|report| report.split('(').next()).unwrap_or_default();
                let quota = if is_json { 100.0 } else { 14.0 };
                let kind = if is_json { "json" } else { "csv" };
                charges.push(count(own(&format!("{report}-{kind}")), quota, 10 * MINUTE));
                if !is_json {
                    charges.push(count(format!("Tenant/{report}/{tenant}"), 40.0, 10 * MINUTE));
                }
            }
            Self::AuditLogs if path.first() == Some(&"users") => {
                charges.push(count(own("sign-in-activity"), 10.0, MINUTE));
            }
            Self::AuditLogs => charges.push(count(own("all"), 5.0, 10 * SECOND)),
            Self::Intune => {
                charges.push(count(own("all"), 2_000.0, 20 * SECOND));
                if writes {
                    charges.push(count(own("write"), 200.0, 20 * SECOND));
                }
            }
        }
        charges
    }

    /// The refusal of a service that is over its limit.
    pub(super) fn refusal(self, charge: &Charge) -> Refusal {
        match self {
            Self::Identity if !charge.reason.is_empty() => {
                Refusal::throttled("TooManyRequests", "Too many requests")
            }
            // The name of this limit in the sentence is ours: a sample was found of MailboxConcurrency only.
            Self::Outlook => {
                Refusal::throttled("ApplicationThrottled", "Application is over its RequestRate limit.")
            }
            Self::SharePoint => Refusal::throttled("activityLimitReached", "The request has been throttled"),
            _ => Refusal::throttled("TooManyRequests", "Please retry again later."),
        }
    }
}

/// Teams counts requests a second by kind, and four a second for one team or channel.
fn teams(
    request: &Request,
    path: &[&str],
    own: impl Fn(&str) -> String,
    count: impl Fn(String, f64, Duration) -> Charge,
) -> Vec<Charge> {
    let (kind, quota) = match (&request.method, path) {
        (&Method::GET, [.., "members"]) => ("members", 60.0),
        (&Method::GET, _) => ("read", 30.0),
        (&Method::DELETE, ["teams", _, "channels", _]) => ("delete-channel", 15.0),
        _ => ("write", 30.0),
    };
    let mut charges = vec![count(own(kind), quota, SECOND)];
    if let ["teams", _, "channels", place, ..] | ["teams", place, ..] = *path {
        charges.push(count(own(&place.to_lowercase()), 4.0, SECOND));
    }
    charges
}

fn selects_sign_ins(request: &Request) -> bool {
    let options = request.options().unwrap_or_default();
    let mut selects = options.iter().filter(|(name, _)| name == "$select");
    selects.any(|(_, names)| names.split(',').any(|name| name.trim() == "signInActivity"))
}

/// Actions that only read although they are posted.
fn is_reading_post(path: &[&str]) -> bool {
    matches!(path, [.., "getByIds" | "checkMemberGroups" | "checkMemberObjects"])
}

fn by_size(size: Size, [small, medium, large]: [f64; 3]) -> f64 {
    match size {
        Size::Small => small,
        Size::Medium => medium,
        Size::Large => large,
    }
}

impl Refusal {
    /// 429, too many requests.
    pub(super) fn throttled(code: &str, message: &str) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, message)
    }
}
