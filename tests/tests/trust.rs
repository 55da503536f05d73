//! Who may have what done: a publisher who may write events only forges, re-routes and launders what only a worker
//! writes, and nothing comes of it.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use msgraph_emulator::Tenant;
use serde_json::{Value, json};
use system_tests::worker_process::Worker;
use system_tests::{BrokerNode, Publisher, Testbed, events};

const CONTINUATION: &str = "application/vnd.gatehouse.continuation+json";
const STRUCTURED: &str = "application/cloudevents+json";

/// Locks out at once and deletes later.
const WORKFLOW: &str = "\
offboarding:
  stages:
    - name: lock out
      steps: [disable_account]
    - name: delete
      after: 3s
      steps: [delete_user]
";

fn leave(id: &str) -> Value {
    events::offboarding(id, json!({ "upn": "edsger@contoso.example" }))
}

/// A run of this event that claims to have locked out long ago, and to be due for the deletion.
fn forged(event: &Value) -> Vec<u8> {
    let done = json!({ "stage": "lock out", "step": "disable_account", "action": "disable_account",
        "outcome": "unchanged", "changes": 0, "left": [] });
    let progress = json!({
        "run_id": events::run_of(event),
        "workflow": { "name": "offboarding", "digest": format!("sha256:{:064}", 0) },
        "first_seen": "2026-01-01T00:00:00Z",
        "attempt": 1,
        "replays": 0,
        "steps": [done],
        "starts": [{ "stage": "delete", "at": "2026-01-31T00:00:00Z" }],
    });
    json!({ "event": event, "progress": progress }).to_string().into_bytes()
}

fn of_type(content_type: &str) -> BasicProperties {
    BasicProperties::default().with_content_type(content_type.into()).with_user_id("hr".into())
}

fn texts(texts: &[&str]) -> AMQPValue {
    let texts: Vec<_> = texts.iter().map(|text| AMQPValue::LongString((*text).into())).collect();
    AMQPValue::FieldArray(texts.into())
}

fn with_headers<const N: usize>(
    properties: BasicProperties,
    headers: [(&str, AMQPValue); N],
) -> BasicProperties {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert(name.into(), value);
    }
    properties.with_headers(table)
}

/// A testbed on a node of its own, and a publisher whose user may write to the exchange of events and nothing else.
async fn with_publisher(key: Option<&str>) -> (Testbed, Publisher) {
    let node = tokio::task::spawn_blocking(BrokerNode::private).await.unwrap();
    let mut testbed = Testbed::with(Tenant::contoso()).broker(node).workflows(WORKFLOW).build().await;
    if let Some(key) = key {
        let file = testbed.file("key", key);
        testbed.set("WORKER__KEY_FILE", file.display());
    }
    let publisher = testbed.confined_publisher("hr", "events").await;
    (testbed, publisher)
}

/// Waits for this many dead letters and returns them.
async fn dead_letters(testbed: &mut Testbed, count: u32) -> Vec<Value> {
    testbed.holds("workflows.dlq", count).await;
    let listed = testbed.gatehouse(&["dead", "list", "--output", "json"]).await.ok();
    listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn classes(letters: &[Value]) -> Vec<&str> {
    let mut classes: Vec<_> = letters.iter().map(|letter| letter["class"].as_str().unwrap()).collect();
    classes.sort_unstable();
    classes
}

async fn discard_all(testbed: &mut Testbed) {
    testbed.gatehouse(&["dead", "discard", "--yes", "--all", "--rate", "1000"]).await.ok();
}

async fn replay_all(testbed: &mut Testbed) {
    testbed.gatehouse(&["dead", "replay", "--all", "--rate", "1000"]).await.ok();
}

/// Everything a publisher can try. Nothing in the tenant may change.
async fn nothing_comes_of_it(testbed: &mut Testbed, publisher: &Publisher) {
    let worker = testbed.worker().await;
    let (work, dead) = (format!("{}.workflows", testbed.prefix()), format!("{}.dead", testbed.prefix()));
    let body = forged(&leave("forged"));
    let send = async |key: &str, properties: BasicProperties, body: &[u8]| {
        publisher.publish("events", key, properties, body).await;
    };
    let own = |name| (name, AMQPValue::LongString("gatehouse.work".into()));
    // Forged; re-routed by headers that name other keys; with headers as a worker writes them.
    send("offboarding.requested", of_type(CONTINUATION), &body).await;
    let routes = [("CC", texts(&[&work, &dead])), ("BCC", texts(&["offboarding.requested"]))];
    send("offboarding.requested", with_headers(of_type(CONTINUATION), routes), &body).await;
    let origin = [own("gatehouse-origin-exchange"), own("gatehouse-signature"), own("gatehouse-dead-class")];
    send("offboarding.requested", with_headers(of_type(CONTINUATION), origin), &body).await;
    // A leaver under the key of a hire, to get round a permission for topics.
    let event = leave("under another key").to_string();
    let routes = [("CC", texts(&["offboarding.requested"]))];
    send("onboarding.requested", with_headers(of_type(STRUCTURED), routes), event.as_bytes()).await;

    let refused = ["undecodable", "undecodable", "undecodable", "wrong_routing_key"];
    let letters = dead_letters(testbed, 4).await;
    assert_eq!(classes(&letters), refused, "{letters:#?}");
    for letter in &letters {
        let origin = &letter["origin"];
        assert_eq!(origin["exchange"], format!("{}.events", testbed.prefix()), "{letter}");
        assert_eq!(origin["user"], "hr", "{letter}");
    }
    // Laundered: what an operator replays, even twice, is no worker's.
    for _round in 0..2 {
        replay_all(testbed).await;
        let letters = dead_letters(testbed, 4).await;
        assert_eq!(classes(&letters), refused, "{letters:#?}");
    }
    discard_all(testbed).await;
    testbed.drain([worker]).await;

    // Set aside by the broker, with a forged history that names the exchange of workers.
    let mut death = FieldTable::default();
    let text = |text: &str| AMQPValue::LongString(text.into());
    death.insert("queue".into(), text(&work));
    death.insert("reason".into(), text("expired"));
    death.insert("exchange".into(), text(&format!("{}.work", testbed.prefix())));
    death.insert("count".into(), AMQPValue::LongLongInt(0));
    let history = [("x-death", AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into()))];
    let expiring = with_headers(of_type(CONTINUATION), history).with_expiration("1".into());
    send("offboarding.requested", expiring, &body).await;
    assert_eq!(classes(&dead_letters(testbed, 1).await), ["expired"]);
    replay_all(testbed).await;
    let worker = testbed.worker().await;
    assert_eq!(classes(&dead_letters(testbed, 1).await), ["undecodable"]);
    discard_all(testbed).await;
    assert_eq!(testbed.effects(), Vec::<String>::new());
    testbed.drain([worker]).await;
}

