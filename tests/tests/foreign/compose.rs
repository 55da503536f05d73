//! The compose file: what the specification accepts, files that are there, settings that Gatehouse knows.

use std::collections::BTreeSet;

use serde_json::Value;
use system_tests::repository;
use system_tests::worker_process::gatehouse;
use tokio::process::Command;

use crate::chart::accepts;
use crate::run;
use crate::sdks::prepared;

const FILE: &str = "deploy/compose/compose.yaml";
const FOLDER: &str = "deploy/compose";

fn compose() -> Value {
    serde_saphyr::from_str(&repository::text(FILE)).unwrap()
}

/// The variables of the worker.
pub(crate) fn variables() -> Vec<(String, String)> {
    let compose = compose();
    let variables = compose["services"]["worker"]["environment"].as_object().unwrap().iter();
    variables.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

/// The services with their names.
fn services(compose: &Value) -> Vec<(&str, &Value)> {
    let services = compose["services"].as_object().unwrap().iter();
    services.map(|(name, service)| (name.as_str(), service)).collect()
}

/// The entries of a list of texts, if there is one.
fn texts<'a>(service: &'a Value, key: &str) -> Vec<&'a str> {
    let list = service[key].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|entry| entry.as_str().unwrap()).collect()
}

fn checker() -> Command {
    let mut python = Command::new(prepared("FOREIGN_PYTHON"));
    python.arg(repository::root().join("tests/tests/foreign/compose/check.py"));
    python
}

#[tokio::test]
async fn the_specification_accepts_the_compose_file_and_refuses_what_is_wrong() {
    let text = repository::text(FILE);
    let compose = compose();
    let names: Vec<_> = services(&compose).into_iter().map(|(name, _)| name).collect();
    assert_eq!(run(checker(), &text).await.lines().collect::<Vec<_>>(), names);
    for (right, wrong) in [
        ("read_only: true", "read_onyl: true"),
        ("condition: service_healthy", "condition: healthy"),
        ("retries: 12", "retries: many"),
    ] {
        assert!(text.contains(right), "{right}");
        assert!(!accepts(checker(), &text.replace(right, wrong)).await, "{wrong}");
    }
}

#[test]
fn every_file_and_volume_of_the_compose_file_is_there() {
    let compose = compose();
    let mut named = BTreeSet::new();
    for (name, service) in services(&compose) {
        for volume in texts(service, "volumes") {
            let source = volume.split(':').next().unwrap();
            if source.starts_with('.') {
                assert!(
                    repository::root().join(FOLDER).join(source).exists(),
                    "{name}: there is no {source}"
                );
            } else {
                named.insert(source);
            }
        }
        // What is published is for this machine only.
        for port in texts(service, "ports") {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port}");
        }
        let build = &service["build"];
        if build.is_object() {
            let context = repository::root().join(FOLDER).join(build["context"].as_str().unwrap());
            let containerfile = context.join(build["dockerfile"].as_str().unwrap());
            let stages = std::fs::read_to_string(containerfile).unwrap();
            let stage = format!(" AS {}\n", build["target"].as_str().unwrap());
            assert!(stages.contains(&stage), "{name}: the Containerfile has no stage{stage}");
        } else {
            let (_, tag) = service["image"].as_str().unwrap().rsplit_once(':').unwrap();
            assert!(tag.contains(|c: char| c.is_ascii_digit()), "{name}: `{tag}` is no version");
        }
    }
    let declared: BTreeSet<_> = compose["volumes"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(named, declared);
}

#[tokio::test]
async fn the_worker_of_the_compose_file_has_settings_that_fit() {
    let shown = gatehouse(&["config", "show", "--output", "json"], &variables()).await.ok();
    let settings: Value = serde_json::from_str(&shown).unwrap();
    let compose = compose();
    let worker = &compose["services"]["worker"];
    let grace = worker["stop_grace_period"].as_str().unwrap().strip_suffix('s').unwrap();
    let needed = settings["worker"]["grace_seconds"].as_u64().unwrap();
    assert_eq!(grace.parse::<u64>().unwrap(), needed + 10);
    // Prometheus reads it through the emulator, in whose network it is.
    assert_eq!(worker["network_mode"], "service:emulator");
    let port = settings["admin"]["listen"].as_str().unwrap().strip_prefix("0.0.0.0:").unwrap();
    let prometheus: Value =
        serde_saphyr::from_str(&repository::text(&format!("{FOLDER}/prometheus.yaml"))).unwrap();
    let target = &prometheus["scrape_configs"][0]["static_configs"][0]["targets"][0];
    assert_eq!(*target, format!("emulator:{port}"));
    let probe = texts(&worker["healthcheck"], "test");
    assert_eq!(probe, ["CMD", "/usr/bin/gatehouse", "probe"]);
}

#[tokio::test]
async fn prometheus_accepts_its_settings_with_the_alerts() {
    let compose = compose();
    let folder = tempfile::TempDir::new().unwrap();
    // Beside each other, as they are mounted.
    for volume in texts(&compose["services"]["prometheus"], "volumes") {
        let mut parts = volume.split(':');
        let (source, target) = (parts.next().unwrap(), parts.next().unwrap());
        if let Some(name) = target.strip_prefix("/etc/prometheus/") {
            std::fs::copy(repository::root().join(FOLDER).join(source), folder.path().join(name)).unwrap();
        }
    }
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "config"]).arg(folder.path().join("prometheus.yml"));
    let said = run(promtool, "").await;
    assert!(said.contains("1 rule files found") && said.contains("rules found"), "{said}");
}
