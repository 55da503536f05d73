//! What every action promises, tested for every action in the roster through the real client.
//!
//! `crate::action::register` makes the tests, one for each action and promise, from the lines that make the roster. An
//! action without a scenario does not compile under test.

pub mod bench;
pub mod call;
pub mod client;
pub mod promises;
mod refusals;
mod resolution;
pub mod scenario;
mod tenant;

use serde_json::json;

use crate::roster;

#[test]
fn every_action_is_in_a_file_of_its_name_and_in_the_roster_once() {
    let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
    let files = folders.filter_map(|folder| std::fs::read_dir(folder.unwrap().path()).ok()).flatten();
    let paths =
        files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "rs"));
    let is_action = |path: &std::path::PathBuf| {
        std::fs::read_to_string(path).unwrap().lines().any(|line| line.starts_with("impl Action for "))
    };
    let mut names: Vec<_> = paths
        .filter(is_action)
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(roster().iter().map(|entry| entry.name).collect::<Vec<_>>(), names);
}

#[test]
fn every_default_fills_a_parameter_that_exists() {
    for entry in roster() {
        let schema = entry.step.schema();
        for (parameter, _) in entry.step.defaults() {
            assert!(schema["properties"].get(parameter).is_some(), "{}: {parameter}", entry.name);
        }
    }
}

#[test]
fn every_published_schema_accepts_its_scenario_and_its_defaults_and_no_odd_person() {
    for entry in roster() {
        let (name, schema) = (entry.name, (entry.schema)());
        let validator = jsonschema::validator_for(&schema).unwrap();
        let params = (entry.scenario)().params;
        assert!(validator.is_valid(&params), "{name}: {:?}", validator.validate(&params));
        for (parameter, property) in schema["properties"].as_object().unwrap() {
            let mut with = params.clone();
            if let Some(default) = property.get("default") {
                with[parameter] = default.clone();
                assert!(validator.is_valid(&with), "{name}: the default of {parameter}");
            }
            for odd in [json!(42), json!([]), json!(null), json!("ada")] {
                with[parameter] = odd;
                let is_person = property["$ref"] == "#/$defs/PersonRef";
                assert!(!is_person || !validator.is_valid(&with), "{name}: an odd {parameter}");
            }
        }
    }
}