#[tokio::test]
async fn a_publisher_of_events_can_forge_nothing() {
    let (mut testbed, publisher) = with_publisher(None).await;
    nothing_comes_of_it(&mut testbed, &publisher).await;

    // Headers of a worker's do not count either: the event is neither put off nor taken for a replay.
    let worker = testbed.worker().await;
    let later = Timestamp::now().as_millisecond() + 3_600_000;
    let headers = [
        ("gatehouse-not-before", AMQPValue::LongLongInt(later)),
        ("gatehouse-replays", AMQPValue::LongLongInt(7)),
    ];
    let mut event = leave("now");
    event["data"]["mode"] = "plan".into();
    let properties = with_headers(of_type(STRUCTURED), headers);
    publisher.publish("events", "offboarding.requested", properties, event.to_string().as_bytes()).await;
    let planned = testbed.results.next().await;
    assert_eq!(planned.key, "run.planned", "{planned:?}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

const KEY: &str = "3f1c9a7be2d84056a1f0c7d2e9b83a64";
const NEXT_KEY: &str = "90ab3e5d7c1f42688b0e6d9fa2c47135";

/// Lets the run of an event lock out and fall asleep before its deletion.
async fn asleep(testbed: &mut Testbed, id: &str) {
    testbed.publisher.event(&leave(id)).await;
    loop {
        let received = testbed.results.next().await;
        if received.key == "run.waiting" {
            return;
        }
    }
}

async fn logged(testbed: &mut Testbed, sentence: &str) -> Worker {
    let worker = testbed.start_worker();
    worker.logged(sentence).await;
    worker.logged("broker session is up").await;
    worker
}

#[tokio::test]
async fn with_a_key_not_even_the_exchange_of_workers_is_enough() {
    let (mut testbed, publisher) = with_publisher(Some(KEY)).await;
    nothing_comes_of_it(&mut testbed, &publisher).await;

    // The test's own user may write everywhere, which no publisher should.
    let work = format!("{}.workflows", testbed.prefix());
    let body = forged(&leave("forged"));
    let properties = BasicProperties::default().with_content_type(CONTINUATION.into());
    let mut worker = testbed.worker().await;
    testbed.publisher.publish("work", &work, properties.clone(), &body).await;
    assert_eq!(classes(&dead_letters(&mut testbed, 1).await), ["undecodable"]);
    discard_all(&mut testbed).await;

    // A run that fell asleep under one key wakes under the next.
    asleep(&mut testbed, "signed").await;
    assert_eq!(worker.terminate().await, Some(0));
    let both = testbed.file("keys", &format!("{NEXT_KEY}\n{KEY}\n"));
    testbed.set("WORKER__KEY_FILE", both.display());
    let worker = testbed.worker().await;
    let end = testbed.results.end_of("signed").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    assert_eq!(testbed.effects().len(), 2, "{:#?}", testbed.effects());
    testbed.drain([worker]).await;

    // While workers are replaced an unsigned message counts, and no more is deleted than the account allows.
    testbed.set("WORKER__ACCEPT_UNSIGNED", true);
    let worker = logged(&mut testbed, "worker.accept_unsigned is true").await;
    let event = events::offboarding("unsigned", json!({ "upn": "ada@contoso.example" }));
    testbed.publisher.publish("work", &work, properties, &forged(&event)).await;
    let end = testbed.results.end_of("unsigned").await;
    assert_eq!(end.pointer("/failure/code"), Some(&json!("person_returned")), "{end}");
    testbed.holds("workflows.dlq", 1).await;
    testbed.drain([worker]).await;
    discard_all(&mut testbed).await;
    testbed.close().await;
}
