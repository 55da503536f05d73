//! Stories, one folder and one test each: a tenant and events go in; results and writes come out and are compared.
//!
//! A folder under `tests/scenarios` holds `tenant.json`, `event.json` or several `event-….json` that are published
//! one after the other, `workflows.yaml` if the story has its own workflows, and `settings.json` if the worker needs
//! other settings (`{ "EXCHANGE__COMMANDS": "true" }`). `make bless` writes `results.json` and `writes.txt`. Review a
//! change to `writes.txt` with care: it lists what Gatehouse does to people's accounts.
//!
//! The test of a folder is called like the folder. A folder needs no line of code.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected fails"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;
use libtest_mimic::{Arguments, Failed, Trial};
use msgraph_emulator::Tenant;
use serde_json::{Value, json};
use system_tests::names::Names;
use system_tests::{Received, Testbed, repository};

const FOLDER: &str = "tests/scenarios";
const GOLDENS: [&str; 2] = ["results.json", "writes.txt"];
/// Each story has a worker of its own; more at the same time only wait for each other.
const AT_ONCE: usize = 3;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let stories = stories();
    assert!(!stories.is_empty(), "there are no stories in {FOLDER}");
    let mut tests = vec![Trial::test("every_story_is_whole_and_every_file_is_read", every_story_is_whole)];
    tests.extend(stories.into_iter().map(|story| {
        let name = name(&story).to_owned();
        Trial::test(name, move || compare(&story))
    }));
    libtest_mimic::run(&arguments, tests).exit_code()
}

fn stories() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository::root().join(FOLDER)).unwrap();
    let mut stories: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    stories.sort();
    stories
}

fn name(story: &Path) -> &str {
    story.file_name().unwrap().to_str().unwrap()
}

