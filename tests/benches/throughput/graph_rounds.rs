//! Onboarding runs a second, beside a loop that only makes the same HTTP calls.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use msgraph_emulator::{Group, Sku, Tenant, User};
use serde_json::json;
use system_tests::{Testbed, events};

use crate::measured::{Measured, bare_loop};
use crate::process::median;
use crate::size::Size;

const IN_FLIGHT: usize = 16;

/// Prints runs a second of both. Asserts that both make the same calls for each run.
pub async fn run(size: &Size) {
    println!("onboarding runs; the bare loop makes the same HTTP calls");
    let (mut ours, mut bares, mut our_cpu, mut bare_cpu) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut calls = 0;
    for _ in 0..size.rounds {
        let mut testbed = testbed_of().await;
        hire(&testbed, size.hires).await;
        let worker = Measured::start(&mut testbed).await;
        let (rate, cpu) = worker.rate(size.hires).await;
        worker.stop().await;
        let calls_of_worker = calls_by_kind(&testbed);
        testbed.emulator.reset();
        let (bare_rate, bare) = bare(&testbed, size.hires).await;
        let calls_of_bare = calls_by_kind(&testbed);
        assert_eq!(calls_of_bare, calls_of_worker, "the bare loop must make the worker's calls");
        calls = calls_of_worker.values().sum::<usize>() / size.hires;
        testbed.close().await;
        ours.push(rate);
        our_cpu.push(cpu);
        bares.push(bare_rate);
        bare_cpu.push(bare);
    }
    let (ours, bares) = (median(ours), median(bares));
    println!(
        "{IN_FLIGHT} in flight, {calls} calls a run: gatehouse {ours:.0} runs/s, bare {bares:.0} runs/s, ratio {:.2}; \
         CPU a run {:.0} µs and {:.0} µs",
        ours / bares,
        median(our_cpu),
        median(bare_cpu),
    );
}

async fn testbed_of() -> Testbed {
    let tenant = Tenant::empty()
        .sku(Sku::new("EMS", 1_000_000).plan("INTUNE_A"))
        .user(User::new("grace@contoso.example", "Grace Hopper"))
        .group(Group::security("Engineers"));
    let testbed = Testbed::with(tenant).set("WORKER__CONCURRENCY", IN_FLIGHT).without_results();
    // These hires cost more than a tenant allows in ten seconds, and the bare loop keeps no limit.
    testbed.set("GRAPH__LIMITS_SHARE", 1000).build().await
}

/// Publishes the events of this many hires.
async fn hire(testbed: &Testbed, count: usize) {
    join_all((0..count).map(|number| async move {
        let person = json!({
            "upn": format!("hire{number}@contoso.example"), "employee_id": format!("H{number}"),
            "display_name": "Ada Lovelace", "usage_location": "GB",
        });
        let id = uuid::Uuid::new_v4().to_string();
        let event = events::onboarding(&id, person, json!({ "licenses": ["EMS"], "groups": ["Engineers"] }));
        let event = events::with(event, "manager", json!({ "upn": "grace@contoso.example" }));
        testbed.publisher.event(&event).await;
    }))
    .await;
}

async fn bare(testbed: &Testbed, count: usize) -> (f64, f64) {
    let application = testbed.emulator.application();
    let (url, hires, in_flight) = (testbed.emulator.url(), count.to_string(), IN_FLIGHT.to_string());
    let (tenant, client, secret) = (application.tenant_id, application.client_id, application.client_secret);
    let arguments = ["bare-graph", &url, &tenant, &client, &secret, &hires, &in_flight];
    bare_loop(&arguments, count).await
}

/// How many calls of each method and kind of path there were, without tokens, the batches that carry calls, and the
/// holders of roles, whom a worker reads once for many runs.
fn calls_by_kind(testbed: &Testbed) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    let journal = testbed.emulator.journal().into_iter();
    for entry in journal.filter(|entry| !is_shared(&entry.path) && !entry.token) {
        let kind: Vec<&str> =
            entry.path.split('/').map(|part| if is_name(part) { "*" } else { part }).collect();
        *calls.entry(format!("{} {}", entry.method, kind.join("/"))).or_default() += 1;
    }
    calls
}

fn is_shared(path: &str) -> bool {
    path.ends_with("/$batch") || path.contains("/roleManagement/")
}

fn is_name(part: &str) -> bool {
    part.contains('@') || uuid::Uuid::try_parse(part).is_ok()
}
