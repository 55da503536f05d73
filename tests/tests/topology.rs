//! What an administrator declares or imports lets workers work that may not declare.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use msgraph_emulator::Tenant;
use serde_json::{Value, json};
use system_tests::{BrokerNode, Publisher, Testbed, events};

const WORKFLOW: &str = "\
offboarding:
  stages:
    - name: lock out
      steps: [disable_account]
";

/// A testbed whose commands and workers use a prefix under which the broker has nothing, and may not declare.
async fn nothing_declared() -> Testbed {
    let node = tokio::task::spawn_blocking(BrokerNode::private).await.unwrap();
    let mut testbed = Testbed::with(Tenant::contoso()).broker(node).workflows(WORKFLOW).build().await;
    testbed.set("BROKER__PREFIX", "acme");
    testbed.set("BROKER__DECLARE", false);
    testbed.set("TENANTS__CONTOSO__SYNC__USERS", "6h");
    testbed
}

/// A worker starts on what there is, and lets somebody leave.
async fn works(testbed: &mut Testbed) {
    let mut worker = testbed.worker().await;
    let publisher = Publisher::open(testbed.broker.url(), "acme").await;
    publisher.event(&events::offboarding("leave", json!({ "upn": "edsger@contoso.example" }))).await;
    testbed.changed(1).await;
    assert_eq!(worker.terminate().await, Some(0));
}

#[tokio::test]
async fn a_worker_that_may_not_declare_works_on_what_apply_declares() {
    let mut testbed = nothing_declared().await;
    let shown = testbed.gatehouse(&["topology", "show"]).await;
    assert_eq!(shown.code, Some(1), "{}", shown.stdout);
    assert!(
        shown.stdout.contains("are missing; `gatehouse topology apply` declares them"),
        "{}",
        shown.stdout
    );

    let applied = testbed.gatehouse(&["topology", "apply"]).await.ok();
    assert!(applied.contains("created  queue acme.workflows\n"), "{applied}");
    assert!(applied.contains("created  stream acme.ledger.snapshots\n"), "{applied}");
    assert!(applied.contains("created  queue acme.schedule.contoso.users.21600s\n"), "{applied}");
    let again = testbed.gatehouse(&["topology", "apply"]).await.ok();
    assert!(again.starts_with("0 created, ") && again.contains(", 0 refused; "), "{again}");

    works(&mut testbed).await;
    let shown = testbed.gatehouse(&["topology", "show"]).await.ok();
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(shown.ends_with("are there.\n"), "{shown}");
    testbed.tear_down().await;
}

#[tokio::test]
async fn a_worker_that_may_not_declare_works_on_imported_definitions() {
    let mut testbed = nothing_declared().await;
    let definitions = testbed.gatehouse(&["topology", "export"]).await.ok();
    let file = testbed.file("definitions.json", &definitions);
    testbed.broker.ctl(&["import_definitions", file.to_str().unwrap()]).await;

    let shown = testbed.gatehouse(&["topology", "show", "--output", "json"]).await.ok();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["missing"], 0, "{shown}");
    works(&mut testbed).await;
    // What RabbitMQ made of the definitions is what a worker that may declare wants.
    let again = testbed.gatehouse(&["topology", "apply"]).await.ok();
    assert!(again.starts_with("0 created, ") && again.contains(", 0 refused; "), "{again}");
    testbed.tear_down().await;
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_named_and_the_rest_is_declared() {
    let mut testbed = nothing_declared().await;
    let connection =
        Connection::connect(testbed.broker.url(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("acme.workflows".into(), durable, FieldTable::default()).await.unwrap();

    let applied = testbed.gatehouse(&["topology", "apply"]).await;
    assert_eq!(applied.code, Some(4));
    assert!(applied.stdout.contains("refused  queue acme.workflows\n"), "{}", applied.stdout);
    assert!(applied.stdout.contains("delete it"), "{}", applied.stdout);
    assert!(applied.stdout.contains("created  queue acme.workflows.dlq\n"), "{}", applied.stdout);
    assert!(applied.stdout.contains("42 created, 0 were there, 1 refused; "), "{}", applied.stdout);
    connection.close(200, "the test has ended".into()).await.unwrap();
    testbed.tear_down().await;
}

#[tokio::test]
async fn nothing_is_missing_where_a_worker_may_declare() {
    let mut testbed = Testbed::with(Tenant::contoso()).workflows(WORKFLOW).build().await;
    let mut worker = testbed.worker().await;
    let shown = testbed.gatehouse(&["topology", "show"]).await.ok();
    assert!(shown.ends_with("are there.\n"), "{shown}");
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}
