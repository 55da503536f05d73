//! Metrics: the page about them, and what no event tells: queues, runs that have not ended, credentials, the process.

use std::collections::BTreeSet;

use jiff::Timestamp;
use msgraph_emulator::{Application, CERTIFICATE, Fault, Tenant};
use serde_json::json;
use system_tests::metrics::until;
use system_tests::{Testbed, declared, events, repository};

const PAGE: &str = "deploy/metrics.md";
const TABLE_BEGINS: &str = "<!-- metrics -->\n";
const TABLE_ENDS: &str = "<!-- /metrics -->";
/// Labels that name what settings, Microsoft or we name, and no other: nothing of an event can be a label.
const LABELS: [&str; 21] = [
    "action",
    "cause",
    "class",
    "code",
    "decision",
    "exchange",
    "kind",
    "method",
    "outcome",
    "queue",
    "reason",
    "redelivered",
    "service",
    "state",
    "status",
    "tenant",
    "type",
    "version",
    "what",
    "workflow",
    "le",
];

#[test]
fn the_page_of_metrics_shows_every_metric() {
    let page = repository::text(PAGE);
    let (before, rest) = page.split_once(TABLE_BEGINS).expect("the page marks where the metrics begin");
    let (_, after) = rest.split_once(TABLE_ENDS).expect("the page marks where the metrics end");
    let row = |metric: &declared::Metric| {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        format!("| `{}` | {} | {} | {} |\n", metric.name, metric.kind, labels.join(" "), metric.help)
    };
    let rows: String = declared::metrics().iter().map(row).collect();
    let table = format!("| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n{rows}");
    repository::golden(PAGE, &format!("{before}{TABLE_BEGINS}{table}{TABLE_ENDS}{after}"));
}

#[test]
fn every_metric_follows_the_conventions() {
    let metrics = declared::metrics();
    let names: BTreeSet<_> = metrics.iter().map(|metric| &metric.name).collect();
    assert!(metrics.len() > 60 && names.len() == metrics.len(), "{names:?}");
    for declared::Metric { name, kind, labels, help } in &metrics {
        assert_eq!(name.ends_with("_total"), *kind == "counter", "{name}");
        assert!(help.ends_with('.') && help.len() > 15, "{name}: {help}");
        let unknown = labels.iter().find(|label| !LABELS.contains(&label.as_str()));
        assert_eq!(unknown, None, "{name}: is this a label that names no person? Then add it here");
    }
}

