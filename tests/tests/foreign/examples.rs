//! The examples of publishers and of readers of results, in Python and in JavaScript, as a stranger starts them.

use std::path::PathBuf;
use std::process::Stdio;

use lapin::BasicProperties;
use msgraph_emulator::Tenant;
use serde_json::{Value, json};
use system_tests::proxy::Proxy;
use system_tests::results::PATIENCE;
use system_tests::{Testbed, events, repository};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::run;
use crate::sdks::prepared;

/// In which language an example is.
#[derive(Clone, Copy, Debug)]
enum Language {
    Python,
    JavaScript,
}

impl Language {
    fn example(self, name: &str) -> Command {
        let (program, script) = match self {
            Self::Python => {
                let file = format!("deploy/examples/{name}.py");
                (prepared("FOREIGN_PYTHON"), repository::root().join(file))
            }
            // `prepare` has put it beside the packages it needs.
            Self::JavaScript => (PathBuf::from("node"), prepared("FOREIGN_SDK").join(format!("{name}.mjs"))),
        };
        let mut command = Command::new(program);
        command.arg(script).kill_on_drop(true);
        command
    }
}

/// A reader of results that runs.
struct Reader {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Reader {
    /// Starts it and waits until it reads.
    async fn start(language: Language, arguments: &[&str]) -> Self {
        let mut command = language.example("read_results");
        let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("ready"));
        Self { child, lines }
    }

    /// The next line that it prints.
    async fn says(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap().unwrap()
    }
}

fn hire(id: &str, upn: &str) -> Value {
    events::onboarding(id, json!({ "upn": upn, "display_name": "Ada Lovelace" }), events::none())
}

/// Publishes through the example and returns what it printed.
async fn publish(testbed: &Testbed, language: Language, queue: &str, event: &Value) -> String {
    let file = testbed.file("event.json", &event.to_string());
    let mut command = language.example("publish_event");
    command.args([testbed.broker.url(), testbed.prefix(), queue]).arg(file);
    run(command, "").await
}

/// Publishes a result again, as a worker does that was lost before it acknowledged the event.
async fn repeat(testbed: &Testbed, result: &Value) {
    let properties = BasicProperties::default().with_content_type("application/cloudevents+json".into());
    testbed.publisher.publish("results", "run.succeeded", properties, result.to_string().as_bytes()).await;
}

/// The examples name the version of their client that is installed for these tests.
#[test]
fn the_examples_name_the_versions_they_are_tested_with() {
    let python = repository::text("tests/tests/foreign/requirements.txt");
    let pika = python.lines().find_map(|line| line.strip_prefix("pika==")).unwrap();
    let packages: Value =
        serde_json::from_str(&repository::text("tests/tests/foreign/sdk/package.json")).unwrap();
    let amqplib = packages["dependencies"]["amqplib"].as_str().unwrap();
    for name in ["publish_event", "read_results"] {
        let [python, javascript] =
            ["py", "mjs"].map(|ending| repository::text(&format!("deploy/examples/{name}.{ending}")));
        assert!(python.contains(&format!("needs pika (tested with {pika})")), "{name}.py");
        assert!(javascript.contains(&format!("needs amqplib (tested with {amqplib})")), "{name}.mjs");
    }
}

async fn publishes_and_reads(language: Language) {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let queues = ["reader", "publisher"].map(|name| format!("{}.replies.{name}", testbed.prefix()));
    let [queue, answers] = &queues;
    testbed.set("WORKER__REPLY_TO", format!("{}.replies.*", testbed.prefix()));
    let worker = testbed.worker().await;
    let proxy = Proxy::start(testbed.broker.url(), true).await;
    let (kept, prefix) = (testbed.file("kept", "").display().to_string(), testbed.prefix().to_owned());
    let arguments = [proxy.url(), &prefix, queue, &kept];
    let mut reader = Reader::start(language, &arguments).await;

    let first = hire("first", "ada.byron@contoso.example");
    let printed = publish(&testbed, language, answers, &first).await;
    assert!(printed.starts_with("published first\n") && printed.contains("create_user changed"), "{printed}");
    assert!(printed.ends_with("first succeeded\n"), "{printed}");
    assert_eq!(reader.says().await, "first succeeded");
    // The very same event again is answered, and is no second run.
    let printed = publish(&testbed, language, answers, &first).await;
    assert!(printed.ends_with("first published before: done\n"), "{printed}");
    // One that is wrong is answered with what is wrong.
    let nameless = events::onboarding("nameless", json!({ "display_name": "Ada" }), events::none());
    let printed = publish(&testbed, language, answers, &nameless).await;
    assert!(printed.contains("/data/person") && printed.ends_with("nameless rejected\n"), "{printed}");
    assert_eq!(reader.says().await, "nameless rejected");
    testbed.gatehouse(&["dead", "discard", "--yes", "--all", "--why", "invalid on purpose"]).await.ok();

    // The connection is lost, a result comes again, and the reader is killed: each end is kept once.
    proxy.cut();
    assert!(reader.says().await.ends_with("trying again"));
    assert_eq!(reader.says().await, "ready");
    testbed.results.end_of("first").await;
    let end = testbed.results.received().last().unwrap().event.clone();
    repeat(&testbed, &end).await;
    publish(&testbed, language, answers, &hire("second", "ada.king@contoso.example")).await;
    assert_eq!(reader.says().await, "second succeeded", "{language:?}");
    reader.child.kill().await.unwrap();
    repeat(&testbed, &end).await;
    let mut reader = Reader::start(language, &arguments).await;
    publish(&testbed, language, answers, &hire("third", "ada.gordon@contoso.example")).await;
    assert_eq!(reader.says().await, "third succeeded", "{language:?}");
    reader.child.kill().await.unwrap();

    testbed.drain([worker]).await;
    for queue in ["replies.reader", "replies.publisher"] {
        testbed.delete_queue(queue).await;
    }
    testbed.close().await;
}

#[tokio::test]
async fn the_python_examples_publish_and_read_through_a_lost_connection_and_a_kill() {
    publishes_and_reads(Language::Python).await;
}

#[tokio::test]
async fn the_javascript_examples_publish_and_read_through_a_lost_connection_and_a_kill() {
    publishes_and_reads(Language::JavaScript).await;
}

#[tokio::test]
async fn the_official_parser_accepts_the_asyncapi_document() {
    let mut parser = Command::new("node");
    parser.arg(prepared("FOREIGN_SDK").join("asyncapi.mjs"));
    parser.arg(repository::root().join("schemas/asyncapi.json"));
    let printed = run(parser, "").await;
    assert!(printed.ends_with(" messages\n") && !printed.starts_with('0'), "{printed}");
}
