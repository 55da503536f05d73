//! Software of others meets Gatehouse: `promtool` reads its metrics and tries its alerts; publishers with the CloudEvents SDKs for Python
//! and JavaScript publish events and read results, and so do the examples; a Python consumer keeps a table of people; the AsyncAPI
//! parser reads the document of all messages; a browser opens the page of a sync.
//! Microsoft's SDKs work in the emulated tenant. Helm renders the chart, and the schemas of Kubernetes, of KEDA and of the Prometheus
//! Operator accept it. The root folders of the images are started without an engine, the compose file is held against
//! its specification, and the Debian package is installed and purged. Prometheus answers every query of the dashboard.
//! A receiver of OpenTelemetry's traces takes those of a run.
//! `make test-foreign` installs what is needed; no other target runs these tests.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

#[path = "../sync_command/bench.rs"]
mod bench;
mod chart;
mod compose;
mod consumer;
mod dashboard;
mod debian;
mod examples;
mod image;
mod page;
mod picture;
mod receiver;
mod release;
mod sdks;
mod traces;

use std::path::Path;
use std::process::Stdio;

use msgraph_emulator::Tenant;
use system_tests::results::PATIENCE;
use system_tests::worker_process::fetch;
use system_tests::{Testbed, repository};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Runs a program to its end and returns what it printed.
async fn run(mut command: Command, input: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let started = command.spawn();
    let mut child = started.unwrap_or_else(|error| panic!("{command:?}: {error}; run `make test-foreign`"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
    stdout
}

#[tokio::test]
async fn a_python_publisher_is_understood_in_both_modes_and_its_metrics_page_passes_promtool() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let mut worker = testbed.worker().await;
    let python = std::env::var("FOREIGN_PYTHON").expect("FOREIGN_PYTHON is not set: run `make test-foreign`");
    let mut publisher = Command::new(Path::new(&repository::root()).join(python));
    let script = repository::root().join("tests/tests/foreign/publish.py");
    publisher.arg(script).args([testbed.broker.url(), testbed.prefix()]);
    let printed = run(publisher, "").await;
    let mut lines: Vec<_> = printed.lines().collect();
    lines.sort_unstable();
    let expected = ["binary", "structured"].map(|id| format!("{id} gatehouse.run.finished.v1 succeeded"));
    assert_eq!(lines, expected);

    let (status, page) = fetch(&worker.admin_address().await, "/metrics").await;
    assert_eq!(status, 200);
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]);
    run(promtool, &page).await;
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}

#[tokio::test]
async fn alerts_fire_when_something_is_wrong_and_not_on_a_quiet_day() {
    let mut promtool = Command::new("promtool");
    promtool.args(["test", "rules"]).arg(repository::root().join("tests/tests/foreign/alerts_test.yaml"));
    run(promtool, "").await;
}
