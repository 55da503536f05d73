//! What the ledger costs: the share of a run that waits for its answers, more workers beside each other, and a start
//! with a hundred thousand people.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::Timestamp;
use lapin::BasicProperties;
use msgraph_emulator::{Tenant, User};
use serde_json::json;
use system_tests::settings::broker_settings;
use system_tests::{Testbed, events};
use tokio::time::timeout;
use uuid::Uuid;

use crate::measured::Measured;
use crate::process::{median, resident_mb};
use crate::size::Size;

const LATENCY: Duration = Duration::from_millis(50);
/// Runs that each worker carries out at once: few, so that they wait for the tenant and not for a processor.
const IN_FLIGHT: usize = 4;
/// A start that takes longer has failed.
const START_LIMIT: Duration = Duration::from_secs(120);
/// A snapshot is written when a claim crosses a multiple of so many records.
const SNAPSHOT_EVERY: usize = 5_000;

/// Prints the rate with one, two and four workers, then start and memory.
pub async fn run(size: &Size) {
    let mut alone = None;
    for workers in [1, 2, 4] {
        let mut rounds = Vec::new();
        for _ in 0..size.rounds {
            rounds.push(rate(workers, size.scaled * workers).await);
        }
        let rate = median(rounds);
        let first = *alone.get_or_insert(rate);
        println!(
            "{workers} workers, {IN_FLIGHT} leavers at a time each, {} ms a request: {rate:.1} leavers/s ({:.2} times one)",
            LATENCY.as_millis(),
            rate / first,
        );
    }
    println!();
    people(size.known_people).await;
}

/// Leavers a second.
async fn rate(workers: usize, leavers: usize) -> f64 {
    let people = (0..leavers).map(|number| User::new(&upn(number), "Ada Lovelace"));
    let builder = Testbed::with(people.fold(Tenant::empty(), Tenant::user));
    let builder = builder.set("WORKER__CONCURRENCY", IN_FLIGHT).without_results();
    let mut testbed = builder.emulator(|options| options.latency(LATENCY)).build().await;
    let mut started = Vec::new();
    for _ in 0..workers {
        let worker = Measured::start(&mut testbed).await;
        worker.ready().await;
        started.push(worker);
    }
    let events = (0..leavers).map(|number| events::offboarding(&new_id(), json!({ "upn": upn(number) })));
    let events: Vec<_> = events.collect();
    let began = Instant::now();
    join_all(events.iter().map(|event| testbed.publisher.event(event))).await;
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    loop {
        looks.tick().await;
        let ended = join_all(started.iter().map(Measured::runs)).await;
        if ended.iter().sum::<usize>() >= leavers {
            break;
        }
    }
    let took = began.elapsed().as_secs_f64();
    for worker in started {
        worker.stop().await;
    }
    testbed.tear_down().await;
    leavers as f64 / took
}

/// A ledger that knows so many people: how long a start takes without a snapshot and with one, and the memory.
async fn people(count: usize) {
    let builder = Testbed::with(Tenant::empty()).workflows("nothing: { for: [change], stages: [] }");
    let mut testbed = builder.build().await;
    let settings = broker_settings(testbed.broker.url(), testbed.prefix());
    drop(broker::RecordLog::open(&settings).await.unwrap());
    let numbers: Vec<usize> = (0..count).collect();
    for chunk in numbers.chunks(512) {
        join_all(chunk.iter().map(|number| known(&testbed, *number))).await;
    }
    let Some((from_start, worker)) = start(&mut testbed).await else {
        println!("{count} people: not ready after {} s without a snapshot", START_LIMIT.as_secs());
        return testbed.tear_down().await;
    };
    // Claims cross the next mark, and the snapshot is written.
    for number in 0..SNAPSHOT_EVERY.min(count) / 2 + 10 {
        let change = json!({ "person": { "upn": upn(number) }, "workflow": "nothing" });
        testbed.publisher.event(&events::event(&new_id(), "gatehouse.change.requested.v1", change)).await;
    }
    worker.runs_reach(SNAPSHOT_EVERY.min(count) / 2 + 10).await;
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    while count >= SNAPSHOT_EVERY && testbed.depth("ledger.snapshots").await == 0 {
        looks.tick().await;
    }
    worker.stop().await;
    let Some((from_snapshot, worker)) = start(&mut testbed).await else {
        println!("{count} people: not ready after {} s with a snapshot", START_LIMIT.as_secs());
        return testbed.tear_down().await;
    };
    println!(
        "{count} people: ready after {from_start:.2} s without a snapshot and {from_snapshot:.2} s with one; \
         resident memory {:.1} MB",
        resident_mb(worker.id()),
    );
    worker.stop().await;
    testbed.tear_down().await;
}

/// Starts a worker; the seconds until it is ready, if it is in time.
async fn start(testbed: &mut Testbed) -> Option<(f64, Measured)> {
    let began = Instant::now();
    let worker = Measured::start(testbed).await;
    if timeout(START_LIMIT, worker.ready()).await.is_err() {
        worker.kill().await;
        return None;
    }
    Some((began.elapsed().as_secs_f64(), worker))
}

/// Writes what a run about one person leaves in the ledger: a claim and a release.
async fn known(testbed: &Testbed, number: usize) {
    let (run, nonce) = (Uuid::new_v4(), Uuid::new_v4());
    let at = Timestamp::now().to_string();
    let key = |kind: &str| format!("{kind}:0000:{number:026x}");
    let keys = [key("entra_id"), key("employee_id"), key("upn")];
    let claim = json!({
        "v": 1, "at": at, "worker": "bench", "number": 2 * number, "seen": null, "type": "claim",
        "run": run, "nonce": nonce, "fresh": true, "event": number, "keys": keys, "tenant": [],
        "intent": "onboarding", "time": at, "pending": false, "leg": 0, "replays": 0,
    });
    let release = json!({
        "v": 1, "at": at, "worker": "bench", "number": 2 * number + 1, "seen": null, "type": "release",
        "run": run, "nonce": nonce, "state": "done", "leg": 0, "replays": 0,
    });
    let ledger = format!("{}.ledger", testbed.prefix());
    for record in [claim, release] {
        let body = record.to_string();
        testbed.publisher.publish("ledger", &ledger, BasicProperties::default(), body.as_bytes()).await;
    }
}

fn upn(number: usize) -> String {
    format!("ada{number}@contoso.example")
}

fn new_id() -> String {
    Uuid::new_v4().to_string()
}
