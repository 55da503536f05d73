//! Alerts: each one follows the conventions, is about metrics that exist, is tried by `promtool`, and has its place in
//! the runbook.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that meets something unexpected fails"
)]

use std::collections::BTreeSet;

use serde_json::Value;
use system_tests::{declared, repository};

const RULES: &str = "deploy/prometheus/alerts.yaml";
const TRIALS: &str = "tests/tests/foreign/alerts_test.yaml";
const RUNBOOK: &str = "deploy/runbook.md";

/// What somebody who is called reads under each heading, in this order.
const PARTS: [&str; 4] = ["- **Meaning:** ", "- **Impact:** ", "- **Look:** ", "- **Do:** "];
/// What RabbitMQ's plugin serves.
const OF_RABBITMQ: [&str; 2] = ["rabbitmq_detailed_queue_messages", "rabbitmq_detailed_queue_messages_ready"];
/// The words of PromQL that the rules use.
const LANGUAGE: [&str; 7] = ["by", "increase", "max", "min", "rate", "sum", "time"];

fn yaml(file: &str) -> Value {
    serde_saphyr::from_str(&repository::text(file)).unwrap()
}

fn alerts() -> Vec<Value> {
    let groups = yaml(RULES)["groups"].as_array().unwrap().clone();
    let alerts: Vec<_> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect();
    assert!(alerts.len() > 5, "{alerts:?}");
    alerts
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The headings of the runbook, each with what follows.
fn headings(runbook: &str) -> Vec<(&str, &str)> {
    runbook.split("\n## ").skip(1).map(|part| part.split_once('\n').unwrap()).collect()
}

/// A rule without everything between these two characters.
fn without(expression: &str, open: char, close: char) -> String {
    let mut depth = 0_u32;
    let is_outside = |c: &char| {
        depth += u32::from(*c == open);
        let is_outside = depth == 0;
        depth -= u32::from(*c == close);
        is_outside
    };
    expression.chars().filter(is_outside).collect()
}

/// The metrics in a rule.
fn metrics_in(expression: &str) -> BTreeSet<String> {
    let bare = without(&without(expression, '{', '}'), '[', ']');
    // The labels of an aggregation stand behind `by`.
    let mut parts = bare.split("by (");
    let first = parts.next().unwrap_or_default();
    let rest = parts.filter_map(|part| Some(part.split_once(')')?.1));
    let words = [first]
        .into_iter()
        .chain(rest)
        .flat_map(|part| part.split(|c: char| !(c.is_alphanumeric() || c == '_')));
    let is_name = |word: &&str| word.starts_with(|c: char| c.is_alphabetic()) && !LANGUAGE.contains(word);
    words.filter(is_name).map(str::to_owned).collect()
}

/// The metrics that workers have.
fn declared() -> BTreeSet<String> {
    declared::metrics().iter().flat_map(declared::Metric::stored).collect()
}

#[test]
fn every_alert_follows_the_conventions() {
    let mut names = BTreeSet::new();
    for alert in alerts() {
        let name = text(&alert, "alert");
        let is_camel = name.starts_with("Gatehouse") && name.chars().all(|c| c.is_ascii_alphanumeric());
        assert!(is_camel && names.insert(name.to_owned()), "{name}");
        assert!(["critical", "warning", "info"].contains(&text(&alert["labels"], "severity")), "{name}");
        for annotation in ["summary", "description"] {
            assert!(!text(&alert["annotations"], annotation).is_empty(), "{name}: {annotation}");
        }
        let place = format!("{RUNBOOK}#{}", name.to_lowercase());
        assert_eq!(text(&alert["annotations"], "runbook_url"), place, "{name}");
    }
}

#[test]
fn the_runbook_has_a_heading_for_each_alert_and_no_other() {
    let runbook = repository::text(RUNBOOK);
    let headings = headings(&runbook);
    let alerts = alerts();
    let names: Vec<_> = alerts.iter().map(|alert| text(alert, "alert")).collect();
    assert_eq!(
        headings.iter().map(|(heading, _)| *heading).collect::<Vec<_>>(),
        names,
        "in the order of the rules"
    );
    for (heading, body) in headings {
        let found: Vec<_> = body.lines().filter(|line| line.starts_with("- **")).collect();
        let is_in_order = found.iter().zip(PARTS).all(|(line, part)| line.starts_with(part));
        assert!(found.len() == PARTS.len() && is_in_order, "{heading}: {found:#?}");
    }
}

#[test]
fn every_metric_in_a_rule_exists() {
    let declared = declared();
    assert!(declared.len() > 30 && declared.contains("gatehouse_events_total"), "{declared:?}");
    for alert in alerts() {
        let (name, metrics) = (text(&alert, "alert"), metrics_in(text(&alert, "expr")));
        assert!(!metrics.is_empty(), "{name} looks at nothing");
        for metric in metrics {
            assert!(declared.contains(&metric) || OF_RABBITMQ.contains(&metric.as_str()), "{name}: {metric}");
        }
    }
}

#[test]
fn the_metrics_of_a_rule_are_found() {
    let rule = r#"sum by (a, b) (rate(x_total{outcome="nack", q=~"up\\.{2}"}[5m])) / max(y{c="z"}) > 250000"#;
    assert_eq!(metrics_in(rule), ["x_total", "y"].map(str::to_owned).into());
}

#[test]
fn promtool_sees_each_alert_fire_and_stay_silent() {
    let trials = yaml(TRIALS);
    let trials = trials["tests"].as_array().unwrap().iter();
    let trials: Vec<_> = trials.flat_map(|test| test["alert_rule_test"].as_array().unwrap()).collect();
    for alert in alerts() {
        let name = text(&alert, "alert");
        let of_it = trials.iter().filter(|trial| text(trial, "alertname") == name);
        let counts: Vec<_> = of_it.map(|trial| trial["exp_alerts"].as_array().unwrap().len()).collect();
        assert!(counts.contains(&0), "{name} is never seen silent");
        assert!(counts.iter().any(|count| *count > 0), "{name} is never seen to fire");
    }
}
