//! Invalid and hostile messages, through a real broker to one worker that must survive them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, ByteArray, FieldArray, FieldTable, LongString};
use messages::{Continuation, Event, Incoming, Schema};
use msgraph_emulator::Tenant;
use serde_json::{Value, json};
use system_tests::random::Random;
use system_tests::{PublishedMessage, Testbed, events, repository, worker_process};

/// The routing key of every message here.
const KEY: &str = "onboarding.requested";
const STRUCTURED: &str = "application/cloudevents+json";

/// One message, and what must become of it.
struct Poison {
    name: String,
    properties: BasicProperties,
    body: Vec<u8>,
    expected: Expected,
}

#[derive(Clone, Debug, PartialEq)]
enum Expected {
    /// A dead letter of this class.
    Dead(&'static str),
    /// A valid event, whose run ends in any state.
    Answered(String),
    /// A valid event, whose run succeeds.
    Succeeds(String),
}

impl Poison {
    /// A body in structured mode; what must become of it depends on whether it decodes.
    fn structured(name: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let content_type = Some(STRUCTURED);
        let expected = match messages::decode(&Incoming {
            content_type,
            routing_key: Some(KEY),
            headers: &[],
            body: &body,
        }) {
            Ok(event) => Expected::Answered(run_of(&event)),
            Err(undecodable) => Expected::Dead(undecodable.code()),
        };
        let properties = BasicProperties::default().with_content_type(STRUCTURED.into());
        Self { name: name.into(), properties, body, expected }
    }

    fn dead(name: impl Into<String>, class: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { expected: Expected::Dead(class), ..Self::structured(name, body) }
    }

    fn valid(id: &str) -> Self {
        let person = json!({ "upn": format!("{id}@contoso.example"), "display_name": "Grace Hopper" });
        let event = events::onboarding(id, person, events::none());
        let run = Expected::Succeeds(events::run_of(&event).to_string());
        Self { expected: run, ..Self::structured(id, event.to_string()) }
    }

    fn with(self, change: impl FnOnce(BasicProperties) -> BasicProperties) -> Self {
        Self { properties: change(self.properties), ..self }
    }

    fn header(self, name: &str, value: AMQPValue) -> Self {
        let mut table = self.properties.headers().clone().unwrap_or_default();
        table.insert(name.into(), value);
        self.with(|properties| properties.with_headers(table))
    }

