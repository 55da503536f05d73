//! The dashboard: every query is about metrics that exist, by labels that they have, and every panel has its place.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use system_tests::{declared, repository};

const DASHBOARD: &str = "deploy/grafana/gatehouse.json";
/// What Prometheus adds to every series, and to those of histograms.
const OF_PROMETHEUS: [&str; 3] = ["instance", "job", "le"];
/// The variables of the dashboard, and one of Grafana's own.
const VARIABLES: [&str; 4] = ["datasource", "job", "tenant", "__rate_interval"];

fn dashboard() -> Value {
    serde_json::from_str(&repository::text(DASHBOARD)).unwrap()
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    dashboard["panels"].as_array().unwrap().iter().collect()
}

/// The title of a panel, and one of its queries.
fn queries(dashboard: &Value) -> Vec<(&str, &str)> {
    let targets = panels(dashboard).into_iter().flat_map(|panel| {
        let targets = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
        targets.iter().map(|target| (panel["title"].as_str().unwrap(), target["expr"].as_str().unwrap()))
    });
    targets.collect()
}

fn is_of_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The metrics of a query, each with the labels that choose among its series.
fn chosen(query: &str) -> Vec<(&str, BTreeSet<&str>)> {
    let ours = |word: &str| word.starts_with("gatehouse_") || word.starts_with("process_");
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(at) = rest.find(is_of_a_word) {
        let word = rest[at..].split(|c| !is_of_a_word(c)).next().unwrap();
        rest = &rest[at + word.len()..];
        if ours(word) {
            let labels =
                rest.strip_prefix('{').and_then(|labels| labels.split('}').next()).unwrap_or_default();
            let names = labels.split('"').step_by(2).map(|part| part.trim_matches([',', ' ', '=', '~', '!']));
            found.push((word, names.filter(|name| !name.is_empty()).collect()));
        }
    }
    found
}

/// The labels by which a query gathers.
fn gathered(query: &str) -> BTreeSet<&str> {
    let lists = query.split("by (").skip(1).map(|rest| rest.split(')').next().unwrap());
    lists.flat_map(|list| list.split(", ")).collect()
}

#[test]
fn every_query_is_about_metrics_and_labels_that_exist() {
    let declared: BTreeMap<_, BTreeSet<_>> = declared::metrics()
        .into_iter()
        .flat_map(|metric| {
            metric.stored().into_iter().map(move |name| (name, metric.labels.iter().cloned().collect()))
        })
        .collect();
    let dashboard = dashboard();
    let queries = queries(&dashboard);
    assert!(queries.len() > 50, "{queries:#?}");
    for (title, query) in queries {
        let chosen = chosen(query);
        assert!(!chosen.is_empty(), "{title} asks for nothing");
        let mut known: BTreeSet<&str> = OF_PROMETHEUS.into();
        for (metric, labels) in &chosen {
            let of_it =
                declared.get(*metric).unwrap_or_else(|| panic!("{title}: there is no metric {metric}"));
            known.extend(of_it.iter().map(String::as_str));
            let is_known = |label: &&str| of_it.contains(*label) || OF_PROMETHEUS.contains(label);
            assert!(labels.iter().all(is_known), "{title}: {metric} has not all of {labels:?}");
            assert!(labels.contains("job"), "{title}: {metric} is of every job");
            assert_eq!(labels.contains("tenant"), of_it.contains("tenant"), "{title}: {metric}, by tenant");
        }
        assert!(gathered(query).is_subset(&known), "{title}: {query}");
    }
}

#[test]
fn the_labels_of_a_query_are_found() {
    let query = r#"sum by (le, what) (rate(gatehouse_x_bucket{job=~"$job", a!="b{c}"}[5m])) / process_y"#;
    let expected = [("gatehouse_x_bucket", BTreeSet::from(["job", "a"])), ("process_y", BTreeSet::new())];
    // A brace in a value ends the list early; no value of ours has one.
    assert_eq!(chosen(&query.replace("{c}", "")), expected);
    assert_eq!(gathered(query), BTreeSet::from(["le", "what"]));
}

#[test]
fn every_variable_is_there_and_nothing_else_is_of_one_installation() {
    let dashboard = dashboard();
    let text = dashboard.to_string();
    let used: BTreeSet<_> = text.split('$').skip(1).map(|rest| rest.trim_start_matches('{')).collect();
    let used = used.into_iter().map(|rest| rest.split(|c| !is_of_a_word(c)).next().unwrap());
    // `$__all` is the choice of everything.
    let used: BTreeSet<_> = used.filter(|name| *name != "__all").collect();
    assert_eq!(used, VARIABLES.into());
    let declared = dashboard["templating"]["list"].as_array().unwrap().iter();
    let declared: Vec<_> = declared.map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(declared, VARIABLES[..3]);
    assert!(dashboard["id"].is_null() && dashboard["uid"] == "gatehouse");
    for (title, _) in queries(&dashboard) {
        let panel = panels(&dashboard).into_iter().find(|panel| panel["title"] == title).unwrap();
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        assert!(
            panel["description"].as_str().is_some_and(|text| text.ends_with('.')),
            "{title}: say what it shows"
        );
    }
}

#[test]
fn no_panel_lies_over_another() {
    let dashboard = dashboard();
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels(&dashboard) {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(x + w <= 24, "{}", panel["title"]);
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{} lies over another at {cell:?}", panel["title"]);
        }
    }
}
