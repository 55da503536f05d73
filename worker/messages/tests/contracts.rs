//! Types, schemas and examples say the same: names, required fields, enum values, closed objects.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use messages::{
    BrakeChange, CancelRequest, CancelSide, Class, DeadLetterAdded, EventDuplicate, EventKind, Mode, Needs,
    OperatorAction, OperatorBrakeChanged, OperatorRunCancelled, Outcome, Person, PersonReference,
    PersonRequest, RunFinished, RunPlanned, RunProgress, RunSide, RunSnapshot, RunWaiting, Schema, ShutState,
    State, StepFinished, SyncDetail, SyncFinished, SyncMode, SyncPage, SyncProgress, SyncRequest,
    SyncSchedule, SyncState, SyncSubject, SyncWaiting, TakenKind, Violation,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

fn document(name: &str) -> Value {
    serde_json::from_str(Schema::named(name).unwrap().text()).unwrap()
}

fn examples() -> Vec<(String, Value)> {
    let mut examples = Vec::new();
    for entry in fs::read_dir(folder().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            examples.push((name, serde_json::from_slice(&fs::read(&path).unwrap()).unwrap()));
        }
    }
    examples
}

fn schema_of(example: &str) -> &'static Schema {
    Schema::named(example.rsplit_once('.').unwrap().0).unwrap()
}

