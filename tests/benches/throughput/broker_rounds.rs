//! Rate, CPU and memory at 1, 16 and 64 events in flight.

use std::time::Instant;

use futures_util::future::join_all;
use msgraph_emulator::Tenant;
use serde_json::json;
use system_tests::program::Worker;
use system_tests::{House, events};

use crate::process::{cpu, median, resident_mb};

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
    let mut worker = serving(&mut house).await;
    let (ours, our_cpu) = measured(&worker, count).await;
    let resident = resident_mb(worker.0.id());
    worker.0.terminate().await;
    fill(&house, count).await;
    let (shared, _) = bare(&house, in_flight, count, 1).await;
    house.close().await;
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
    let before = children_cpu();
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .output()
        .await
        .unwrap();
    let used = children_cpu() - before;
    let text = String::from_utf8(output.stdout).unwrap();
    let seconds: f64 =
        text.trim().parse().unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    (count as f64 / seconds, used * 1e6 / count as f64)
}

/// CPU seconds of all children that have ended.
pub fn children_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (fields[13].parse::<f64>().unwrap() + fields[14].parse::<f64>().unwrap()) / 100.0
}

/// A worker, and where it serves metrics.
pub async fn serving(house: &mut House) -> (Worker, String) {
    let worker = house.start_worker();
    let address = worker.admin_address().await;
    (worker, address)
}

/// Waits until the worker has ended `count` runs: runs a second, and CPU for each in microseconds.
pub async fn measured(worker: &(Worker, String), count: usize) -> (f64, f64) {
    let (worker, address) = worker;
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(5));
    let mut first = None;
    loop {
        looks.tick().await;
        let done = runs(address).await;
        if done > 0 && first.is_none() {
            first = Some((done, Instant::now(), cpu(worker.id())));
        }
        if done >= count {
            let (already, since, used) = first.unwrap();
            let more = (done - already) as f64;
            let cpu_each = (cpu(worker.id()) - used).as_secs_f64() * 1e6 / more;
            return (more / since.elapsed().as_secs_f64(), cpu_each);
        }
    }
}

/// How many runs the worker says have ended.
async fn runs(address: &str) -> usize {
    let (_, page) = system_tests::program::fetch(address, "/metrics").await;
    let lines = page.lines().filter(|line| line.starts_with("gatehouse_runs_total{"));
    lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap()).sum()
}

async fn start_up_and_memory() {
    let mut starts = Vec::new();
    for _ in 0..5 {
        let mut house = house(16).await;
        fill(&house, 1).await;
        let started = Instant::now();
        let worker = house.start_worker();
        let address = worker.admin_address().await;
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(1));
        while runs(&address).await == 0 {
            looks.tick().await;
        }
        starts.push(started.elapsed().as_secs_f64() * 1e3);
        { worker }.terminate().await;
        house.close().await;
    }
    println!("cold start to the first event dealt with, on a declared topology: {:.0} ms", median(starts));
    let mut house = house(64).await;
    let mut worker = serving(&mut house).await;
    print!("resident memory: idle {:.1} MB", resident_mb(worker.0.id()));
    for step in 0..5 {
        fill(&house, 20_000).await;
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(20));
        while runs(&worker.1).await < (step + 1) * 20_000 {
            looks.tick().await;
        }
        print!(", after {} events {:.1} MB", (step + 1) * 20_000, resident_mb(worker.0.id()));
    }
    println!();
    worker.0.terminate().await;
    house.close().await;
}
