//! The limits that Microsoft publishes, and what a call costs.
//!
//! Figures: Microsoft Graph service-specific throttling limits (identity 2023, Outlook 2026, SharePoint 2025-10,
//! reports and sign-ins 2025, Teams 2023, Intune 2021; read 2026-11-21). They hold for one application in one tenant, so
//! several workers share them: each takes its [share](super::share).

use std::time::Duration;

use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::observer::Service;

/// How much of the published limits this process may use in one tenant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// How many people the tenant has: the directory's limit grows with it.
    pub size: TenantSize,
    /// This process's part of each limit at first, `0.0..=1.0`; with several workers, one divided by their number. More
    /// for a server without these limits.
    pub share: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { size: TenantSize::Small, share: 1.0 }
    }
}

/// How many people a tenant has, by the steps in which the directory's limit grows: `small`, `medium` or `large` in
/// settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantSize {
    /// Fewer than 50, or unknown.
    #[default]
    Small,
    /// 50 to 500.
    Medium,
    /// More than 500.
    Large,
}

impl TenantSize {
    /// Resource units of the directory in ten seconds.
    fn directory_units(self) -> u32 {
        match self {
            Self::Small => 3_500,
            Self::Medium => 5_000,
            Self::Large => 8_000,
        }
    }
}

/// The units that a call takes from one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Charge {
    /// Which limit of the lane. A limit of one mailbox, team or report has its name.
    pub(super) key: String,
    pub(super) units: u32,
    pub(super) limit: Limit,
}

/// A limit as it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) units: u32,
    pub(super) span: Duration,
    /// Whether a part of it is kept for lock-outs.
    pub(super) has_reserve: bool,
}

/// How many calls of one application Outlook serves in one mailbox at a time. It refuses more.
pub(super) const CALLS_AT_A_TIME_IN_A_MAILBOX: usize = 4;

/// One part in ten of the directory's limits is kept for lock-outs, which all are calls to the directory. In a tenant of
/// 50 to 500 people these are 300 writes in two and a half minutes, and 500 units in ten seconds: enough to lock out
/// a hundred people at three writes each while every other call waits. The others lose a tenth of their pace.
const RESERVE: u32 = 10;

const TEN_MINUTES: Duration = Duration::from_secs(600);
/// No limit has a longer one.
pub(super) const LONGEST_SPAN: Duration = TEN_MINUTES;
const SECOND: Duration = Duration::from_secs(1);

impl Limits {
    /// What a call costs. `path` is encoded and starts below the version, with its query.
    pub(super) fn charges(self, service: Service, method: &Method, path: &str) -> Vec<Charge> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let reads = *method == Method::GET;
        match service {
            Service::Directory => {
                let units = if reads { directory_cost(&segments, query) } else { 1 };
                let mut charges = vec![charge("units", units, self.size.directory_units(), 10 * SECOND)];
                if !reads {
                    charges.push(charge("writes", 1, 3_000, 150 * SECOND));
                }
                charges.into_iter().map(Charge::with_reserve).collect()
            }
            Service::Exchange => mailbox_of(&segments)
                .map(|mailbox| charge(mailbox, 1, 10_000, TEN_MINUTES))
                .into_iter()
                .collect(),
            Service::SharePoint => {
                vec![charge("units", sharepoint_cost(&segments, query, reads), 1_250, 60 * SECOND)]
            }
            Service::Teams => {
                let (key, limit) = if reads { ("reads", 30) } else { ("writes", 30) };
                let mut charges = vec![charge(key, 1, limit, SECOND)];
                if let ["teams", _, "channels", place, ..] | ["teams", place, ..] = segments.as_slice() {
                    charges.push(charge(place, 1, 4, SECOND));
                }
                charges
            }
            Service::Reports => {
                let report = segments.get(1).map(|report| report.split('(').next().unwrap_or(report));
                vec![charge(report.unwrap_or_default(), 1, 14, TEN_MINUTES)]
            }
            Service::SignIns => vec![charge("calls", 1, 10, 60 * SECOND)],
            // Nothing is published.
            Service::ExchangeAdmin => Vec::new(),
            Service::Intune => {
                let mut charges = vec![charge("calls", 1, 2_000, 20 * SECOND)];
                if !reads {
                    charges.push(charge("writes", 1, 200, 20 * SECOND));
                }
                charges
            }
        }
    }
}

fn charge(key: &str, units: u32, limit: u32, span: Duration) -> Charge {
    Charge { key: key.to_owned(), units, limit: Limit { units: limit, span, has_reserve: false } }
}

impl Charge {
    /// Keeps a part of the limit for lock-outs.
    fn with_reserve(self) -> Self {
        Self { limit: Limit { has_reserve: true, ..self.limit }, ..self }
    }
}

impl Limit {
    /// The units of this share of the limit, and how many of them are kept for lock-outs: of a small limit at least one,
    /// and never all.
    pub(super) fn shared(self, share: f64) -> (u32, u32) {
        let units = ((f64::from(self.units) * share.max(0.0)).floor() as u32).max(1);
        let reserve = if self.has_reserve { (units / RESERVE).max(1).min(units - 1) } else { 0 };
        (units, reserve)
    }
}

/// The owner of the mailbox that a path addresses.
pub(super) fn mailbox_of<'a>(segments: &[&'a str]) -> Option<&'a str> {
    match segments {
        ["users", user, ..] => Some(user),
        _ => None,
    }
}

