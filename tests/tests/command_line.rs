//! The command line as a person and a script use it: sentences, data, exit codes.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use msgraph_emulator::{Fault, Tenant};
use serde_json::{Value, json};
use system_tests::{Testbed, documents, events, repository, settings};

fn edsger_leaves(id: &str) -> Value {
    events::offboarding(id, json!({ "upn": "edsger@contoso.example" }))
}

/// Writes an event to a file of the testbed and returns the path.
fn file(testbed: &Testbed, event: &Value) -> String {
    let name = format!("{}.json", event["id"].as_str().unwrap());
    testbed.file(&name, &event.to_string()).display().to_string()
}

fn document(line: &str) -> Value {
    let mut all = documents(line);
    assert_eq!(all.len(), 1, "{line}");
    all.remove(0)
}

#[tokio::test]
async fn a_plan_shows_every_change_and_makes_none() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let path = file(&testbed, &edsger_leaves("leave"));
    let human = testbed.gatehouse(&["plan", &path]).await.ok();
    let data = document(&testbed.gatehouse(&["plan", "--output", "json", &path]).await.ok());
    let changes: Vec<_> = data["steps"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|step| step["changes"].as_array().unwrap())
        .collect();
    assert_eq!(changes.len(), 6, "{data:#}");
    for step in ["disable_account", "revoke_sessions", "remove_from_groups", "remove_licenses"] {
        assert!(human.contains(step), "{human}");
    }
    assert!(human.contains(data["digest"].as_str().unwrap()), "{human}");
    assert!(
        testbed.emulator.journal().iter().all(|entry| !entry.write || entry.token),
        "a plan writes nothing"
    );
    assert_eq!(testbed.effects(), [""; 0]);

    let nobody = events::offboarding("nobody", json!({ "upn": "nobody@contoso.example" }));
    let refused = testbed.gatehouse(&["plan", &file(&testbed, &nobody)]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("user_not_found"), "{refused:?}");
    testbed.close().await;
}

#[tokio::test]
async fn a_plan_that_was_looked_at_is_what_is_done_or_nothing_is() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let worker = testbed.worker().await;
    let shown = edsger_leaves("shown");
    let path = file(&testbed, &shown);
    let plan = document(&testbed.gatehouse(&["plan", "--output", "json", &path]).await.ok());
    testbed.publisher.event(&events::with(shown, "mode", "plan")).await;
    let planned = testbed.results.next().await;
    assert_eq!(planned.key, "run.planned");
    assert_eq!(planned.event["data"]["digest"], plan["digest"], "an event plans what the command plans");
    assert_eq!(planned.event["data"]["steps"], plan["steps"]);

    let stale = events::with(edsger_leaves("stale"), "expected_plan", format!("sha256:{}", "0".repeat(64)));
    testbed.publisher.event(&stale).await;
    let end = testbed.results.end_of("stale").await;
    assert_eq!(
        (&end["state"], &end["failure"]["code"]),
        (&json!("rejected"), &json!("plan_changed")),
        "{end}"
    );
    assert_eq!(testbed.effects(), [""; 0]);

    let agreed = events::with(edsger_leaves("agreed"), "expected_plan", plan["digest"].clone());
    testbed.publisher.event(&agreed).await;
    let end = testbed.results.end_of("agreed").await;
    assert_eq!(end["state"], "partial", "{end}");
    assert!(!testbed.effects().is_empty());
    let late = events::with(edsger_leaves("late"), "expected_plan", plan["digest"].clone());
    testbed.publisher.event(&late).await;
    let end = testbed.results.end_of("late").await;
    assert_eq!(end["failure"]["code"], "plan_changed", "what was planned is done by now: {end}");
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn an_invalid_file_is_refused_with_all_that_is_wrong_and_nothing_is_published() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let mut invalid = events::with(edsger_leaves("invalid"), "mood", 1);
    invalid["data"]["person"] = json!({ "display_name": "" });
    invalid["time"] = "yesterday".into();
    let (good, bad) = (file(&testbed, &edsger_leaves("good")), file(&testbed, &invalid));
    for command in [vec!["publish", &good, &bad], vec!["plan", &bad]] {
        let refused = testbed.gatehouse(&command).await;
        assert_eq!(refused.code, Some(3), "{refused:?}");
        for pointer in ["/data/mood", "/data/person:", "/data/person/display_name", "/time"] {
            assert!(refused.stderr.contains(pointer), "{pointer}: {refused:?}");
        }
    }
    assert_eq!(testbed.depth("workflows").await, 0, "not even the good one");
    testbed.close().await;
}

