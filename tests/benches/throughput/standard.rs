//! Onboarding and offboarding of a standard person: time, round trips and resource units; and how close two hundred
//! leavers at once come to what Microsoft's limits allow.
//!
//! The tenant answers after 50 ms. The person has three licences, forty groups and two inbox rules, which the default
//! offboarding leaves.

use std::time::{Duration, Instant};

use msgraph_emulator::{Group, Limits, Mailbox, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events};

use crate::measured::Measured;
use crate::process::median;
use crate::size::Size;

const GROUPS: usize = 40;
const LICENSES: [&str; 3] = ["SPE_E3", "VISIOCLIENT", "POWER_BI_PRO"];
const LATENCY: Duration = Duration::from_millis(50);
const IN_FLIGHT: usize = 16;

/// What a tenant of 50 to 500 people allows: writes in two and a half minutes, units in ten seconds.
const WRITES: (f64, f64) = (3_000.0, 150.0);
const UNITS: (f64, f64) = (5_000.0, 10.0);

/// Prints a line for each event, with and without batching.
pub async fn run(size: &Size) {
    println!("one person with 3 licences, 40 groups and 2 inbox rules; the tenant answers after 50 ms");
    println!(
        "{:<12} {:>9} {:>10} {:>12} {:>14} {:>6} {:>10}",
        "event", "batching", "wall time", "round trips", "resource units", "calls", "of ledger"
    );
    let mut trips = Vec::new();
    for name in ["onboarding", "offboarding"] {
        for batching in [false, true] {
            let mut rounds = Vec::new();
            for _ in 0..size.rounds {
                rounds.push(one(name, batching).await);
            }
            let of = |figure: fn(&Costs) -> f64| median(rounds.iter().map(figure).collect());
            let on = if batching { "on" } else { "off" };
            println!(
                "{name:<12} {on:>9} {:>7.0} ms {:>12.0} {:>14.0} {:>6.0} {:>8.2} %",
                of(|costs| costs.milliseconds),
                of(|costs| costs.round_trips),
                of(|costs| costs.units),
                of(|costs| costs.calls),
                of(|costs| costs.ledger / costs.milliseconds * 100.0),
            );
            trips.push(of(|costs| costs.round_trips));
        }
    }
    if let [.., without, with] = trips.as_slice() {
        println!("batching cuts the round trips of an offboarding by {:.1}", without / with);
    }
}

struct Costs {
    milliseconds: f64,
    round_trips: f64,
    units: f64,
    calls: f64,
    /// Milliseconds that the run waited for answers of the ledger.
    ledger: f64,
}

/// One event in a tenant of its own.
async fn one(name: &str, batching: bool) -> Costs {
    let tenant = if name == "onboarding" { tenant(0) } else { tenant(1) };
    let builder = Testbed::with(tenant).set("GRAPH__BATCHING", batching);
    let mut testbed = builder.emulator(|options| options.latency(LATENCY)).build().await;
    let mut worker = testbed.worker().await;
    let event = if name == "onboarding" { hire() } else { leaver(0) };
    let started = Instant::now();
    testbed.publisher.event(&event).await;
    let end = testbed.results.end_of(event["id"].as_str().unwrap()).await;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    assert_eq!(end["state"], "succeeded", "{end}");
    let waited = worker.metrics().await.sum("gatehouse_ledger_answer_seconds_sum", "");
    let journal = testbed.emulator.journal();
    let costs = Costs {
        ledger: waited * 1e3,
        milliseconds,
        round_trips: testbed.emulator.round_trips() as f64,
        units: testbed.emulator.usage().values().map(|usage| usage.units as f64).sum(),
        calls: journal.iter().filter(|entry| !entry.token && !entry.path.ends_with("/$batch")).count() as f64,
    };
    worker.terminate().await;
    testbed.close().await;
    costs
}

/// Many leavers at once under the published limits.
pub async fn many(size: &Size) {
    let leavers = size.leavers;
    let builder = Testbed::with(tenant(leavers)).set("WORKER__CONCURRENCY", IN_FLIGHT);
    let builder = builder
        .set("TENANTS__CONTOSO__SIZE", "medium")
        .set("GRAPH__RETRY_BUDGET_SECONDS", 20)
        .without_results();
    let builder = builder.emulator(|options| options.latency(LATENCY).limits(Limits::medium()));
    let mut testbed = builder.build().await;
    for number in 0..leavers {
        testbed.publisher.event(&leaver(number)).await;
    }
    let started = Instant::now();
    let worker = Measured::start(&mut testbed).await;
    worker.runs_reach(leavers).await;
    let took = started.elapsed().as_secs_f64();
    worker.stop().await;
    let journal = testbed.emulator.journal();
    let calls = journal.iter().filter(|entry| !entry.token && !entry.path.ends_with("/$batch")).count();
    let writes = journal.iter().filter(|entry| entry.write).count() as f64;
    let usage = testbed.emulator.usage();
    let units: f64 = usage.values().map(|usage| usage.units as f64).sum();
    let throttled: u64 = usage.values().map(|usage| usage.throttled).sum();
    let time = |asked: f64, (allowed, seconds): (f64, f64)| (asked - allowed).max(0.0) * seconds / allowed;
    let bound = time(writes, WRITES).max(time(units, UNITS));
    println!(
        "{leavers} offboardings, {IN_FLIGHT} at a time: {calls} calls, {writes} writes and {units} units in {took:.0} s; \
         the limits allow it in {bound:.0} s, ratio {:.2}; {throttled} calls answered 429 ({:.2} %)",
        took / bound,
        throttled as f64 * 100.0 / calls as f64,
    );
    testbed.tear_down().await;
}

fn tenant(people: usize) -> Tenant {
    let names: Vec<String> = (0..people).map(upn).collect();
    let tenant = LICENSES.iter().fold(Tenant::empty(), |tenant, sku| {
        let plan = if *sku == "SPE_E3" { "EXCHANGE_S_ENTERPRISE" } else { sku };
        tenant.sku(Sku::new(sku, 1_000).plan(plan))
    });
    let tenant = names.iter().fold(tenant, |tenant, name| {
        let user = User::new(name, "Ada Lovelace").located("GB");
        let mailbox = Mailbox::new()
            .rule("Newsletters", json!({ "delete": true }))
            .rule("Bills", json!({ "markAsRead": true }));
        tenant.user(LICENSES.iter().fold(user.mailbox(mailbox), |user, sku| user.licensed(sku)))
    });
    let tenant = tenant.user(User::new("grace@contoso.example", "Grace Hopper"));
    (0..GROUPS).fold(tenant, |tenant, number| {
        let group = Group::security(&group(number));
        tenant.group(names.iter().fold(group, |group, name| group.member(name)))
    })
}

fn upn(number: usize) -> String {
    format!("ada{number}@contoso.example")
}

fn group(number: usize) -> String {
    format!("Group {number}")
}

fn hire() -> Value {
    let person =
        json!({ "upn": "ada@contoso.example", "display_name": "Ada Lovelace", "usage_location": "GB" });
    let groups: Vec<String> = (0..GROUPS).map(group).collect();
    let id = uuid::Uuid::new_v4().to_string();
    let event = events::onboarding(&id, person, json!({ "licenses": LICENSES, "groups": groups }));
    events::with(event, "manager", json!({ "upn": "grace@contoso.example" }))
}

fn leaver(number: usize) -> Value {
    events::offboarding(&uuid::Uuid::new_v4().to_string(), json!({ "upn": upn(number) }))
}