#[tokio::test]
async fn a_worker_of_syncs_alone_says_that_it_reads_the_ledger() {
    let mut testbed = Testbed::with(Tenant::empty()).build().await;
    let worker = testbed.worker_of("sync").await;
    worker.counts("gatehouse_ledger_ready", 1.0).await;
    let page = worker.metrics().await;
    assert!(page.0.contains("gatehouse_syncs_total{state=\"failed\",tenant=\"contoso\",what=\"usage\"} 0\n"));
    assert!(!page.0.contains("gatehouse_runs_total"), "it does no runs: {}", page.0);
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn failures_that_have_not_happened_count_as_none() {
    let mut testbed = Testbed::with(Tenant::empty()).build().await;
    let worker = testbed.worker().await;
    let page = worker.metrics().await;
    for series in [
        r#"gatehouse_dead_letters_total{reason="crash_loop"}"#,
        r#"gatehouse_ledger_claims_total{decision="unread"}"#,
        r#"gatehouse_put_off_total{queue="workflows",reason="ledger_unread"}"#,
        r#"gatehouse_put_off_total{queue="sync",reason="tenant_paused"}"#,
        r#"gatehouse_runs_refused_total{code="protected",tenant="contoso"}"#,
        r#"gatehouse_runs_total{state="failed",tenant="contoso",workflow="offboarding"}"#,
        r#"gatehouse_sessions_ended_total{cause="connection_lost",queue="access"}"#,
        r#"gatehouse_sync_pages_refused_total{what="users"}"#,
        r#"gatehouse_graph_throttled_total{service="teams",tenant="contoso"}"#,
        r#"gatehouse_tenant_paused{tenant="contoso"}"#,
        "gatehouse_panics_total",
    ] {
        assert!(page.0.contains(&format!("\n{series} 0\n")), "{series}:\n{}", page.0);
    }
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn queues_runs_and_ages_are_seen_while_they_last() {
    let workflow = "offboarding:\n  stages:\n    - name: lock out\n      steps: [disable_account]\n    \
                    - name: take back\n      after: 8s\n      steps: [remove_from_groups]\n";
    let mut testbed = Testbed::with(Tenant::contoso()).workflows(workflow).build().await;
    let worker = testbed.worker().await;
    let named = |queue: &str| format!("queue=\"{}.{queue}\"", testbed.prefix());
    let (work, dead) = (named("workflows"), named("workflows.dlq"));
    worker.counts_with("gatehouse_queue_consumers", &work, 1.0).await;
    worker.counts_with("gatehouse_queue_messages", &dead, 0.0).await;

    let person = json!({ "upn": "edsger@contoso.example" });
    let mut event = events::offboarding("leave", person);
    event["time"] = (Timestamp::now() - jiff::SignedDuration::from_mins(2)).to_string().into();
    testbed.publisher.event(&event).await;
    worker.counts_with("gatehouse_runs", "state=\"asleep\"", 1.0).await;
    let page = worker.metrics().await;
    assert_eq!(page.sum("gatehouse_runs_overdue", ""), 0.0);
    let kind = "gatehouse.offboarding.requested.v1";
    assert_eq!(page.sum("gatehouse_event_age_seconds_count", kind), 1.0, "{}", page.0);
    let age = page.sum("gatehouse_event_age_seconds_sum", kind);
    assert!((120.0..300.0).contains(&age), "{age}");
    let settled = page.sum("gatehouse_last_settled_timestamp_seconds", "workflows");
    let now = Timestamp::now().as_second() as f64;
    assert!((now - 120.0..=now + 1.0).contains(&settled), "{settled}, and it is {now}");
    assert_eq!(testbed.results.end_of("leave").await["state"], "partial", "a dynamic group is left");
    worker.counts_with("gatehouse_runs", "state=\"asleep\"", 0.0).await;
    let page = worker.metrics().await;
    let carried_on = page.sum("gatehouse_event_age_seconds_count", kind);
    assert_eq!(carried_on, 1.0, "a run that resumes is not counted as an event again");
    assert!(page.sum("gatehouse_steps_total", "tenant=\"contoso\"") >= 2.0, "{}", page.0);
    assert_eq!(page.sum("gatehouse_publishes_unconfirmed", ""), 0.0, "{}", page.0);

    testbed.emulator.fault(Fault::status(403).method("PATCH").path("/users/"));
    testbed.publisher.event(&events::offboarding("blocked", json!({ "upn": "ada@contoso.example" }))).await;
    assert_eq!(testbed.results.end_of("blocked").await["state"], "failed");
    worker.counts_with("gatehouse_queue_messages", &dead, 1.0).await;
    until(async || worker.metrics().await.sum("gatehouse_queue_filled_seconds", &dead) > 4.0).await;
    assert_eq!(worker.metrics().await.sum("gatehouse_step_failures_total", "tenant=\"contoso\""), 1.0);
    testbed.gatehouse(&["dead", "discard", "--yes", "--all", "--why", "failed on purpose"]).await.ok();
    worker.counts_with("gatehouse_queue_messages", &dead, 0.0).await;
    assert_eq!(worker.metrics().await.sum("gatehouse_queue_filled_seconds", &dead), 0.0);
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn a_certificate_says_when_it_ends_and_the_process_what_it_uses() {
    let tenant = Tenant::empty().application(Application::default().certificate(CERTIFICATE));
    let mut testbed = Testbed::with(tenant).set("TENANTS__CONTOSO__CLIENT_SECRET", "").build().await;
    let file = testbed.file("certificate.pem", CERTIFICATE);
    testbed.set("TENANTS__CONTOSO__CERTIFICATE_FILE", file.display());
    let worker = testbed.worker().await;
    // As openssl shows it of the emulator's certificate.
    let ends: Timestamp = "2126-10-29T02:44:33Z".parse().unwrap();
    let name = "gatehouse_credential_expires_timestamp_seconds";
    worker.counts_with(name, "tenant=\"contoso\"", ends.as_second() as f64).await;
    let page = worker.metrics().await;
    let value = |name: &str| page.sum(&format!("process_{name}"), "");
    assert!(value("cpu_seconds_total") > 0.0 && value("resident_memory_bytes") > 1e6, "{}", page.0);
    assert!(value("open_fds") > 3.0 && value("max_fds") > value("open_fds"), "{}", page.0);
    assert!(value("threads") > 1.0 && value("start_time_seconds") > 1.7e9, "{}", page.0);
    testbed.drain([worker]).await;
    testbed.close().await;
}
