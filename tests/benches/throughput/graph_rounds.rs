//! Onboarding runs a second, beside a loop that makes the same HTTP calls and nothing else.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use msgraph_emulator::{Group, Sku, Tenant, User};
use serde_json::json;
use system_tests::{House, events};

use crate::measured::{Measured, bare_loop};
use crate::process::median;

const HIRES: usize = 400;
const IN_FLIGHT: usize = 16;
const ROUNDS: usize = 3;

/// Prints runs a second of both, and that their calls were the same.
pub async fn run() {
    let (mut ours, mut bares, mut our_cpu, mut bare_cpu) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut calls = 0;
    for _ in 0..ROUNDS {
        let mut house = house().await;
        hire(&house).await;
        let worker = Measured::start(&mut house).await;
        let (rate, cpu) = worker.rate(HIRES).await;
        worker.stop().await;
        let calls_of_worker = calls_by_kind(&house);
        house.emulator.reset();
        let (bare_rate, bare) = bare(&house).await;
        assert_eq!(calls_by_kind(&house), calls_of_worker, "the bare loop makes other calls than the worker");
        calls = calls_of_worker.values().sum::<usize>() / HIRES;
        house.close().await;
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

async fn house() -> House {
    let tenant = Tenant::empty()
        .sku(Sku::new("EMS", 1_000_000).plan("INTUNE_A"))
        .user(User::new("grace@contoso.example", "Grace Hopper"))
        .group(Group::security("Engineers"));
    let house = House::with(tenant).set("WORKER__CONCURRENCY", IN_FLIGHT).deaf();
    // Four hundred hires cost more than a small tenant allows in ten seconds, and the bare loop knows no limit.
    house.set("TENANTS__CONTOSO__SIZE", "large").build().await
}

/// Leaves the hires in the queue.
async fn hire(house: &House) {
    join_all((0..HIRES).map(|number| async move {
        let person = json!({
            "upn": format!("hire{number}@contoso.example"), "employee_id": format!("H{number}"),
            "display_name": "Ada Lovelace", "usage_location": "GB",
        });
        let id = uuid::Uuid::new_v4().to_string();
        let event = events::onboarding(&id, person, json!({ "licenses": ["EMS"], "groups": ["Engineers"] }));
        let event = events::with(event, "manager", json!({ "upn": "grace@contoso.example" }));
        house.queues.event(&event).await;
    }))
    .await;
}

async fn bare(house: &House) -> (f64, f64) {
    let application = house.emulator.application();
    let (url, count, in_flight) = (house.emulator.url(), HIRES.to_string(), IN_FLIGHT.to_string());
    let (tenant, client, secret) = (application.tenant_id, application.client_id, application.client_secret);
    let arguments = ["bare-graph", &url, &tenant, &client, &secret, &count, &in_flight];
    bare_loop(&arguments, HIRES).await
}

/// How many calls there were of each method and kind of path, without the tokens and the batches they travelled in.
fn calls_by_kind(house: &House) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    let journal = house.emulator.journal().into_iter();
    for entry in journal.filter(|entry| !entry.token && !entry.path.ends_with("/$batch")) {
        let kind: Vec<&str> =
            entry.path.split('/').map(|part| if is_name(part) { "*" } else { part }).collect();
        *calls.entry(format!("{} {}", entry.method, kind.join("/"))).or_default() += 1;
    }
    calls
}

fn is_name(part: &str) -> bool {
    part.contains('@') || uuid::Uuid::try_parse(part).is_ok()
}