/// Every pointer into a document that leads to an object.
fn objects(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(pointer.to_owned());
            for (name, field) in fields {
                objects(field, &format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                objects(item, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// Calls `visit` with each schema below `properties`, `items` and `patternProperties`, and where it stands.
fn each_property(schema: &Value, place: &str, visit: &mut impl FnMut(&str, &Value)) {
    for keyword in ["properties", "patternProperties", "$defs"] {
        for (name, property) in schema.get(keyword).and_then(Value::as_object).into_iter().flatten() {
            let place = format!("{place}/{keyword}/{name}");
            visit(&place, property);
            each_property(property, &place, visit);
        }
    }
    if let Some(items) = schema.get("items") {
        let place = format!("{place}/items");
        visit(&place, items);
        each_property(items, &place, visit);
    }
}

#[test]
fn every_file_is_compiled_in_and_named_after_its_id() {
    let mut on_disk = BTreeSet::new();
    // `actions` is written by the actions themselves, and `examples` holds messages.
    for kind in ["requests", "results", "internal"] {
        for entry in fs::read_dir(folder().join(kind)).unwrap() {
            let path = entry.unwrap().path();
            on_disk.insert((kind.to_owned(), path.file_stem().unwrap().to_str().unwrap().to_owned()));
        }
    }
    let compiled_in: BTreeSet<(String, String)> = messages::schemas()
        .iter()
        .map(|schema| (schema.folder().to_owned(), schema.name().to_owned()))
        .collect();
    assert_eq!(on_disk, compiled_in);
    for (_, name) in compiled_in {
        let document = document(&name);
        assert_eq!(document["$id"], format!("https://gatehouse.example/schemas/{name}.json"));
        assert_eq!(document["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
}

#[test]
fn a_tool_that_knows_files_only_finds_what_a_published_schema_refers_to() {
    let published = |schema: &&Schema| schema.folder() != "internal";
    for schema in messages::schemas().iter().copied().filter(published) {
        for reference in schema.text().split(r#""$ref": ""#).skip(1) {
            let file = reference.split(['#', '"']).next().unwrap();
            let beside = folder().join(schema.folder()).join(file);
            assert!(file.is_empty() || beside.is_file(), "{}: {file}", schema.name());
        }
    }
}

#[test]
fn every_field_is_described_and_its_own_examples_are_valid() {
    for schema in messages::schemas() {
        each_property(&document(schema.name()), schema.name(), &mut |place, property| {
            let description = property["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{place} has no description");
            let is_leaf = ["string", "integer"].iter().any(|leaf| property["type"] == *leaf);
            let is_item = place.ends_with("/items");
            let examples = property["examples"].as_array();
            assert!(!is_leaf || is_item || examples.is_some(), "{place} has no example");
            for example in examples.into_iter().flatten() {
                // Formats are checked through the examples of whole messages.
                if let Some(options) = property["enum"].as_array() {
                    assert!(options.contains(example), "{place}");
                }
                let length = example.as_str().map_or(0, |text| text.chars().count() as u64);
                assert!(length <= property["maxLength"].as_u64().unwrap_or(u64::MAX), "{place}");
            }
        });
    }
}

/// The names a Rust enum takes, as its own refusal of another name lists them.
fn variants<T: DeserializeOwned>() -> BTreeSet<String> {
    let refusal = serde_json::from_value::<T>(json!("?")).err().unwrap().to_string();
    refusal.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

/// The values of the `enum` at a pointer into a schema.
fn options(schema: &str, pointer: &str) -> BTreeSet<String> {
    let document = document(schema);
    let options = document.pointer(pointer).unwrap().as_array().unwrap().clone();
    options.into_iter().map(|option| option.as_str().unwrap().to_owned()).collect()
}

#[test]
fn enums_have_the_same_values_on_both_sides() {
    assert_eq!(variants::<Mode>(), options("request", "/properties/mode/enum"));
    assert_eq!(variants::<Outcome>(), options("step", "/$defs/outcome/enum"));
    assert_eq!(variants::<Needs>(), options("step", "/$defs/left/items/properties/needs/enum"));
    assert_eq!(variants::<Class>(), options("step", "/$defs/failure/properties/class/enum"));
    let failure_class = "/properties/gatehouse-dead-failure-class/enum";
    assert_eq!(variants::<Class>(), options("dead-letter.v1", failure_class));
    assert_eq!(variants::<State>(), options("run.finished.v1", "/properties/data/properties/state/enum"));
    let side = "/properties/data/properties/side/enum";
    assert_eq!(variants::<CancelSide>(), options("run.cancel.requested.v1", side));
    let shut = |field: &str| format!("/properties/data/properties/shut/items/properties/{field}/enum");
    assert_eq!(variants::<RunSide>(), options("run.finished.v1", &shut("side")));
    assert_eq!(variants::<ShutState>(), options("run.finished.v1", &shut("state")));
    let change = "/properties/data/properties/change/enum";
    assert_eq!(variants::<BrakeChange>(), options("operator.brake_changed.v1", change));
    let of_sync = |field: &str| format!("/properties/data/properties/{field}/enum");
    assert_eq!(variants::<SyncSubject>(), options("sync.requested.v1", &of_sync("what")));
    assert_eq!(variants::<SyncSubject>(), options("sync", "/$defs/what/enum"));
    assert_eq!(variants::<SyncMode>(), options("sync.requested.v1", &of_sync("mode")));
    assert_eq!(variants::<SyncMode>(), options("sync", "/$defs/mode/enum"));
    assert_eq!(variants::<SyncDetail>(), options("sync.requested.v1", &of_sync("detail")));
    assert_eq!(variants::<SyncState>(), options("sync.finished.v1", &of_sync("state")));
    for schema in ["run.snapshot.v1", "restore.requested.v1"] {
        assert_eq!(variants::<TakenKind>(), options(schema, "/$defs/kind/enum"));
    }
    assert_eq!(variants::<Outcome>().len(), 6);
}

#[test]
fn every_kind_of_event_has_its_schema() {
    for kind in EventKind::ALL {
        let name = kind.event_type().strip_prefix("gatehouse.").unwrap();
        assert_eq!(kind.schema().name(), name);
        assert_eq!(name.strip_suffix(".v1").unwrap(), kind.routing_key());
        assert_eq!(EventKind::of_type(kind.event_type()), Some(kind));
    }
}

#[test]
fn persons_have_the_same_fields_on_both_sides() {
    let fields = |schema: &str| -> Vec<String> {
        document(schema)["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let filled = |schema: &str| -> Value {
        fields(schema).into_iter().map(|name| (name, json!("x"))).collect::<Map<_, _>>().into()
    };
    // What the type does not know would be kept among the others.
    let person: Person = serde_json::from_value(filled("person")).unwrap();
    assert_eq!(person.other, Map::new());
    assert_eq!(serde_json::to_value(&person).unwrap(), filled("person"));
    let reference: PersonReference = serde_json::from_value(filled("person-reference")).unwrap();
    assert_eq!(serde_json::to_value(&reference).unwrap(), filled("person-reference"));
}

/// Whether the type behind a schema can read this document's own part.
fn type_reads(schema: &str, document: &Value) -> bool {
    fn reads<T: DeserializeOwned>(value: Option<&Value>) -> bool {
        value.is_some_and(|value| serde_json::from_value::<T>(value.clone()).is_ok())
    }
    let data = document.get("data");
    match schema {
        "onboarding.requested.v1"
        | "offboarding.requested.v1"
        | "change.requested.v1"
        | "access.revoke.requested.v1"
        | "restore.requested.v1" => reads::<PersonRequest>(data),
        "run.cancel.requested.v1" => reads::<CancelRequest>(data),
        "sync.requested.v1" => reads::<SyncRequest>(data),
        "sync.page.v1" => reads::<SyncPage>(data),
        "sync.waiting.v1" => reads::<SyncWaiting>(data),
        "sync.finished.v1" => reads::<SyncFinished>(data),
        "sync-continuation.v1" => reads::<SyncProgress>(document.get("progress")),
        "sync-token.v1" => reads::<SyncSchedule>(document.get("schedule")),
        "step.finished.v1" => reads::<StepFinished>(data),
        "run.planned.v1" => reads::<RunPlanned>(data),
        "run.waiting.v1" => reads::<RunWaiting>(data),
        "run.snapshot.v1" => reads::<RunSnapshot>(data),
        "run.finished.v1" => reads::<RunFinished>(data),
        "event.duplicate.v1" => reads::<EventDuplicate>(data),
        "dead_letter.added.v1" => reads::<DeadLetterAdded>(data),
        "operator.replayed.v1" | "operator.discarded.v1" | "operator.allowed.v1" => {
            reads::<OperatorAction>(data)
        }
        "operator.run_cancelled.v1" => reads::<OperatorRunCancelled>(data),
        "operator.brake_changed.v1" => reads::<OperatorBrakeChanged>(data),
        "continuation.v1" => reads::<RunProgress>(document.get("progress")),
        other => unreachable!("{other} has no type"),
    }
}

/// Examples with a type, each with the pointer of the part the type reads.
fn typed_examples() -> impl Iterator<Item = (String, &'static Schema, Value, &'static str)> {
    examples().into_iter().filter_map(|(name, value)| {
        let schema = schema_of(&name);
        let part = match schema.name() {
            "continuation.v1" | "sync-continuation.v1" => "/progress",
            "sync-token.v1" => "/schedule",
            _ => "/data",
        };
        (schema.name() != "dead-letter.v1").then_some((name, schema, value, part))
    })
}

#[test]
fn an_unknown_field_is_refused_but_where_a_memo_parameters_details_rows_ids_and_totals_stand() {
    for (name, schema, value, part) in typed_examples() {
        let mut places = Vec::new();
        objects(&value, "", &mut places);
        for place in places {
            let mut changed = value.clone();
            changed.pointer_mut(&place).unwrap()["unknown_field"] = json!(1);
            let is_event = schema.name().ends_with(".requested.v1");
            // A cancel refers to a person, and tells nothing of them.
            let open = if schema.name() == "run.cancel.requested.v1" {
                &[][..]
            } else if is_event {
                &["/data/person", "/data/parameters"][..]
            } else {
                &[
                    "/event/data",
                    "/progress/waiting/0/memo",
                    "/progress/prepared/stages/0/steps/0/params",
                    "/progress/prepared/stages/0/steps/1/params",
                    "/progress/prepared/stages/1/steps/0/params",
                    "/progress/prepared/stages/2/steps/0/params",
                    "/progress/usage/state",
                    "/data/details",
                    "/data/rows/0",
                    "/data/taken/0/object",
                    "/data/taken/1/object",
                    "/data/totals",
                ]
            };
            let is_open = open.iter().any(|open| place.starts_with(open));
            let violations = schema.violations(&changed);
            assert_eq!(violations.is_empty(), is_open, "{name} {place}: {violations:?}");
            if place.starts_with(part) && !is_open {
                assert!(!type_reads(schema.name(), &changed), "{name} {place}");
            }
        }
    }
}

#[test]
fn a_field_is_required_by_both_sides_or_by_none() {
    for (name, schema, value, part) in typed_examples() {
        let mut places = Vec::new();
        objects(&value, "", &mut places);
        for place in places.iter().filter(|place| place.starts_with(part)) {
            let fields: Vec<String> =
                value.pointer(place).unwrap().as_object().unwrap().keys().cloned().collect();
            for field in fields {
                let mut changed = value.clone();
                changed.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(&field);
                let violations = schema.violations(&changed);
                // The schema alone knows that one of three identifiers is enough.
                let one_of_three = violations
                    .iter()
                    .any(|it: &Violation| it.message.starts_with("needs at least one of entra_id"));
                // And that a restore needs more than other requests for a person.
                let of_restore = schema.name() == "restore.requested.v1"
                    && ["run_id", "entra_id"].contains(&field.as_str());
                assert_eq!(
                    violations.is_empty() || one_of_three || of_restore,
                    type_reads(schema.name(), &changed),
                    "{name} {place}/{field}: {violations:?}"
                );
            }
        }
    }
}
