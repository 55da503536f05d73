//! Stories, a folder each: a tenant and events go in; results and writes come out and are compared.
//!
//! A folder under `tests/scenarios` holds `tenant.json`, `event.json` or several `event-….json` that are published
//! one after the other, `workflows.yaml` if the story has workflows of its own, and `settings.json` if the worker is set
//! up in another way (`{ "EXCHANGE__COMMANDS": "true" }`). `make bless` writes
//! `results.json` and `writes.txt`; reading a change to the second is reading what is done to people's accounts.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use msgraph_emulator::Tenant;
use serde_json::{Value, json};
use system_tests::{Received, Testbed, repository};

const FOLDER: &str = "tests/scenarios";
const GOLDENS: [&str; 2] = ["results.json", "writes.txt"];

fn stories() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository::root().join(FOLDER)).unwrap();
    let mut stories: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    stories.sort();
    stories
}

fn files(story: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(story).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A story that is called like a workflow is that workflow's, as it is compiled in.
fn is_of_compiled_in(story: &Path) -> bool {
    let name = story.file_name().unwrap().to_str().unwrap();
    ["onboarding", "offboarding", "change"].contains(&name)
}

fn is_event(file: &str) -> bool {
    file == "event.json" || (file.starts_with("event-") && file.ends_with(".json"))
}

fn read(story: &Path, file: &str) -> String {
    std::fs::read_to_string(story.join(file))
        .unwrap_or_else(|error| panic!("{}: {file}: {error}", story.display()))
}

#[test]
fn every_story_is_whole_and_every_file_is_read() {
    for story in stories() {
        let files = files(&story);
        let shown = story.display();
        assert!(files.iter().any(|file| is_event(file)), "{shown}: no event");
        for file in ["tenant.json"].iter().chain(GOLDENS.iter().filter(|_| !repository::bless())) {
            assert!(files.contains(*file), "{shown}: no {file}; `make bless` writes what is compared");
        }
        let known = |file: &str| {
            ["tenant.json", "workflows.yaml", "settings.json"].contains(&file)
                || is_event(file)
                || GOLDENS.contains(&file)
        };
        let unknown: Vec<_> = files.iter().filter(|file| !known(file)).collect();
        assert!(unknown.is_empty(), "{shown}: nobody reads {unknown:?}");
    }
}

#[tokio::test]
async fn every_story_ends_as_it_is_written() {
    let stories = stories();
    assert!(!stories.is_empty());
    // A worker each; more at once would only wait for each other.
    let told =
        stream::iter(stories).map(|story| async move { (tell(&story).await, story) }).buffer_unordered(3);
    let told: Vec<_> = told.collect().await;
    for ((results, writes), story) in told {
        let name = |file: &str| format!("{FOLDER}/{}/{file}", story.file_name().unwrap().to_str().unwrap());
        repository::golden(&name("results.json"), &results);
        repository::golden(&name("writes.txt"), &writes);
    }
}

/// What came of a story: its results and the writes it made.
async fn tell(story: &Path) -> (String, String) {
    let files = files(story);
    let tenant = Tenant::from_json(&read(story, "tenant.json")).unwrap();
    let mut testbed = Testbed::with(tenant);
    if is_of_compiled_in(story) {
        testbed = testbed.compiled_in();
    }
    if files.contains("workflows.yaml") {
        testbed = testbed.workflows(&read(story, "workflows.yaml"));
    }
    if files.contains("settings.json") {
        let settings: BTreeMap<String, String> = serde_json::from_str(&read(story, "settings.json")).unwrap();
        testbed = settings.into_iter().fold(testbed, |testbed, (key, value)| testbed.set(&key, value));
    }
    let mut testbed = testbed.build().await;
    let mut worker = testbed.worker().await;
    let known = testbed.emulator.state().to_string();
    let (mut told, mut writes) = (Vec::new(), String::new());
    for file in files.iter().filter(|file| is_event(file)) {
        let event: Value = serde_json::from_str(&read(story, file)).unwrap();
        testbed.publisher.event(&event).await;
        let heard = until_the_end(&mut testbed).await;
        writes.push_str(&written(&testbed, &heard));
        testbed.emulator.clear_journal();
        if heard.last().is_some_and(sleeps_for_days) {
            testbed.forget_sleeping_run().await;
        }
        told.push(json!({ "event": event["id"], "results": heard.iter().map(plain).collect::<Value>() }));
    }
    testbed.quiet().await;
    let copies = testbed.published.take().await;
    let dead = copies.iter().filter(|copy| copy.is_dead()).map(|copy| {
        let of = |name: &str| copy.headers.get(format!("gatehouse-dead-{name}")).cloned();
        let parts = ["class", "step", "http-status", "attempts", "reason"];
        parts.iter().filter_map(|name| Some(((*name).to_owned(), of(name)?))).collect::<Value>()
    });
    let results = json!({ "events": told, "dead_letters": dead.collect::<Value>() });
    let known = known + &testbed.emulator.state().to_string();
    let results = without_strange_ids(&serde_json::to_string_pretty(&results).unwrap(), &known);
    assert_eq!(worker.terminate().await, Some(0));
    testbed.gatehouse(&["dead", "discard", "--all", "--why", "it was part of the story"]).await.ok();
    testbed.close().await;
    (format!("{results}\n"), writes)
}

/// Everything heard until a run is over, its steps in the order the run gives them.
async fn until_the_end(testbed: &mut Testbed) -> Vec<Received> {
    let mut heard = Vec::new();
    loop {
        let next = testbed.results.next().await;
        let is_over = next.is_end() || sleeps_for_days(&next) || next.key == "run.planned";
        heard.push(next);
        if is_over {
            break;
        }
    }
    // Steps of one stage are announced together, in no order.
    let end = heard.last().unwrap().event["data"]["steps"].clone();
    let mut stages = Vec::new();
    for heard in &heard {
        let stage = &heard.event["data"]["stage"];
        if heard.key.starts_with("step.") && !stages.contains(stage) {
            stages.push(stage.clone());
        }
    }
    // A run that still sleeps does not list its steps: there they are told by name.
    let place = |heard: &Received| {
        let data = &heard.event["data"];
        let steps = end.as_array().unwrap();
        let is_it = |step: &Value| step["step"] == data["step"] && step["stage"] == data["stage"];
        let stage = stages.iter().position(|stage| *stage == data["stage"] && heard.key.starts_with("step."));
        let place = steps.iter().position(is_it).unwrap_or(usize::MAX);
        (stage.unwrap_or(usize::MAX), place, data["step"].to_string())
    };
    heard.sort_by_key(place);
    heard
}

/// Whether a run sleeps until a stage begins that is days away: that is as far as its story goes.
fn sleeps_for_days(heard: &Received) -> bool {
    let time = |name: &str| heard.event.pointer(name).and_then(|it| it.as_str()?.parse::<Timestamp>().ok());
    let until = time("/data/until").filter(|_| heard.key == "run.waiting");
    until.zip(time("/time")).is_some_and(|(until, told)| until.duration_since(told).as_hours() > 24)
}

/// What the journal has, in the order of the steps: those of one stage write at the same time.
fn written(testbed: &Testbed, heard: &[Received]) -> String {
    let mut entries = testbed.emulator.journal();
    entries.retain(|entry| !entry.effects.is_empty());
    entries.sort_by_key(|entry| {
        // A part of a batch is known by the id that the client gave it.
        let known_by = [entry.request_id.as_str(), entry.client_request_id.as_str()];
        let wrote = |step: &Value| {
            let ids = step["graph_request_ids"].as_array();
            ids.is_some_and(|ids| ids.iter().filter_map(Value::as_str).any(|id| known_by.contains(&id)))
        };
        let waited = heard.iter().find_map(|heard| {
            let data = &heard.event["data"];
            let step = data["steps"].as_array()?.iter().find(|step| wrote(step))?;
            Some((&data["stage"], &step["step"]))
        });
        let place = heard.iter().position(|heard| {
            let data = &heard.event["data"];
            wrote(data)
                || waited
                    .is_some_and(|it| heard.key.starts_with("step.") && it == (&data["stage"], &data["step"]))
        });
        place.unwrap_or_else(|| panic!("no step made the request of {:?}", entry.effects))
    });
    entries.iter().flat_map(|entry| &entry.effects).map(|effect| format!("{effect}\n")).collect()
}

/// A result without what differs from run to run.
fn plain(heard: &Received) -> Value {
    let data = &heard.event["data"];
    let names: &[&str] = if heard.event["type"] == "gatehouse.step.finished.v1" {
        &["stage", "step", "outcome", "changes", "left", "details", "failure", "reason"]
    } else if heard.event["type"] == "gatehouse.run.waiting.v1" {
        &["workflow", "stage", "steps"]
    } else if heard.event["type"] == "gatehouse.run.planned.v1" {
        &["workflow", "steps", "digest"]
    } else {
        &["workflow", "state", "attempts", "failure", "violations"]
    };
    let says_something =
        |value: &&Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    let fields = names.iter().filter_map(|name| {
        let value = data.get(*name).filter(says_something)?;
        let value = if heard.key == "run.waiting" { timeless(value) } else { value.clone() };
        Some(((*name).to_owned(), value))
    });
    [("key".to_owned(), json!(heard.key))].into_iter().chain(fields).collect()
}

/// What steps wait for, and what they did before, without the times.
fn timeless(value: &Value) -> Value {
    let Some(steps) = value.as_array() else { return value.clone() };
    let plain =
        |step: &Value| json!({ "step": step["step"], "reason": step["reason"], "changes": step["changes"] });
    steps.iter().map(plain).collect()
}

/// The text with every id in it that belongs to no object of the tenant, such as a request's, struck out.
fn without_strange_ids(text: &str, known: &str) -> String {
    const LENGTH: usize = 36;
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match rest.get(..LENGTH).filter(|word| is_id(word) && !known.contains(*word)) {
            Some(_) => {
                plain.push_str("<id>");
                rest = &rest[LENGTH..];
            }
            None => {
                plain.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    plain
}

fn is_id(word: &str) -> bool {
    word.chars().enumerate().all(|(at, c)| match at {
        8 | 13 | 18 | 23 => c == '-',
        _ => c.is_ascii_hexdigit(),
    })
}

#[test]
fn an_id_that_is_not_of_the_tenant_is_struck_out() {
    let (known, strange) = ("6f0a8a6c-0001-4000-8000-000000000001", "6f0a8a6c-0001-4000-8000-000000000002");
    let text = format!("é user {known}; request {strange}.");
    assert_eq!(without_strange_ids(&text, known), format!("é user {known}; request <id>."));
}