fn files(story: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(story).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A story with the name of a compiled-in workflow runs that workflow.
fn is_of_compiled_in(story: &Path) -> bool {
    ["onboarding", "offboarding", "change"].contains(&name(story))
}

fn is_event(file: &str) -> bool {
    file == "event.json" || (file.starts_with("event-") && file.ends_with(".json"))
}

fn read(story: &Path, file: &str) -> String {
    std::fs::read_to_string(story.join(file))
        .unwrap_or_else(|error| panic!("{}: {file}: {error}", story.display()))
}

fn every_story_is_whole() -> Result<(), Failed> {
    for story in stories() {
        let files = files(&story);
        let shown = story.display();
        assert!(files.iter().any(|file| is_event(file)), "{shown}: no event");
        for file in ["tenant.json"].iter().chain(GOLDENS.iter().filter(|_| !repository::bless())) {
            assert!(files.contains(*file), "{shown}: no {file}; `make bless` writes it");
        }
        let known = |file: &str| {
            ["tenant.json", "workflows.yaml", "settings.json"].contains(&file)
                || is_event(file)
                || GOLDENS.contains(&file)
        };
        let unknown: Vec<_> = files.iter().filter(|file| !known(file)).collect();
        assert!(unknown.is_empty(), "{shown}: no test reads {unknown:?}");
    }
    Ok(())
}

fn compare(story: &Path) -> Result<(), Failed> {
    let runtime = tokio::runtime::Runtime::new()?;
    let (results, writes) = runtime.block_on(play(story));
    let path = |file: &str| format!("{FOLDER}/{}/{file}", name(story));
    repository::golden(&path("results.json"), &results);
    repository::golden(&path("writes.txt"), &writes);
    Ok(())
}

/// Plays a story: its results, and the writes it made.
async fn play(story: &Path) -> (String, String) {
    let mut testbed = testbed_of(story).await;
    let mut worker = testbed.worker().await;
    let mut names = Names::default();
    names.learn(&testbed.emulator.state());
    let (mut events, mut writes) = (Vec::new(), String::new());
    for file in files(story).iter().filter(|file| is_event(file)) {
        let event: Value = serde_json::from_str(&read(story, file)).unwrap();
        testbed.publisher.event(&event).await;
        let received = until_the_end(&mut testbed).await;
        names.learn(&testbed.emulator.state());
        writes.push_str(&names.insert_known(&written(&testbed, &received)));
        testbed.emulator.clear_journal();
        if received.last().is_some_and(sleeps_for_days) {
            testbed.forget_sleeping_run().await;
        }
        let results: Value = received.iter().map(plain).collect();
        events.push(json!({ "event": event["id"], "results": results }));
    }
    testbed.quiet().await;
    let published = testbed.published.take().await;
    let dead = published.iter().filter(|message| message.is_dead()).map(|message| {
        let of = |name: &str| message.headers.get(format!("gatehouse-dead-{name}")).cloned();
        let parts = ["class", "step", "http-status", "attempts", "reason"];
        parts.iter().filter_map(|name| Some(((*name).to_owned(), of(name)?))).collect::<Value>()
    });
    let results = json!({ "events": events, "dead_letters": dead.collect::<Value>() });
    names.learn(&testbed.emulator.state());
    let results = names.insert(&serde_json::to_string_pretty(&results).unwrap());
    assert_eq!(worker.terminate().await, Some(0));
    testbed.gatehouse(&["dead", "discard", "--yes", "--all", "--why", "it was part of the story"]).await.ok();
    testbed.close().await;
    (format!("{results}\n"), writes)
}

/// The tenant, the workflows and the settings of a story.
async fn testbed_of(story: &Path) -> Testbed {
    let files = files(story);
    let tenant = Tenant::from_json(&read(story, "tenant.json")).unwrap();
    // The calendars and drives of a story have dates, and so have its events.
    let mut testbed = Testbed::with(tenant).set("WORKER__MAX_EVENT_AGE_DAYS", 36_500);
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
    testbed.build().await
}

/// Every result until a run is over, its steps in the order the run gives them.
async fn until_the_end(testbed: &mut Testbed) -> Vec<Received> {
    let mut received = Vec::new();
    loop {
        let next = testbed.results.next().await;
        // It comes after the end of its run, which may be that of the event before; the story lists dead letters.
        if next.key == "dead_letter.added" {
            continue;
        }
        let is_over = next.is_end() || sleeps_for_days(&next) || next.key == "run.planned";
        received.push(next);
        if is_over {
            break;
        }
    }
    // The steps of one stage run together, so their results come in any order.
    let end = received.last().unwrap().event["data"]["steps"].clone();
    let mut stages = Vec::new();
    for received in &received {
        let stage = &received.event["data"]["stage"];
        if received.key.starts_with("step.") && !stages.contains(stage) {
            stages.push(stage.clone());
        }
    }
    // A run that still sleeps does not list its steps: those are sorted by name.
    let place = |received: &Received| {
        let data = &received.event["data"];
        let steps = end.as_array().unwrap();
        let is_it = |step: &Value| step["step"] == data["step"] && step["stage"] == data["stage"];
        let stage =
            stages.iter().position(|stage| *stage == data["stage"] && received.key.starts_with("step."));
        let place = steps.iter().position(is_it).unwrap_or(usize::MAX);
        (stage.unwrap_or(usize::MAX), place, data["step"].to_string())
    };
    received.sort_by_key(place);
    received
}

/// Whether a run sleeps until a stage that begins days later: its story ends there.
fn sleeps_for_days(received: &Received) -> bool {
    let time =
        |name: &str| received.event.pointer(name).and_then(|it| it.as_str()?.parse::<Timestamp>().ok());
    let until = time("/data/until").filter(|_| received.key == "run.waiting");
    until.zip(time("/time")).is_some_and(|(until, now)| until.duration_since(now).as_hours() > 24)
}

/// The changes in the journal, in the order of the steps: those of one stage write at the same time.
fn written(testbed: &Testbed, received: &[Received]) -> String {
    let mut entries = testbed.emulator.journal();
    entries.retain(|entry| !entry.effects.is_empty());
    entries.sort_by_key(|entry| {
        // The client gives each request of a batch an id of its own.
        let known_by = [entry.request_id.as_str(), entry.client_request_id.as_str()];
        let wrote = |step: &Value| {
            let ids = step["graph_request_ids"].as_array();
            ids.is_some_and(|ids| ids.iter().filter_map(Value::as_str).any(|id| known_by.contains(&id)))
        };
        let waited = received.iter().find_map(|received| {
            let data = &received.event["data"];
            let step = data["steps"].as_array()?.iter().find(|step| wrote(step))?;
            Some((&data["stage"], &step["step"]))
        });
        let place = received.iter().position(|received| {
            let data = &received.event["data"];
            wrote(data)
                || waited.is_some_and(|it| {
                    received.key.starts_with("step.") && it == (&data["stage"], &data["step"])
                })
        });
        place.unwrap_or_else(|| panic!("no step made the request of {:?}", entry.effects))
    });
    entries.iter().flat_map(|entry| &entry.effects).map(|effect| format!("{effect}\n")).collect()
}

/// A result without the fields that differ from run to run.
fn plain(received: &Received) -> Value {
    let data = &received.event["data"];
    let names: &[&str] = if received.event["type"] == "gatehouse.step.finished.v1" {
        &["stage", "step", "outcome", "changes", "left", "details", "failure", "reason"]
    } else if received.event["type"] == "gatehouse.run.waiting.v1" {
        &["workflow", "stage", "steps"]
    } else if received.event["type"] == "gatehouse.run.planned.v1" {
        &["workflow", "steps", "digest"]
    } else {
        &["workflow", "state", "attempts", "failure", "violations"]
    };
    let says_something =
        |value: &&Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    let fields = names.iter().filter_map(|name| {
        let value = data.get(*name).filter(says_something)?;
        let value = if received.key == "run.waiting" { timeless(value) } else { value.clone() };
        Some(((*name).to_owned(), value))
    });
    [("key".to_owned(), json!(received.key))].into_iter().chain(fields).collect()
}

/// The steps that wait: why, and what they changed before, without times.
fn timeless(value: &Value) -> Value {
    let Some(steps) = value.as_array() else { return value.clone() };
    let plain =
        |step: &Value| json!({ "step": step["step"], "reason": step["reason"], "changes": step["changes"] });
    steps.iter().map(plain).collect()
}
