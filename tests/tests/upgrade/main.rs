//! Messages that a worker of an earlier version left in the broker, and what becomes of them.
//!
//! `freeze` made them: the broker's definitions, two runs that sleep and a dead letter, of the last version that gave
//! messages no origin, pinned no person and made run ids of source and id alone.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets something unexpected fails")]

use std::path::Path;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use msgraph_emulator::Tenant;
use serde_json::{Value, json};
use system_tests::{BrokerNode, Testbed};

const WORKFLOW: &str = include_str!("workflow.yaml");
const CONTINUATION: &str = "application/vnd.gatehouse.continuation+json";
const KEY: &str = "3f1c9a7be2d84056a1f0c7d2e9b83a64";

/// A frozen file, with the prefix of this test.
fn frozen(name: &str, prefix: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade").join(name);
    std::fs::read_to_string(path).unwrap().replace("PREFIX", prefix)
}

/// Puts a message back as it was, but for the delay, which is over.
async fn thaw(testbed: &Testbed, message: &Value) {
    let mut headers = FieldTable::default();
    for (name, value) in message["headers"].as_object().unwrap() {
        let value = match value {
            Value::Number(number) => AMQPValue::LongLongInt(number.as_i64().unwrap()),
            Value::String(text) => AMQPValue::LongString(text.as_str().into()),
            other => panic!("a header of another kind: {other}"),
        };
        headers.insert(name.as_str().into(), value);
    }
    let properties = BasicProperties::default()
        .with_content_type(CONTINUATION.into())
        .with_message_id(message["message_id"].as_str().unwrap().into())
        .with_headers(headers);
    let exchange = message["exchange"].as_str().unwrap();
    let exchange = exchange.strip_prefix(&format!("{}.", testbed.prefix())).unwrap();
    let exchange = if exchange.starts_with("delay.") { "delay.1s" } else { exchange };
    let (key, body) = (message["key"].as_str().unwrap(), message["body"].to_string());
    testbed.publisher.publish(exchange, key, properties, body.as_bytes()).await;
}

#[tokio::test]
async fn runs_of_the_version_before_wake_and_delete_nobody_who_came_back() {
    let node = tokio::task::spawn_blocking(BrokerNode::private).await.unwrap();
    let prefix = format!("t{}", uuid::Uuid::new_v4().simple());
    // First what the former version declared: a worker that wanted other arguments could not start.
    let definitions = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(definitions.path(), frozen("definitions.json", &prefix)).unwrap();
    node.ctl(&["import_definitions", definitions.path().to_str().unwrap()]).await;
    let mut testbed =
        Testbed::with(Tenant::contoso()).broker(node).prefix(&prefix).workflows(WORKFLOW).build().await;
    let key = testbed.file("key", KEY);
    testbed.set("WORKER__KEY_FILE", key.display());
    testbed.set("WORKER__ACCEPT_UNSIGNED", true);
    let edsger = "edsger@contoso.example";
    testbed.emulator.with_tenant(|tenant| tenant.set(edsger, "accountEnabled", false)).unwrap();

    let messages: Vec<Value> = serde_json::from_str(&frozen("messages.json", &prefix)).unwrap();
    for message in &messages {
        thaw(&testbed, message).await;
    }
    let worker = testbed.worker().await;
    let edsger = testbed.results.end_of("edsger").await;
    assert_eq!(edsger["state"], "succeeded", "{edsger}");
    let run_of = |id: &str| {
        let of_event = |message: &&Value| message["body"]["event"]["id"] == id;
        messages.iter().find(of_event).unwrap()["body"]["progress"]["run_id"].clone()
    };
    assert_eq!(edsger["run_id"], run_of("edsger"), "it keeps its id");

    // Grace was let back in while the run slept.
    testbed.holds("workflows.dlq", 2).await;
    let listed = testbed.gatehouse(&["dead", "list", "--output", "json"]).await.ok();
    let letters: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let class_of = |id: &str| {
        let run = run_of(id);
        letters.iter().find(|letter| letter["id"] == run).unwrap_or_else(|| panic!("{letters:#?}"))["class"]
            .clone()
    };
    assert_eq!((class_of("grace"), class_of("ada")), (json!("person_returned"), json!("permission_missing")));

    // The dead letter of the version before resumes where it failed; its account is deleted later.
    let run = run_of("ada");
    testbed.gatehouse(&["dead", "replay", run.as_str().unwrap()]).await.ok();
    testbed.changed(2).await;
    let effects = testbed.effects();
    assert!(effects.iter().any(|effect| effect.starts_with("disable")), "{effects:#?}");
    assert_eq!(effects.iter().filter(|effect| effect.starts_with("delete")).count(), 1, "{effects:#?}");
    // Before it wakes: draining would wait for that.
    testbed.forget_sleeping_run().await;
    testbed.drain([worker]).await;
    testbed.gatehouse(&["dead", "discard", "--yes", "--all"]).await.ok();
    testbed.close().await;
}
