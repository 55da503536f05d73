//! Rate, CPU and memory at 1, 16 and 64 events in flight.

use std::time::Instant;

use futures_util::future::join_all;
use msgraph_emulator::Tenant;
use serde_json::json;
use system_tests::{Testbed, events};

use crate::measured::{Measured, bare_loop};
use crate::process::{median, resident_mb};
use crate::size::Size;

const WORKFLOWS: &str = "nothing: { description: Does nothing, for: [offboarding], stages: [] }";

/// Prints a line for each number of events in flight, then start-up and memory.
pub async fn run(size: &Size) {
    println!("events whose workflow has no stage; rate is events a second, CPU is the process's own");
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
    for &(in_flight, count) in size.events {
        let mut rounds = Vec::new();
        for _ in 0..size.rounds {
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
    start_up_and_memory(size).await;
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

/// Whom the events are about.
const PEOPLE: usize = 1_000;

async fn round(in_flight: usize, count: usize) -> Round {
    let mut testbed = testbed_of(in_flight).await;
    fill(&testbed, count).await;
    let (pooled, bare_cpu) = bare(&testbed, in_flight, count, in_flight).await;
    fill(&testbed, count).await;
    let worker = Measured::start(&mut testbed).await;
    let (ours, our_cpu) = worker.rate(count).await;
    let resident = resident_mb(worker.id());
    worker.stop().await;
    fill(&testbed, count).await;
    let (shared, _) = bare(&testbed, in_flight, count, 1).await;
    // Not closed with a check for messages left: a quorum queue under load can lose acknowledgements that a channel
    // sends just before it closes (RabbitMQ 3.10, 9 of 20,000), and the bare loop sends such.
    testbed.tear_down().await;
    Round { ours, pooled, shared, our_cpu, bare_cpu, resident }
}

async fn testbed_of(in_flight: usize) -> Testbed {
    let tenant = Tenant::empty();
    Testbed::with(tenant)
        .workflows(WORKFLOWS)
        .set("WORKER__CONCURRENCY", in_flight)
        .without_results()
        .build()
        .await
}

/// Publishes this many events.
async fn fill(testbed: &Testbed, count: usize) {
    let numbers: Vec<usize> = (0..count).collect();
    for chunk in numbers.chunks(256) {
        join_all(chunk.iter().map(|number| async move {
            let id = uuid::Uuid::new_v4().to_string();
            // The events of one person would wait for each other.
            let person = json!({ "upn": format!("ada.{}@contoso.example", number % PEOPLE) });
            let event = events::with(events::offboarding(&id, person), "workflow", "nothing");
            testbed.publisher.event(&event).await;
        }))
        .await;
    }
}

/// A bare loop as a process of its own: events a second, and CPU for each in microseconds.
async fn bare(testbed: &Testbed, in_flight: usize, count: usize, channels: usize) -> (f64, f64) {
    let (in_flight, events, channels) = (in_flight.to_string(), count.to_string(), channels.to_string());
    let arguments = ["bare-broker", testbed.broker.url(), testbed.prefix(), &in_flight, &events, &channels];
    bare_loop(&arguments, count).await
}

async fn start_up_and_memory(size: &Size) {
    let mut starts = Vec::new();
    for _ in 0..size.starts {
        let mut testbed = testbed_of(16).await;
        fill(&testbed, 1).await;
        let started = Instant::now();
        let worker = Measured::start(&mut testbed).await;
        worker.runs_reach(1).await;
        starts.push(started.elapsed().as_secs_f64() * 1e3);
        worker.stop().await;
        testbed.close().await;
    }
    println!("cold start to the first event dealt with, on a declared topology: {:.0} ms", median(starts));
    let mut testbed = testbed_of(64).await;
    let worker = Measured::start(&mut testbed).await;
    worker.ready().await;
    print!("resident memory: idle {:.1} MB", resident_mb(worker.id()));
    for step in 1..=5 {
        fill(&testbed, size.memory).await;
        worker.runs_reach(step * size.memory).await;
        print!(", after {} events {:.1} MB", step * size.memory, resident_mb(worker.id()));
    }
    println!();
    // Stopped right after the last event, the worker sends such acknowledgements as well.
    worker.stop().await;
    testbed.tear_down().await;
}
