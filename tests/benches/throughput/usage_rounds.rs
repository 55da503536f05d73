//! A sync of usage: rows of reports a second of CPU, and the memory of counting by person and by day.

use std::time::{Duration, Instant};

use msgraph_emulator::{Application, Emulator, Options, Tenant};
use serde_json::Value;
use system_tests::settings::{connection_settings, setting};
use system_tests::worker_process::start;

use crate::process::{children_cpu, peak_mb};
use crate::size::Size;

/// Prints both ways of counting for each size of tenant.
pub async fn run(size: &Size) {
    println!(
        "28 days of usage; who has an app has a row on each; CPU is the process's own; the tenant has no limits"
    );
    println!(
        "{:>9} {:>12} {:>18} {:>9} {:>18} {:>9}",
        "people", "rows", "by person", "peak", "by day", "peak"
    );
    for people in size.usage_people {
        let roles =
            ["Reports.Read.All", "ReportSettings.Read.All", "User.Read.All", "LicenseAssignment.Read.All"];
        let application = roles.into_iter().fold(Application::default(), Application::role);
        let tenant = Tenant::contoso().application(application).crowd(1, *people).lifelike();
        let emulator = Emulator::start(Options::new(tenant)).unwrap();
        emulator.with_tenant(|tenant| tenant.report_switches().inactive_rows = true);
        let by_person = read(&emulator, &[]).await;
        let by_day = read(&emulator, &["--per-day"]).await;
        println!(
            "{people:>9} {:>12} {:>11.0} rows/s {:>6.1} MB {:>11.0} rows/s {:>6.1} MB",
            by_person.rows,
            by_person.rows / by_person.cpu,
            by_person.peak,
            by_day.rows / by_day.cpu,
            by_day.peak,
        );
        println!("{:>9} {:>12} {:>16.1} s {:>9} {:>16.1} s", "", "", by_person.wall, "", by_day.wall);
    }
}

/// What a command took.
struct Took {
    rows: f64,
    cpu: f64,
    wall: f64,
    peak: f64,
}

async fn read(emulator: &Emulator, more: &[&str]) -> Took {
    let mut settings = connection_settings(emulator, "amqp://127.0.0.1:1", "none");
    settings.push(setting("TENANTS__CONTOSO__SIZE", "large"));
    settings.push(setting("GRAPH__LIMITS_SHARE", 1000));
    let log = tempfile::NamedTempFile::new().unwrap();
    let arguments: Vec<&str> =
        ["sync", "usage", "--output", "json"].into_iter().chain(more.iter().copied()).collect();
    let (started, before) = (Instant::now(), children_cpu());
    let mut child = start(&arguments, &settings, log.path());
    let (id, mut peak) = (child.id().unwrap(), 0.0);
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    let ended = loop {
        tokio::select! {
            ended = child.wait() => break ended.unwrap(),
            _ = looks.tick() => peak = peak_mb(id).unwrap_or(peak),
        }
    };
    let (wall, cpu) = (started.elapsed().as_secs_f64(), children_cpu() - before);
    let text = std::fs::read_to_string(log.path()).unwrap();
    assert!(ended.success(), "{text}");
    let data: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let days = data["days"].as_array().unwrap();
    let rows = days.iter().map(|day| day["rows"].as_f64().unwrap()).sum();
    Took { rows, cpu, wall, peak }
}