/// Resource units of a read: `$select` saves one, `$expand` costs one, a small `$top` saves one; at least one.
fn directory_cost(segments: &[&str], query: &str) -> u32 {
    let last = segments.last().copied().unwrap_or_default();
    let base: u32 = match (segments.first().copied().unwrap_or_default(), last) {
        ("groups", "members") | ("subscribedSkus", _) | (_, "getByIds") => 3,
        (_, "transitiveMembers") => 5,
        (_, "checkMemberGroups" | "checkMemberObjects") => 4,
        (_, "memberOf" | "transitiveMemberOf" | "ownedObjects" | "licenseDetails") => 2,
        (_, "appRoleAssignments" | "oauth2PermissionGrants") => 2,
        ("users", "users") => 2,
        _ => 1,
    };
    let options = || query.split('&').filter_map(|option| option.split_once('='));
    let has = |name: &str| options().any(|(option, _)| option == name);
    let few = options()
        .any(|(option, value)| option == "$top" && value.parse::<u32>().is_ok_and(|objects| objects < 20));
    let cost = base + u32::from(has("$expand"));
    cost.saturating_sub(u32::from(has("$select"))).saturating_sub(u32::from(few)).max(1)
}

/// Resource units: one for a single object or a delta with its token, two for a listing or a write, five for
/// permissions.
fn sharepoint_cost(segments: &[&str], query: &str, reads: bool) -> u32 {
    let last = segments.last().copied().unwrap_or_default();
    match last {
        _ if segments.iter().any(|segment| matches!(*segment, "permissions" | "invite")) => 5,
        "delta" if query.contains("token=") => 1,
        "delta" | "children" => 2,
        _ if reads => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(service: Service, method: &Method, path: &str) -> Vec<(String, u32)> {
        let charges = Limits::default().charges(service, method, path).into_iter();
        charges.map(|charge| (charge.key, charge.units)).collect()
    }

    #[test]
    fn a_call_costs_what_is_published() {
        let rows = [
            (Service::Directory, "/users?$top=999", "units", 2),
            (Service::Directory, "/users?$select=id&$top=5", "units", 1),
            (Service::Directory, "/users/ada?$select=id", "units", 1),
            (Service::Directory, "/users/ada/memberOf?$expand=owners", "units", 3),
            (Service::Directory, "/groups/g/members", "units", 3),
            (Service::Directory, "/subscribedSkus", "units", 3),
            (Service::Exchange, "/users/ada/mailFolders/inbox/messageRules", "ada", 1),
            (Service::SharePoint, "/drives/d/items/i/children", "units", 2),
            (Service::SharePoint, "/drives/d/items/i/permissions", "units", 5),
            (Service::SharePoint, "/drives/d/root/delta?token=x", "units", 1),
            (Service::Reports, "/reports/getM365AppUserDetail(period='D30')", "getM365AppUserDetail", 1),
        ];
        for (service, path, key, cost) in rows {
            assert_eq!(units(service, &Method::GET, path), [(key.to_owned(), cost)], "{path}");
        }
        let write = units(Service::Directory, &Method::PATCH, "/users/ada?$select=id");
        assert_eq!(write, [("units".to_owned(), 1), ("writes".to_owned(), 1)]);
        let team = units(Service::Teams, &Method::DELETE, "/teams/t/members/m");
        assert_eq!(team, [("writes".to_owned(), 1), ("t".to_owned(), 1)]);
        let channel = units(Service::Teams, &Method::GET, "/teams/t/channels/c/members");
        assert_eq!(channel, [("reads".to_owned(), 1), ("c".to_owned(), 1)]);
    }

    #[test]
    fn a_tenth_of_the_directory_s_limits_is_kept_for_lock_outs() {
        let kept = |share| {
            let limits = Limits { size: TenantSize::Medium, ..Limits::default() };
            let charges = limits.charges(Service::Directory, &Method::PATCH, "/users/ada").into_iter();
            charges.map(|charge| charge.limit.shared(share)).collect::<Vec<_>>()
        };
        assert_eq!(kept(1.0), [(5_000, 500), (3_000, 300)]);
        assert_eq!(kept(0.001), [(5, 1), (3, 1)]);
        assert_eq!(kept(0.0), [(1, 0), (1, 0)]);
    }

    #[test]
    fn settings_name_each_size() {
        let rows =
            [(TenantSize::Small, "small"), (TenantSize::Medium, "medium"), (TenantSize::Large, "large")];
        for (size, name) in rows {
            assert_eq!(serde_json::to_value(size).unwrap(), name);
            assert_eq!(serde_json::from_value::<TenantSize>(name.into()).unwrap(), size);
        }
    }

    #[test]
    fn a_share_is_a_part_of_each_limit_and_never_nothing() {
        let mut charges = Limits::default().charges(Service::Reports, &Method::GET, "/reports/r");
        let limit = charges.remove(0).limit;
        assert_eq!([1.0, 0.5, 0.0].map(|share| limit.shared(share)), [(14, 0), (7, 0), (1, 0)]);
    }

    #[test]
    fn no_span_is_longer_than_the_longest() {
        for service in Service::ALL {
            let charges = Limits::default().charges(service, &Method::PATCH, "/users/ada");
            assert!(charges.iter().all(|charge| charge.limit.span <= LONGEST_SPAN), "{service}");
        }
    }
}
