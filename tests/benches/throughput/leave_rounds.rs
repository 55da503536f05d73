//! Leavers of forty groups from a tenant that answers at once, beside a loop that only makes the same calls in as many
//! round trips and, with `PEERS=1`, beside a lean worker in Python that has the same effects.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::future::join_all;
use lapin::options::{BasicPublishOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use msgraph_emulator::{Entry, Group, Sku, Tenant, User};
use serde_json::{Value, json};
use system_tests::{Testbed, events, repository};
use tokio::process::Command;

use crate::bare_leave::{Call, Script};
use crate::measured::{Measured, bare_loop};
use crate::process::{children_cpu, median};
use crate::size::Size;

const GROUPS: usize = 40;
const LICENSE: &str = "SPE_E3";
const IN_FLIGHT: usize = 16;

/// Events a second, and microseconds of CPU for each.
type Rate = (f64, f64);

/// Prints events a second of each.
pub async fn run(size: &Size) {
    let people = size.leaving;
    println!("{people} leavers of {GROUPS} groups, {IN_FLIGHT} in flight; the tenant answers at once");
    let (mut ours, mut bares, mut peers) = (Vec::new(), Vec::new(), Vec::new());
    let mut calls = (0, 0);
    for _ in 0..size.rounds {
        let (rate, script) = worker(people).await;
        calls = (script.round_trips.iter().map(Vec::len).sum(), script.round_trips.len());
        ours.push(rate);
        bares.push(bare(script).await);
        if has_peers() {
            peers.push(peer(people).await);
        }
    }
    let of = |rates: &[Rate]| {
        let (rate, cpu): (Vec<f64>, Vec<f64>) = rates.iter().copied().unzip();
        (median(rate), median(cpu))
    };
    let (ours, bares) = (of(&ours), of(&bares));
    println!(
        "gatehouse {:.0}/s and {:.2} ms of CPU, {} calls in {} round trips; the same calls alone {:.0}/s and {:.2} ms, \
         ratio of CPU {:.2}",
        ours.0,
        ours.1 / 1e3,
        calls.0,
        calls.1,
        bares.0,
        bares.1 / 1e3,
        ours.1 / bares.1,
    );
    if !peers.is_empty() {
        let peers = of(&peers);
        println!(
            "Python {:.0}/s and {:.2} ms of CPU: gatehouse is {:.1} times as fast",
            peers.0,
            peers.1 / 1e3,
            ours.0 / peers.0
        );
    }
}

fn has_peers() -> bool {
    std::env::var("PEERS").is_ok_and(|peers| peers == "1")
}

async fn testbed(people: usize) -> Testbed {
    let tenant = Tenant::empty().sku(Sku::new(LICENSE, 1_000_000).plan("EXCHANGE_S_ENTERPRISE"));
    let tenant = (0..people).fold(tenant, |tenant, number| {
        tenant.user(User::new(&upn(number), "Ada Lovelace").located("GB").licensed(LICENSE))
    });
    let tenant = (0..GROUPS).fold(tenant, |tenant, number| {
        let group = Group::security(&format!("Group {number}"));
        tenant.group((0..people).fold(group, |group, number| group.member(&upn(number))))
    });
    let testbed = Testbed::with(tenant).set("WORKER__CONCURRENCY", IN_FLIGHT).without_results();
    // These leavers cost more than a tenant allows in ten seconds, and neither of the others keeps a limit.
    testbed.set("GRAPH__LIMITS_SHARE", 1000).build().await
}

fn upn(number: usize) -> String {
    format!("ada{number}@contoso.example")
}

fn leaver(number: usize) -> Value {
    events::offboarding(&uuid::Uuid::new_v4().to_string(), json!({ "upn": upn(number) }))
}

/// The worker's rate, and what it asked for the first leaver.
async fn worker(people: usize) -> (Rate, Script) {
    let mut testbed = testbed(people).await;
    join_all((0..people).map(async |number| testbed.publisher.event(&leaver(number)).await)).await;
    let worker = Measured::start(&mut testbed).await;
    let rate = worker.rate(people).await;
    worker.stop().await;
    let script = script(&testbed, people);
    testbed.tear_down().await;
    (rate, script)
}

/// The calls about the first leaver, in the round trips in which they were made.
fn script(testbed: &Testbed, people: usize) -> Script {
    let id = |upn: &str| testbed.emulator.with_tenant(|tenant| tenant.user_id(upn)).unwrap().to_string();
    let people: Vec<_> = (0..people).map(upn).map(|upn| (id(&upn), upn)).collect();
    let skus = testbed.emulator.state()["skus"].clone();
    let sku = skus.as_object().unwrap().keys().next().unwrap().clone();
    let (first, name) = &people[0];
    let journal = testbed.emulator.journal().into_iter();
    let about =
        journal.filter(|entry| !entry.token && (entry.path.contains(first) || entry.path.contains(name)));
    let mut round_trips: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    let mut order = Vec::new();
    for entry in about {
        let trip = entry.batch.clone().unwrap_or_else(|| entry.request_id.clone());
        if !order.contains(&trip) {
            order.push(trip.clone());
        }
        round_trips.entry(trip).or_default().push(call(&entry, &sku));
    }
    let round_trips = order.iter().filter_map(|trip| round_trips.remove(trip)).collect();
    Script { round_trips, people }
}

fn call(entry: &Entry, sku: &str) -> Call {
    let path = entry.path.trim_start_matches("/v1.0").to_owned();
    let path = if entry.query.is_empty() { path } else { format!("{path}?{}", entry.query) };
    let body = match (entry.method.as_str(), entry.path.rsplit('/').next().unwrap_or_default()) {
        ("GET" | "DELETE", _) => None,
        ("PATCH", _) => Some(json!({ "accountEnabled": false })),
        ("POST", "revokeSignInSessions") => Some(json!({})),
        ("POST", "assignLicense") => Some(json!({ "addLicenses": [], "removeLicenses": [sku] })),
        (method, name) => panic!("the bare loop does not know what {method} …/{name} carries"),
    };
    Call { method: entry.method.clone(), path, body }
}

async fn bare(script: Script) -> Rate {
    let people = script.people.len();
    let testbed = testbed(people).await;
    let file = testbed.file("script.json", &serde_json::to_string(&script).unwrap());
    let application = testbed.emulator.application();
    let (url, in_flight, file) = (testbed.emulator.url(), IN_FLIGHT.to_string(), file.display().to_string());
    let (tenant, client, secret) = (application.tenant_id, application.client_id, application.client_secret);
    let rate = bare_loop(&["bare-leave", &url, &tenant, &client, &secret, &file, &in_flight], people).await;
    testbed.close().await;
    rate
}

/// The Python worker takes the same events from a queue of its own.
async fn peer(people: usize) -> Rate {
    let testbed = testbed(people).await;
    let url = testbed.broker.url().to_owned();
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let queue = format!("{}.peer", testbed.prefix());
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.as_str().into(), durable, FieldTable::default()).await.unwrap();
    for number in 0..people {
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let body = leaver(number).to_string();
        channel
            .basic_publish("".into(), queue.as_str().into(), options, body.as_bytes(), properties)
            .await
            .unwrap();
    }
    let application = testbed.emulator.application();
    let python = std::env::var("PEERS_PYTHON").map_or_else(|_| PathBuf::from("python3"), PathBuf::from);
    let before = children_cpu();
    let output = Command::new(python)
        .arg(repository::root().join("tests/benches/peer/leavers.py"))
        .args([&url, &queue, &format!("{}.results", testbed.prefix()), &testbed.emulator.url()])
        .args([&application.tenant_id, &application.client_id, &application.client_secret])
        .args([people.to_string(), IN_FLIGHT.to_string()])
        .output()
        .await
        .unwrap();
    let used = children_cpu() - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let seconds: f64 =
        text.trim().parse().unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    testbed.tear_down().await;
    (people as f64 / seconds, used * 1e6 / people as f64)
}
