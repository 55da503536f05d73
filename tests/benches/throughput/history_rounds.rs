//! What it costs to read a long history: one person's timeline, and a list of runs.

use std::time::{Duration, Instant};

use msgraph_emulator::Tenant;
use system_tests::{Testbed, past};

use crate::process::peak_mb;
use crate::size::Size;

/// Prints entries a second and memory of each command.
pub async fn run(size: &Size) {
    for runs in size.past_runs {
        rounds(*runs).await;
    }
}

async fn rounds(runs: u64) {
    let mut testbed = Testbed::with(Tenant::empty()).without_results().build().await;
    let began = Instant::now();
    past::fill(testbed.broker.url(), testbed.prefix(), runs).await;
    let entries = runs * past::ENTRIES_OF_A_RUN as u64;
    println!("{entries} entries, written in {:.0} s", began.elapsed().as_secs_f64());
    let person = past::person(runs / 2).to_string();
    let commands: [(&str, &[&str]); 3] = [
        ("history of one person", &["history", &person, "--output", "json"]),
        ("runs list --failed", &["runs", "list", "--failed", "--output", "json"]),
        ("runs list --since 1h", &["runs", "list", "--since", "1h", "--output", "json"]),
    ];
    for (name, arguments) in commands {
        let (seconds, peak) = measured(&mut testbed, arguments).await;
        let rate = entries as f64 / seconds;
        println!("{name}: {seconds:.1} s, {rate:.0} entries/s, at most {peak:.1} MB");
    }
    testbed.tear_down().await;
}

/// The seconds and the most memory that a command takes.
async fn measured(testbed: &mut Testbed, arguments: &[&str]) -> (f64, f64) {
    let began = Instant::now();
    let mut child = testbed.start_gatehouse(arguments);
    let (id, mut peak) = (child.id().unwrap(), 0.0_f64);
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.unwrap(),
            _ = looks.tick() => peak = peak.max(peak_mb(id).unwrap_or_default()),
        }
    };
    assert!(status.success(), "{arguments:?} ended with {status}");
    (began.elapsed().as_secs_f64(), peak)
}
