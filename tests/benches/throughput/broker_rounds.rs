//! Rate, CPU and memory at 1, 16 and 64 events in flight.

use std::time::Instant;

use futures_util::future::join_all;
use msgraph_emulator::Tenant;
use serde_json::json;
use system_tests::{House, events};

use crate::measured::{Measured, bare_loop};
use crate::process::{median, resident_mb};

const WORKFLOWS: &str = "nothing: { description: Does nothing, stages: [] }";
const ROUNDS: usize = 3;

/// Prints one line for each number of events in flight, then start-up and memory.
pub async fn run() {
    println!(
        "{:>9} {:>11} {:>11} {:>11} {:>9} {:>9} {:>13} {:>13} {:>8}",
        "in flight",
        "gatehouse/s",
        "pooled/s",
        "shared/s",
        "/ pooled",
        "/ shared",
        "gatehouse CPU",
        "bare CPU",
        "RSS"
    );
    for (in_flight, count) in [(1, 1500), (16, 12_000), (64, 20_000)] {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(round(in_flight, count).await);
        }
        let of = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
        let (ours, pooled, shared) = (of(|r| r.ours), of(|r| r.pooled), of(|r| r.shared));
        println!(
            "{in_flight:>9} {ours:>11.0} {pooled:>11.0} {shared:>11.0} {:>9.2} {:>9.2} {:>10.0} µs {:>10.0} µs {:>5.1} MB",
            ours / pooled,
            ours / shared,
            of(|r| r.our_cpu),
            of(|r| r.bare_cpu),
            of(|r| r.resident),
        );
    }
    println!();
    start_up_and_memory().await;
}

/// One round: the same number of events through the worker and through both bare loops.
struct Round {
    ours: f64,
    pooled: f64,
    shared: f64,
    our_cpu: f64,
    bare_cpu: f64,
    resident: f64,
}

async fn round(in_flight: usize, count: usize) -> Round {
    let mut house = house(in_flight).await;
    fill(&house, count).await;
    let (pooled, bare_cpu) = bare(&house, in_flight, count, in_flight).await;
    fill(&house, count).await;
    let worker = Measured::start(&mut house).await;
    let (ours, our_cpu) = worker.rate(count).await;
    let resident = resident_mb(worker.id());
    worker.stop().await;
    fill(&house, count).await;
    let (shared, _) = bare(&house, in_flight, count, 1).await;
    // Not closed with a look at what is left: acknowledgements that a channel sends in the moment before it
    // closes can be lost to a quorum queue under load (RabbitMQ 3.10, 9 of 20,000), and the bare loop does that.
    house.tear_down().await;
    Round { ours, pooled, shared, our_cpu, bare_cpu, resident }
}

async fn house(in_flight: usize) -> House {
    let tenant = Tenant::empty();
    House::with(tenant).workflows(WORKFLOWS).set("WORKER__CONCURRENCY", in_flight).deaf().build().await
}

/// Leaves this many events in the queue.
async fn fill(house: &House, count: usize) {
    let numbers: Vec<usize> = (0..count).collect();
    for chunk in numbers.chunks(256) {
        join_all(chunk.iter().map(|_| async {
            let id = uuid::Uuid::new_v4().to_string();
            let person = json!({ "upn": "ada@contoso.example" });
            let event = events::with(events::offboarding(&id, person), "workflow", "nothing");
            house.queues.event(&event).await;
        }))
        .await;
    }
}

/// A bare loop as a process of its own: events a second, and CPU for each in microseconds.
async fn bare(house: &House, in_flight: usize, count: usize, channels: usize) -> (f64, f64) {
    let (in_flight, events, channels) = (in_flight.to_string(), count.to_string(), channels.to_string());
    let arguments = ["bare-broker", house.broker.url(), house.prefix(), &in_flight, &events, &channels];
    bare_loop(&arguments, count).await
}

async fn start_up_and_memory() {
    let mut starts = Vec::new();
    for _ in 0..5 {
        let mut house = house(16).await;
        fill(&house, 1).await;
        let started = Instant::now();
        let worker = Measured::start(&mut house).await;
        worker.runs_reach(1).await;
        starts.push(started.elapsed().as_secs_f64() * 1e3);
        worker.stop().await;
        house.close().await;
    }
    println!("cold start to the first event dealt with, on a declared topology: {:.0} ms", median(starts));
    let mut house = house(64).await;
    let worker = Measured::start(&mut house).await;
    worker.ready().await;
    print!("resident memory: idle {:.1} MB", resident_mb(worker.id()));
    for step in 1..=5 {
        fill(&house, 20_000).await;
        worker.runs_reach(step * 20_000).await;
        print!(", after {} events {:.1} MB", step * 20_000, resident_mb(worker.id()));
    }
    println!();
    worker.stop().await;
    house.close().await;
}