#[tokio::test]
async fn publish_follows_a_run_to_its_end() {
    let fits = |text: &str| text.lines().all(|line| line.chars().count() <= 80);
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let worker = testbed.worker().await;
    let ada = events::offboarding("ada", json!({ "upn": "ada@contoso.example" }));
    let human = testbed.gatehouse(&["publish", "--wait", &file(&testbed, &ada)]).await.ok();
    let run_id = events::run_of(&ada).to_string();
    assert!(human.contains(&format!("run {run_id} succeeded")) && fits(&human), "{human}");
    for step in ["disable_account", "revoke_sessions", "remove_from_groups", "remove_licenses"] {
        assert!(human.contains(step), "{human}");
    }
    let partial = file(&testbed, &edsger_leaves("edsger"));
    let partial = testbed.gatehouse(&["publish", "--wait", "--output", "json", &partial]).await;
    assert_eq!(partial.code, Some(1), "{partial:?}");
    let results = documents(&partial.stdout);
    let end = results.last().unwrap();
    assert_eq!(
        (&end["type"], &end["data"]["state"]),
        (&json!("gatehouse.run.finished.v1"), &json!("partial"))
    );

    let plan = events::with(ada, "mode", "plan");
    let planned = testbed.gatehouse(&["publish", "--wait", &file(&testbed, &plan)]).await.ok();
    assert!(fits(&planned) && planned.contains("digest sha256:"), "{planned}");
    let alone =
        document(&testbed.gatehouse(&["publish", "--output", "json", &file(&testbed, &plan)]).await.ok());
    assert_eq!(alone["run_id"], events::run_of(&plan).to_string());
    testbed.drain([worker]).await;
    let waited = ["publish", "--wait", "--timeout", "1", &file(&testbed, &plan)];
    let waited = testbed.gatehouse(&waited).await;
    assert_eq!(waited.code, Some(1), "no worker runs: {waited:?}");
    assert!(waited.stderr.contains(" still goes on after 1 s") && fits(&waited.stderr), "{waited:?}");
    let worker = testbed.worker().await;
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn dead_letters_are_listed_shown_replayed_and_discarded() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    assert_eq!(testbed.gatehouse(&["dead", "list"]).await.ok(), "no dead letters\n");
    testbed.emulator.fault(Fault::status(403).method("PATCH"));
    let worker = testbed.worker().await;
    testbed.publisher.event(&edsger_leaves("leave")).await;
    testbed.publisher.publish("events", "onboarding.requested", BasicProperties::default(), b"{}").await;
    testbed.holds("workflows.dlq", 2).await;
    let run_id = events::run_of(&edsger_leaves("leave")).to_string();

    let human = testbed.gatehouse(&["dead", "list"]).await.ok();
    let listed = documents(&testbed.gatehouse(&["dead", "list", "--output", "json"]).await.ok());
    assert_eq!(listed.len(), 2, "{listed:#?}");
    for letter in &listed {
        assert!(human.contains(letter["id"].as_str().unwrap()), "{human}");
        assert!(human.contains(letter["class"].as_str().unwrap()), "{human}");
    }
    let only = ["dead", "list", "--step", "disable_account", "--output", "json"];
    let blocked = document(&testbed.gatehouse(&only).await.ok());
    assert_eq!((&blocked["id"], &blocked["class"]), (&json!(run_id), &json!("permission_missing")));
    let nonsense = listed.iter().find(|letter| **letter != blocked).unwrap()["id"].as_str().unwrap();

    let shown = testbed.gatehouse(&["dead", "show", &run_id]).await.ok();
    for part in [&run_id, "permission_missing", "disable_account", "status 403", "the run resumes"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let shown = document(&testbed.gatehouse(&["dead", "show", nonsense, "-o", "json"]).await.ok());
    assert_eq!(shown["body"], json!({}), "{shown}");
    assert_eq!(testbed.gatehouse(&["dead", "show", "nothing"]).await.code, Some(3));

    testbed.emulator.clear_faults();
    let dry = testbed.gatehouse(&["dead", "replay", "--all", "--dry-run"]).await;
    assert!(dry.stdout.contains(&run_id) && dry.stderr.contains("2 would be replayed"), "{dry:?}");
    assert_eq!(testbed.depth("workflows.dlq").await, 2);
    let replayed = ["dead", "replay", &run_id, "--by", "ada", "--why", "consent", "--output", "json"];
    let report = document(&testbed.gatehouse(&replayed).await.ok());
    assert_eq!((&report["replayed"], &report["missing"]), (&json!([run_id]), &json!([])), "{report}");
    testbed.holds("workflows.dlq", 1).await;
    let again = testbed.gatehouse(&["dead", "replay", &run_id]).await;
    assert_eq!(again.code, Some(1), "it is not there any more: {again:?}");

    let discarded =
        testbed.gatehouse(&["dead", "discard", nonsense, "--yes", "--why", "a mistake"]).await.ok();
    assert!(discarded.contains("discarded 1"), "{discarded}");
    testbed.drain([worker]).await;
    let reports = testbed.results.received().iter().filter(|received| received.key.starts_with("operator."));
    let reports: Vec<_> =
        reports.map(|received| (received.key.as_str(), received.event["data"]["why"].clone())).collect();
    assert_eq!(
        reports,
        [("operator.replayed", json!("consent")), ("operator.discarded", json!("a mistake"))]
    );
    testbed.close().await;
}

#[tokio::test]
async fn a_second_operator_is_refused_while_the_first_is_at_work() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let settings = settings::broker_settings(testbed.broker.url(), testbed.prefix());
    let first = broker::DeadLetters::open(&settings, "workflows").await.unwrap();
    for command in
        [vec!["dead", "list"], vec!["dead", "replay", "--all"], vec!["dead", "discard", "--yes", "--all"]]
    {
        let refused = testbed.gatehouse(&command).await;
        assert_eq!(refused.code, Some(4), "{refused:?}");
        assert!(refused.stderr.contains("another operator"), "{refused:?}");
    }
    first.close().await;
    testbed.gatehouse(&["dead", "list"]).await.ok();
    testbed.close().await;
}

