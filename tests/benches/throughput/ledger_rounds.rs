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
use crate::process::{median, peak_mb, resident_mb};
use crate::size::Size;

const LATENCY: Duration = Duration::from_millis(50);
/// Runs that each worker carries out at once: few, so that they wait for the tenant and not for a processor.
const IN_FLIGHT: usize = 4;
/// A start that takes longer has failed.
const START_LIMIT: Duration = Duration::from_secs(120);
/// A snapshot is written when a claim crosses a multiple of so many records.
const SNAPSHOT_EVERY: usize = 2_500;

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

/// A ledger that knows so many people: how long a start takes without a snapshot, with one, and with one and as many
/// records behind it as there are at most; and the memory of each start, and of writing a snapshot.
pub async fn people(count: usize) {
    let builder = Testbed::with(Tenant::empty()).workflows("nothing: { for: [change], stages: [] }");
    let mut testbed = builder.build().await;
    let settings = broker_settings(testbed.broker.url(), testbed.prefix());
    drop(broker::RecordLog::open(&settings).await.unwrap());
    let numbers: Vec<usize> = (0..count).collect();
    for chunk in numbers.chunks(512) {
        join_all(chunk.iter().map(|number| known(&testbed, *number))).await;
    }
    let Some(worker) = started(&mut testbed, count, "without a snapshot").await else {
        return testbed.tear_down().await;
    };
    let every = SNAPSHOT_EVERY.min(count);
    let messages = snapshots_written(&testbed, &worker, every).await;
    print_memory(&worker, &format!("after {} runs and snapshots of {messages} messages", every / 2 + 10));
    worker.stop().await;
    let Some(worker) = started(&mut testbed, count, "from a snapshot").await else {
        return testbed.tear_down().await;
    };
    worker.stop().await;
    // One by one: the broker hands out slowest what it has stored by itself.
    for number in count..count + every / 2 {
        known(&testbed, number).await;
    }
    let behind = format!("from a snapshot and {every} records behind it");
    if let Some(worker) = started(&mut testbed, count, &behind).await {
        worker.stop().await;
    }
    testbed.tear_down().await;
}

/// Lets claims cross the next mark, and waits until what is written then is. How many messages that is.
async fn snapshots_written(testbed: &Testbed, worker: &Measured, every: usize) -> u32 {
    for number in 0..every / 2 + 10 {
        let change = json!({ "person": { "upn": upn(number) }, "workflow": "nothing" });
        testbed.publisher.event(&events::event(&new_id(), "gatehouse.change.requested.v1", change)).await;
    }
    worker.runs_reach(every / 2 + 10).await;
    // A small ledger has no snapshot.
    if every < SNAPSHOT_EVERY {
        return 0;
    }
    let mut looks = tokio::time::interval(Duration::from_millis(500));
    let mut before = 0;
    loop {
        looks.tick().await;
        // Parts come one after the other: when none came for a while there is none to come.
        let written = testbed.depth("ledger.snapshots").await;
        if written > 0 && written == before {
            return written;
        }
        before = written;
    }
}

/// Starts a worker, and prints how long it took and the memory.
async fn started(testbed: &mut Testbed, count: usize, how: &str) -> Option<Measured> {
    let Some((seconds, worker)) = start(testbed).await else {
        println!("{count} people: not ready after {} s {how}", START_LIMIT.as_secs());
        return None;
    };
    print_memory(&worker, &format!("{count} people: ready after {seconds:.2} s {how}"));
    Some(worker)
}

fn print_memory(worker: &Measured, when: &str) {
    let peak = peak_mb(worker.id()).unwrap();
    println!("{when}: resident memory {:.1} MB, at most {peak:.1} MB so far", resident_mb(worker.id()));
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