    fn text(self, name: &str, value: &str) -> Self {
        self.header(name, AMQPValue::LongString(value.into()))
    }
}

fn run_of(event: &Event) -> String {
    event.run_id().to_string()
}

/// An example; one that is no mistake was made now.
fn example(name: &str) -> String {
    let text = repository::text(&format!("schemas/examples/{name}.json"));
    if name.starts_with("invalid/") {
        return text;
    }
    events::made_now(serde_json::from_str(&text).unwrap()).to_string()
}

/// The examples with a few bytes cut, flipped, put in or taken out.
fn mutated(numbers: &mut Random, count: usize) -> Vec<Poison> {
    let names = ["onboarding.requested.v1.full", "offboarding.requested.v1.minimal"];
    let examples = names.map(|name| example(name).into_bytes());
    let mutate = |index: usize| {
        let mut body = examples[index % examples.len()].clone();
        for _ in 0..=numbers.below(4) {
            let at = numbers.below(body.len());
            match numbers.below(4) {
                0 => body.truncate(at + 1),
                1 => body.insert(at, numbers.bytes(1)[0]),
                2 => drop(body.remove(at)),
                _ => body[at] ^= 1 << numbers.below(8),
            }
            if body.is_empty() {
                body.push(b'{');
            }
        }
        Poison::structured(format!("mutated-{index}"), body)
    };
    (0..count).map(mutate).collect()
}

fn random(numbers: &mut Random, count: usize) -> Vec<Poison> {
    let types = [None, Some(STRUCTURED), Some("application/json"), Some("text/plain"), Some(";;")];
    let bytes = |index: usize| {
        let size = numbers.below(300);
        let poison = Poison::dead(format!("random-{index}"), "undecodable", numbers.bytes(size));
        let content_type = types[index % types.len()];
        poison.with(|properties| match content_type {
            Some(content_type) => properties.with_content_type(content_type.into()),
            None => BasicProperties::default(),
        })
    };
    (0..count).map(bytes).collect()
}

/// Every invalid example, and more kinds of mistakes.
fn refused() -> Vec<Poison> {
    let names =
        ["five-errors", "missing-everything", "misspelt-fields", "twice", "unknown-type", "wrong-values"];
    let mut all: Vec<_> =
        names.map(|name| Poison::structured(name, example(&format!("invalid/{name}")))).into_iter().collect();
    let full = example("onboarding.requested.v1.full");
    let with = |field: &str, value: Value| {
        let mut event: Value = serde_json::from_str(&full).unwrap();
        event[field] = value;
        event.to_string()
    };
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    all.extend([
        Poison::dead("empty", "undecodable", ""),
        Poison::dead("not UTF-8", "undecodable", vec![0xff, 0xfe, b'{', b'}']),
        Poison::dead("300 kB", "too_large", format!("{full}{}", " ".repeat(300_000))),
        Poison::dead("3 MB", "too_large", vec![b'['; 3_000_000]),
        Poison::dead(
            "nested 100 deep",
            "invalid_event",
            with("data", serde_json::from_str(&deep(100)).unwrap()),
        ),
        Poison::dead("nested 100,000 deep", "undecodable", deep(100_000)),
        Poison::dead("a type of 10 kB", "unknown_type", with("type", json!("a".repeat(10_000)))),
        Poison::dead("an id of 10 kB", "invalid_event", with("id", json!("a".repeat(10_000)))),
        Poison::dead(
            "a correlation id of 2 kB",
            "invalid_event",
            with("correlationid", json!("a".repeat(2_000))),
        ),
        Poison::dead("no content type that we know", "undecodable", full.clone())
            .with(|properties| properties.with_content_type("application/xml".into())),
        Poison::dead("another charset", "undecodable", full.clone())
            .with(|properties| properties.with_content_type(format!("{STRUCTURED}; charset=utf-16").into())),
        Poison::dead("a batch", "undecodable", format!("[{full}]"))
            .with(|properties| properties.with_content_type("application/cloudevents-batch+json".into())),
    ]);
    all
}

/// Messages that pretend to be the worker's own.
fn forged() -> Vec<Poison> {
    let continuation = |name: &str, body: String| {
        Poison::dead(name, "undecodable", body)
            .with(|properties| properties.with_content_type(Continuation::CONTENT_TYPE.into()))
    };
    let first: Value = serde_json::from_str(&example("continuation.v1.first")).unwrap();
    let other_run = {
        let mut value = first.clone();
        value["progress"]["run_id"] = json!("00000000-0000-5000-8000-000000000000");
        value.to_string()
    };
    let far_gone = {
        let mut value = first.clone();
        value["progress"]["attempt"] = json!(u32::MAX);
        value["progress"]["replays"] = json!(u32::MAX);
        value["progress"]["steps"] = json!([
            { "stage": "nowhere", "step": "nothing", "action": "none", "outcome": "changed", "changes": u32::MAX, "left": [] },
        ]);
        value
    };
    // Whatever they hold: only what comes through the exchange of workers is one.
    vec![
        continuation("a continuation of garbage", "garbage".to_owned()),
        continuation("a continuation of nothing", "{}".to_owned()),
        continuation("a continuation of an event", example("onboarding.requested.v1.full")),
        continuation("a continuation of another run", other_run),
        continuation("a continuation that has gone far", far_gone.to_string()),
    ]
}

/// Headers that are too many, too long, or reserved for the worker.
fn headers(prefix: &str) -> Vec<Poison> {
    let nested = |depth| {
        (0..depth)
            .fold(AMQPValue::LongInt(1), |inner, _| AMQPValue::FieldArray(FieldArray::from(vec![inner])))
    };
    let garbage = |name: &str| Poison::dead(name, "undecodable", "garbage");
    let many = (0..400).fold(garbage("headers of 20 kB"), |poison, index| {
        poison.text(&format!("header-{index}"), &"a".repeat(40))
    });
    let binary = |name: &str, class| {
        Poison::dead(name, class, "{}")
            .with(|properties| properties.with_content_type("application/json".into()))
            .text("cloudEvents:specversion", "1.0")
    };
    let mut death = FieldTable::default();
    death.insert("queue".into(), AMQPValue::LongString(format!("{prefix}.delay.1s").into()));
    death.insert("reason".into(), AMQPValue::LongString("expired".into()));
    death.insert("count".into(), AMQPValue::LongLongInt(7));
    let deaths = FieldArray::from(vec![AMQPValue::FieldTable(death)]);
    vec![
        many,
        garbage("a header of 20 kB").text("note", &"a".repeat(20_000)),
        garbage("a header of 100 kB").text("note", &"a".repeat(100_000)),
        garbage("headers as large as a frame").text("note", &"a".repeat(130_000)).text("kept", "short"),
        garbage("a header that is no text")
            .header("note", AMQPValue::LongString(LongString::from(vec![0xff, 0xfe]))),
        garbage("a header of bytes").header("note", AMQPValue::ByteArray(ByteArray::from(vec![0; 100]))),
        garbage("headers nested 12 deep").header("note", nested(12)),
        garbage("headers nested 500 deep").header("note", nested(500)),
        garbage("headers of the broker's").header("x-death", AMQPValue::FieldArray(deaths)),
        garbage("a delivery count").header("x-delivery-count", AMQPValue::LongLongInt(9_000)),
        garbage("headers of a dead letter")
            .text("gatehouse-dead-class", "Not A Class")
            .text("gatehouse-dead-queue", "elsewhere")
            .text("gatehouse-replays", "many"),
        garbage("a due time that is none").text("gatehouse-not-before", "tomorrow"),
        // Nobody but a worker can put a message off.
        garbage("a delay without end")
            .header("gatehouse-not-before", AMQPValue::LongLongInt(4_102_444_800_000))
            .header("gatehouse-hops", AMQPValue::LongLongInt(1_000)),
        binary("binary mode with nothing else", "invalid_event"),
        binary("binary mode with garbage", "invalid_event")
            .header("cloudEvents:id", AMQPValue::FieldArray(FieldArray::default()))
            .header("cloudEvents:time", AMQPValue::Double(1e300))
            .text("cloudEvents:source", &"\u{0}".repeat(50)),
        binary("binary mode with another type", "unknown_type")
            .text("cloudEvents:type", "com.example.ping")
            .text("cloudEvents:id", "1")
            .text("cloudEvents:source", "/elsewhere"),
        binary("binary mode in 100 kB of headers", "invalid_event")
            .text("cloudEvents:id", &"a".repeat(100_000)),
    ]
}

/// Valid events with strange properties.
fn strange_but_valid(prefix: &str) -> Vec<Poison> {
    let long = "a".repeat(255);
    let correlated = |mut poison: Poison| {
        let mut event: Value = serde_json::from_slice(&poison.body).unwrap();
        // Few enough characters for the event, too many bytes for the property of a result.
        event["correlationid"] = json!("é".repeat(200));
        poison.body = event.to_string().into_bytes();
        poison
    };
    let reply =
        |id: &str, queue: String| Poison::valid(id).with(|properties| properties.with_reply_to(queue.into()));
    vec![
        reply("reply-missing", format!("{prefix}-nobody")),
        reply("reply-own", format!("{prefix}.workflows")),
        reply("reply-dead", format!("{prefix}.workflows.dlq")),
        reply("reply-long", long.clone()),
        Poison::valid("expiring").with(|properties| properties.with_expiration("3600000".into())),
        Poison::valid("prioritised").with(|properties| properties.with_priority(255)),
        Poison::valid("long-properties")
            .with(|properties| properties.with_correlation_id(long.clone().into()).with_app_id(long.into())),
        correlated(Poison::valid("correlated")),
        Poison::valid("headers-20k").text("note", &"a".repeat(20_000)),
        Poison::valid("headers-100k").text("note", &"a".repeat(100_000)),
        // It arrives before its time, so it goes to the delay with all it carries.
        Poison::valid("put-off").text("note", &"a".repeat(100_000)).header(
            "gatehouse-not-before",
            AMQPValue::LongLongInt(Timestamp::now().as_millisecond() + 3_000),
        ),
        Poison::valid("dead-before").text("gatehouse-dead-class", "blocked").text("x-death", "once"),
        Poison::valid("replayed-often").header("gatehouse-replays", AMQPValue::LongLongInt(i64::MAX)),
    ]
}

fn all(prefix: &str) -> Vec<Poison> {
    let mut numbers = Random::new(20_260_302);
    let mut bad = mutated(&mut numbers, 200);
    bad.extend(random(&mut numbers, 60));
    bad.extend(refused());
    bad.extend(forged());
    bad.extend(headers(prefix));
    bad.extend(strange_but_valid(prefix));
    let good = (0..bad.len().div_ceil(8)).map(|index| Poison::valid(&format!("valid-{index}")));
    // A valid event after every few bad ones.
    let mut all = Vec::new();
    let mut good = good.peekable();
    for (index, poison) in bad.into_iter().enumerate() {
        all.push(poison);
        if index % 8 == 0 {
            all.extend(good.next());
        }
    }
    all
}

/// The sum of a metric over all label sets that contain this text.
fn metric(page: &str, name: &str, labels: &str) -> f64 {
    let lines = page.lines().filter_map(|line| line.strip_prefix(name));
    let of_name = lines.filter(|rest| rest.starts_with([' ', '{']) && rest.contains(labels));
    of_name.map(|rest| rest.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
}

#[tokio::test]
async fn every_message_is_answered_or_set_aside_and_the_worker_survives() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let worker = testbed.worker().await;
    let id = worker.id();
    let sent = all(testbed.prefix());
    assert!(sent.len() > 300, "{}", sent.len());
    for (index, poison) in sent.iter().enumerate() {
        let properties = poison.properties.clone().with_message_id(format!("message-{index}").into());
        testbed.publisher.publish("events", KEY, properties, &poison.body).await;
    }
    let runs = |wanted: fn(&Expected) -> Option<&String>| -> BTreeSet<_> {
        sent.iter().filter_map(|poison| wanted(&poison.expected)).cloned().collect()
    };
    let succeeding = runs(|expected| match expected {
        Expected::Succeeds(run) => Some(run),
        _ => None,
    });
    let answered = runs(|expected| match expected {
        Expected::Answered(run) | Expected::Succeeds(run) => Some(run),
        Expected::Dead(_) => None,
    });
    let mut open = answered.clone();
    let mut ends = BTreeMap::new();
    while !open.is_empty() {
        let received = testbed.results.next().await;
        if received.is_end() || received.key == "run.planned" {
            open.remove(received.run_id());
            ends.insert(received.run_id().to_owned(), received.event["data"].clone());
        }
    }
    for run in &succeeding {
        assert_eq!(ends[run]["state"], "succeeded", "{}", ends[run]);
    }
    testbed.quiet().await;
    let (_, page) = worker_process::fetch(&worker.admin_address().await, "/metrics").await;
    let log = worker.log();
    assert_eq!(metric(&page, "gatehouse_panics_total", ""), 0.0);
    assert!(!log.iter().any(|line| line.contains("panicked")), "{log:#?}");
    assert_eq!(metric(&page, "gatehouse_sessions_started_total", "queue=\"workflows\""), 1.0, "{log:#?}");
    assert_eq!(metric(&page, "gatehouse_deliveries_total", "redelivered=\"true\""), 0.0);
    assert_eq!(worker.id(), id);
    check_letters(&mut testbed, &sent, &page).await;
    let mut worker = worker;
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}

/// Asserts that exactly the messages to set aside are dead letters, byte for byte and with their reason.
async fn check_letters(testbed: &mut Testbed, sent: &[Poison], page: &str) {
    let copies = testbed.published.take().await;
    let letters: Vec<&PublishedMessage> = copies.iter().filter(|copy| copy.is_dead()).collect();
    let schema = Schema::named("dead-letter.v1").unwrap();
    let mut expected: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, poison) in sent.iter().enumerate() {
        let Expected::Dead(class) = poison.expected else { continue };
        *expected.entry(class).or_default() += 1;
        let id = format!("message-{index}");
        let of_it: Vec<_> =
            letters.iter().filter(|letter| letter.message_id.as_deref() == Some(id.as_str())).collect();
        let [letter] = of_it[..] else { panic!("{}: {} dead letters", poison.name, of_it.len()) };
        assert_eq!(letter.headers["gatehouse-dead-class"], *class, "{}", poison.name);
        let kept = if class == "too_large" { &poison.body[..4_096] } else { &poison.body };
        assert!(letter.body == kept, "{}: the body is another", poison.name);
        assert_eq!(schema.violations(&letter.headers), [], "{}", poison.name);
        let names = letter.headers.as_object().unwrap().keys();
        assert!(!names.clone().any(|name| name.starts_with("x-")), "{}: {:?}", poison.name, names);
    }
    let letter_of = |name: &str| {
        let index = sent.iter().position(|poison| poison.name == name).unwrap();
        let id = format!("message-{index}");
        letters.iter().find(|letter| letter.message_id.as_deref() == Some(id.as_str())).unwrap()
    };
    assert_eq!(letter_of("a header of 20 kB").headers["note"], "a".repeat(20_000));
    assert_eq!(letter_of("headers of 20 kB").headers["header-399"], "a".repeat(40));
    let cut = letter_of("headers as large as a frame");
    assert_eq!(cut.headers["gatehouse-headers-dropped"], 1);
    assert_eq!((cut.headers.get("note"), &cut.headers["kept"]), (None, &json!("short")));
    let whole = letter_of("3 MB");
    assert_eq!(whole.headers["gatehouse-dead-whole-bytes"], 3_000_000);
    assert_eq!(
        whole.headers["gatehouse-dead-whole-sha256"],
        "5af47c230fe1fbf6cf10d08e111619afe3f931aed5ab8066215bfd77a44d8cb2"
    );
    let id = whole.message_id.clone().unwrap();
    let shown = testbed.gatehouse(&["dead", "show", &id]).await.ok();
    assert!(shown.contains("the first 4096 of 3000000 bytes"), "{shown}");
    let replayed = testbed.gatehouse(&["dead", "replay", &id]).await;
    assert!(
        replayed.code == Some(1) && replayed.stdout.contains("has to send a smaller one"),
        "{replayed:?}"
    );
    let listed = testbed.gatehouse(&["dead", "list", "--output", "json"]).await.ok();
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(listed.len(), letters.len());
    for (class, count) in &expected {
        let of_class = listed.iter().filter(|letter| letter["class"] == *class);
        assert!(of_class.count() >= *count, "{class}");
        assert!(
            metric(page, "gatehouse_dead_letters_total", &format!("\"{class}\"")) >= *count as f64,
            "{class}"
        );
    }
    assert_eq!(metric(page, "gatehouse_dead_letters_total", ""), letters.len() as f64);
    let discard =
        ["dead", "discard", "--yes", "--all", "--rate", "1000", "--why", "sent to see what happens"];
    let report = testbed.gatehouse(&[&discard[..], &["--output", "json"]].concat()).await.ok();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["discarded"].as_array().unwrap().len(), letters.len());
}

#[tokio::test]
async fn an_event_that_expires_before_a_worker_comes_is_set_aside_and_says_so() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let poison = Poison::valid("late").with(|properties| properties.with_expiration("1".into()));
    testbed.publisher.publish("events", KEY, poison.properties, &poison.body).await;
    testbed.quiet().await;
    let listed = testbed.gatehouse(&["dead", "list", "--output", "json"]).await.ok();
    let letter: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(letter["class"], "expired", "{letter}");
    let mut worker = testbed.worker().await;
    testbed.gatehouse(&["dead", "replay", "--all"]).await.ok();
    assert_eq!(testbed.results.end_of("late").await["state"], "succeeded");
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}