#[tokio::test]
async fn a_file_of_workflows_is_checked_and_explained() {
    let broken = "\
ours:
  for: [offboarding]
  stages:
    - name: a
      steps: [disable_acount, { create_user: { mood: 1 } }]
    - name: b
      when: persn.department
      steps:
        - assign_licenses: { licenses: 7 }
        - assign_licenses: { licenses: [SPE_E3, 5] }
          name: more
        - assign_licenses
        - delete_primary_calendar_events: { meetings: cancle, note: \"{{ person.upn | uper }}\" }
        - add_to_groups: { groups: \"{{ lookups.groups[person.city] }}\" }
          wehn: manager
";
    let fine = "# ours\nours:\n  description: Ours alone\n  for: [offboarding]\n  stages:\n    - name: a\n      steps: [disable_account]\n";
    let mut testbed = Testbed::with(Tenant::contoso()).workflows(fine).build().await;
    let path = testbed.file("broken.yaml", broken).display().to_string();
    let found = testbed.gatehouse(&["workflow", "check", &path]).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    let mistakes = [
        "5:15: unknown action `disable_acount`; did you mean `disable_account`?",
        "5:48: unknown parameter `mood` of `create_user`; known: ",
        "7:13: unknown variable `persn`; did you mean `person`?",
        "9:40: `licenses` of `assign_licenses`: expected a list, found the number 7",
        "10:49: `licenses` of `assign_licenses`: expected text or a map, found the number 5",
        "12:11: `assign_licenses` needs the parameter `licenses`",
        "12:11: another step of stage `b` is called `assign_licenses`",
        "13:55: `meetings` of `delete_primary_calendar_events`: expected `cancel` or `leave`, found the text `cancle`; \
         did you mean `cancel`?",
        "13:69: unknown filter `uper`; did you mean `upper`?",
        "14:36: unknown lookup `groups`; this workflow has no `lookups`",
        "15:11: unknown field `wehn` of a step; did you mean `when`?",
    ];
    let lines: Vec<_> = found.stdout.lines().collect();
    assert_eq!(lines.len(), mistakes.len(), "{found:?}");
    for (line, mistake) in lines.iter().zip(mistakes) {
        assert!(line.starts_with(&format!("{path}:{mistake}")), "{line}\n{mistake}");
    }
    let event = file(&testbed, &edsger_leaves("leave"));
    testbed.set("WORKFLOWS__FILE", &path);
    let refused = testbed.gatehouse(&["plan", &event]).await;
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(mistakes.iter().all(|mistake| refused.stderr.contains(mistake)), "{refused:?}");
    let path = testbed.file("fine.yaml", fine).display().to_string();
    assert!(testbed.gatehouse(&["workflow", "check", &path]).await.ok().contains("fine (ours)"));
    testbed.set("WORKFLOWS__FILE", &path);

    let listed = testbed.gatehouse(&["workflow", "show"]).await.ok();
    for name in ["offboarding", "onboarding", "ours", "Ours alone"] {
        assert!(listed.contains(name), "{listed}");
    }
    let ours = testbed.gatehouse(&["workflow", "show", "ours"]).await.ok();
    assert!(ours.contains("disable_account") && ours.contains("The person cannot sign in"), "{ours}");
    let data = document(&testbed.gatehouse(&["workflow", "show", "ours", "--output", "json"]).await.ok());
    assert_eq!(data["stages"][0]["name"], "a", "{data}");
    testbed.close().await;
}

#[tokio::test]
async fn the_workflows_that_are_compiled_in_are_explained_and_the_examples_are_fine() {
    let mut testbed = Testbed::with(Tenant::contoso()).compiled_in().build().await;
    let all = document(&testbed.gatehouse(&["workflow", "show", "--output", "json"]).await.ok());
    let names: Vec<_> = all.as_object().unwrap().keys().collect();
    assert_eq!(names, ["access_revoke", "change", "offboarding", "onboarding", "restore"]);
    let listed = testbed.gatehouse(&["workflow", "show"]).await.ok();
    for (name, workflow) in all.as_object().unwrap() {
        assert!(listed.contains(name), "{listed}");
        let explained = testbed.gatehouse(&["workflow", "show", name]).await.ok();
        assert!(explained.contains(workflow["description"].as_str().unwrap()), "{explained}");
        for (number, stage) in (1..).zip(workflow["stages"].as_array().unwrap()) {
            let stage = format!("{number}. {}", stage["name"].as_str().unwrap());
            assert!(explained.contains(&stage), "{stage}: {explained}");
        }
    }

    let files = repository::files().into_iter();
    let examples: Vec<_> = files.filter(|file| file.starts_with("deploy/workflows/")).collect();
    assert!(!examples.is_empty(), "there are no examples in deploy/workflows");
    for example in examples {
        let path = repository::root().join(&example).display().to_string();
        let checked = testbed.gatehouse(&["workflow", "check", &path]).await;
        assert_eq!(checked.code, Some(0), "{example}: {checked:?}");
        assert!(checked.stdout.contains(": fine ("), "{example}: {checked:?}");
    }
    testbed.close().await;
}

#[tokio::test]
async fn settings_and_schemas_are_shown_and_secrets_are_not() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    for format in ["human", "json"] {
        let shown = testbed.gatehouse(&["config", "show", "--output", format]).await.ok();
        assert!(shown.contains("********") && shown.contains(testbed.prefix()), "{shown}");
        assert!(!shown.contains(testbed.broker.url()), "{shown}");
        assert!(!shown.contains(&testbed.emulator.application().client_secret), "{shown}");
    }
    let defaults = testbed.gatehouse(&["config", "show", "--defaults"]).await.ok();
    assert!(defaults.contains("# GATEHOUSE__BROKER__URL_FILE"), "{defaults}");
    let names = testbed.gatehouse(&["schema"]).await.ok();
    for name in ["onboarding.requested.v1", "run.finished.v1", "assign_licenses"] {
        assert!(names.lines().any(|line| line == name), "{names}");
        let schema: Value = serde_json::from_str(&testbed.gatehouse(&["schema", name]).await.ok()).unwrap();
        assert_eq!(schema["type"].as_str().or(schema["$ref"].as_str()).map(str::is_empty), Some(false));
    }
    testbed.close().await;
}

#[tokio::test]
async fn exit_codes_are_what_the_help_says() {
    let nowhere = "amqp://worker:swordfish@127.0.0.1:1/%2f";
    let mut testbed =
        Testbed::with(Tenant::contoso()).set("BROKER__PUBLISH_TIMEOUT_SECONDS", 5).build().await;
    let path = file(&testbed, &edsger_leaves("leave"));
    let help = testbed.gatehouse(&["--help"]).await.ok();
    let rows: [(i32, &str, &[&str]); 7] = [
        (0, "success", &["plan", &path]),
        (1, "with problems", &["workflow", "check", &path]),
        (2, "command line", &["plan"]),
        (2, "command line", &["bogus"]),
        (3, "invalid settings", &["plan", "/nowhere.json"]),
        (3, "invalid settings", &["--config", "/nowhere.toml", "config", "show"]),
        (3, "invalid settings", &["schema", "bogus"]),
    ];
    for (code, meaning, arguments) in rows {
        let said = help.lines().find(|line| line.trim_start().starts_with(&format!("{code}  ")));
        assert!(said.is_some_and(|line| line.contains(meaning)), "{code}: {help}");
        let finished = testbed.gatehouse(arguments).await;
        assert_eq!(finished.code, Some(code), "{arguments:?}: {finished:?}");
        assert!(code < 2 || !finished.stderr.is_empty(), "{arguments:?} says nothing");
    }
    testbed.close().await;

    let mut testbed = Testbed::with(Tenant::contoso()).set("BROKER__URL", nowhere).build().await;
    for arguments in [vec!["dead", "list"], vec!["publish", &file(&testbed, &edsger_leaves("leave"))]] {
        let finished = testbed.gatehouse(&arguments).await;
        assert_eq!(finished.code, Some(4), "{finished:?}");
        assert!(finished.stderr.contains("broker"), "{finished:?}");
        let all = format!("{finished:?}");
        assert!(!all.contains("swordfish"), "{all}");
    }
}

/// Publishes that Edsger leaves, with this queue in `reply_to`.
async fn leaves_with_reply_to(channel: &lapin::Channel, testbed: &Testbed, id: &str, queue: &str) {
    let properties = BasicProperties::default().with_reply_to(queue.into());
    let properties = properties.with_content_type("application/cloudevents+json".into());
    let (exchange, key) = (format!("{}.events", testbed.prefix()), "offboarding.requested");
    let (options, body) = (BasicPublishOptions::default(), edsger_leaves(id).to_string());
    let published =
        channel.basic_publish(exchange.into(), key.into(), options, body.as_bytes(), properties).await;
    published.unwrap().await.unwrap();
}

#[tokio::test]
async fn an_answer_goes_to_a_channel_that_waits_for_it_and_to_no_queue_that_is_not_allowed() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let connection =
        Connection::connect(testbed.broker.url(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let (options, none) = (BasicConsumeOptions { no_ack: true, ..Default::default() }, FieldTable::default());
    let mut answers =
        channel.basic_consume("amq.rabbitmq.reply-to".into(), "".into(), options, none).await.unwrap();
    let exclusive = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    let foreign = channel.queue_declare("".into(), exclusive, FieldTable::default()).await.unwrap();
    let worker = testbed.worker().await;
    leaves_with_reply_to(&channel, &testbed, "direct", "amq.rabbitmq.reply-to").await;
    loop {
        let copy: Value = serde_json::from_slice(&answers.next().await.unwrap().unwrap().data).unwrap();
        assert_eq!((&copy["causationid"], copy.get("nocopy")), (&json!("direct"), None));
        if copy["type"] == "gatehouse.run.finished.v1" {
            break;
        }
    }
    // The event itself is carried out; its results say why no copy came.
    leaves_with_reply_to(&channel, &testbed, "foreign", foreign.name().as_str()).await;
    testbed.results.end_of("foreign").await;
    let received = testbed.results.received().iter();
    let of_foreign = received.filter(|received| received.event["causationid"] == "foreign");
    let said: Vec<_> = of_foreign.map(|received| received.event["nocopy"].clone()).collect();
    assert!(said.len() > 1 && said.iter().all(|nocopy| *nocopy == true), "{said:?}");
    let log = worker.log().join("\n");
    assert!(log.contains("not allowed by worker.reply_to") && !log.contains("did not take a copy"), "{log}");
    testbed.drain([worker]).await;
    let options = QueueDeclareOptions { passive: true, exclusive: true, ..QueueDeclareOptions::default() };
    let foreign =
        channel.queue_declare(foreign.name().clone(), options, FieldTable::default()).await.unwrap();
    assert_eq!(foreign.message_count(), 0);
    testbed.close().await;
}

#[tokio::test]
async fn an_event_with_reply_to_is_answered_there_as_well() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let connection =
        Connection::connect(testbed.broker.url(), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let exclusive = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    let queue = format!("gatehouse.replies.{}", testbed.prefix());
    let queue = channel.queue_declare(queue.into(), exclusive, FieldTable::default()).await.unwrap();
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut answers = channel.basic_consume(queue.name().clone(), "".into(), options, none).await.unwrap();
    let worker = testbed.worker().await;
    let properties = BasicProperties::default().with_reply_to(queue.name().clone());
    let properties = properties.with_content_type("application/cloudevents+json".into());
    let event = edsger_leaves("leave").to_string();
    testbed.publisher.publish("events", "offboarding.requested", properties, event.as_bytes()).await;
    testbed.results.end_of("leave").await;
    testbed.drain([worker]).await;
    let mut copies: Vec<Value> = Vec::new();
    while copies.last().is_none_or(|copy| copy["type"] != "gatehouse.run.finished.v1") {
        let copy = answers.next().await.unwrap().unwrap();
        copies.push(serde_json::from_slice(&copy.data).unwrap());
    }
    let ids = |all: Vec<&Value>| all.into_iter().map(|event| event["id"].clone()).collect::<Vec<_>>();
    let received = testbed.results.received().iter().map(|received| &received.event);
    let received = received.filter(|event| event["type"] != "test.marker").collect();
    let (mut copied, mut received) = (ids(copies.iter().collect()), ids(received));
    copied.sort_by_key(Value::to_string);
    received.sort_by_key(Value::to_string);
    assert_eq!((copied.len(), copied), (6, received));
    testbed.close().await;
}

#[tokio::test]
async fn an_event_in_binary_mode_runs_like_any_other() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let worker = testbed.worker().await;
    let event = edsger_leaves("leave");
    for prefix in ["cloudEvents:", "ce-"] {
        let mut headers = FieldTable::default();
        for name in ["specversion", "source", "type", "time"] {
            let value = event[name].as_str().unwrap();
            headers.insert(format!("{prefix}{name}").into(), AMQPValue::LongString(value.into()));
        }
        let id = format!("{prefix}1");
        headers.insert(format!("{prefix}id").into(), AMQPValue::LongString(id.as_str().into()));
        let properties = BasicProperties::default().with_content_type("application/json".into());
        let data = event["data"].to_string();
        let properties = properties.with_headers(headers);
        testbed.publisher.publish("events", "offboarding.requested", properties, data.as_bytes()).await;
        let end = testbed.results.end_of(&id).await;
        assert_eq!(end["state"], "partial", "{end}");
    }
    testbed.drain([worker]).await;
    testbed.close().await;
}

#[tokio::test]
async fn every_command_explains_itself() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let commands: [&[&str]; 12] = [
        &["run"],
        &["plan"],
        &["publish"],
        &["dead"],
        &["workflow"],
        &["config"],
        &["connect"],
        &["schema"],
        &["probe"],
        &["completions"],
        &["man"],
        &["dead", "replay"],
    ];
    for command in commands {
        let help = testbed.gatehouse(&[command, &["--help"]].concat()).await.ok();
        assert!(help.contains("Usage: gatehouse"), "{help}");
        assert!(command.len() > 1 || help.contains("Examples:"), "{command:?} has no example: {help}");
    }
    assert!(testbed.gatehouse(&["--version"]).await.ok().starts_with("gatehouse "));
    testbed.close().await;
}
