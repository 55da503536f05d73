//! How many requests each service accepts under its limits.

use bytes::Bytes;
use hyper::{HeaderMap, Method};

use super::{Limiter, Limits, Usage};
use crate::http::request::Request;

fn request(method: Method, address: &str) -> Request {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    Request {
        method,
        path: format!("/v1.0/{path}"),
        query: query.to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        request_id: "r".to_owned(),
        secure: false,
        for_files: false,
        batch: None,
    }
}

fn units(method: Method, address: &str) -> u64 {
    let mut limiter = Limiter::new(None);
    limiter.admit(&request(method, address), "app", "tenant");
    limiter.usage().values().map(|usage| usage.units).sum()
}

/// How many requests a service accepts before it refuses one.
fn taken(limits: Limits, method: Method, address: &str) -> usize {
    let mut limiter = Limiter::new(Some(limits));
    let request = request(method, address);
    // Buckets drain while this counts, so that a few more fit.
    (0..).find(|_| limiter.admit(&request, "app", "tenant").refused.is_some()).unwrap()
}

#[test]
fn requests_cost_what_is_published() {
    let cases = [
        ("users", 2),
        ("users?$select=id", 1),
        ("users?$expand=manager", 3),
        ("users?$expand=manager&$select=id&$top=5", 1),
        ("users/1", 1),
        ("users/delta", 1),
        ("users/delta()?$select=id,displayName", 1),
        ("users/delta?$expand=manager", 2),
        ("users/delta?$deltatoken=abc", 1),
        ("groups?$expand=members", 2),
        ("users/1/memberOf/microsoft.graph.group?$select=id", 1),
        ("users/1/licenseDetails", 2),
        ("groups/1/members", 3),
        ("groups/1/members?$top=20", 3),
        ("groups/1/members?$top=19", 2),
        ("groups/1/transitiveMembers", 5),
        ("subscribedSkus", 3),
        ("subscribedSkus?$select=skuId", 2),
        ("servicePrincipals('1')/appRoleAssignments", 2),
        ("drives/1/items/2", 1),
        ("drives/1/items/2/children", 2),
        ("drives/1/root/delta", 2),
        ("drives/1/root/delta?token=abc", 1),
        ("drives/1/items/2/permissions", 5),
        ("users/1/mailboxSettings", 1),
    ];
    for (address, cost) in cases {
        assert_eq!(units(Method::GET, address), cost, "{address}");
    }
    assert_eq!(units(Method::POST, "users/1/assignLicense"), 1);
    assert_eq!(units(Method::POST, "drives/1/items/2/invite"), 5);
}

#[test]
fn every_service_has_its_own_limit() {
    let small = Limits::small();
    let cases = [
        (Method::GET, "users?$select=id", 3_500),
        (Method::POST, "users/1/assignLicense", 3_000),
        (Method::GET, "users/1/mailFolders/inbox/messageRules", 10_000),
        (Method::GET, "reports/getOffice365ActiveUserDetail(period='D7')", 14),
        (Method::GET, "reports/getM365AppUserDetail(period='D7')?$format=application/json", 100),
        (Method::GET, "auditLogs/signIns", 5),
        (Method::GET, "teams/1/members", 4),
        (Method::GET, "users/1/joinedTeams", 30),
        (Method::GET, "drives/1/items/2", 1_250),
        (Method::POST, "deviceManagement/managedDevices/1/wipe", 200),
    ];
    for (method, address, quota) in cases {
        let taken = taken(small, method, address);
        let slack = quota / 4 + 1;
        assert!((quota..=quota + slack).contains(&taken), "{address}: {taken}");
    }
    let large = taken(Limits::large(), Method::GET, "users?$select=id");
    assert!(large >= 8_000, "{large}");
    let scaled = taken(Limits::small().scaled(10), Method::GET, "users?$select=id");
    assert!((350..=600).contains(&scaled), "{scaled}");
}

#[test]
fn a_mailbox_takes_four_requests_at_a_time() {
    let mut limiter = Limiter::new(Some(Limits::small()));
    let ada = request(Method::GET, "users/ada@contoso.example/mailboxSettings");
    let admitted: Vec<_> = (0..4).map(|_| limiter.admit(&ada, "app", "tenant")).collect();
    assert!(admitted.iter().all(|admission| admission.refused.is_none()));
    assert!(limiter.admit(&ada, "app", "tenant").refused.is_some());
    let grace = request(Method::GET, "users/grace@contoso.example/events");
    assert!(limiter.admit(&grace, "app", "tenant").refused.is_none(), "another mailbox");
    assert!(limiter.admit(&ada, "other", "tenant").refused.is_none(), "another application");
    drop(admitted);
    assert!(limiter.admit(&ada, "app", "tenant").refused.is_none());
    assert_eq!(limiter.usage()["outlook"], Usage { requests: 7, units: 7, throttled: 1 });
}
