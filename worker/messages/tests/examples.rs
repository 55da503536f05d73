//! The files in `schemas/examples/` are fixtures: each passes its schema, decodes into its type and comes back.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

use std::fs;
use std::path::{Path, PathBuf};

use messages::{
    Continuation, EventKind, Incoming, Request, ResultData, ResultEvent, Schema, SyncContinuation, SyncToken,
    Violation, decode,
};
use serde_json::{Value, json};

/// The files of a folder under `schemas/`, by name without `.json`.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas").join(folder);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if let Some(name) = path.file_name().unwrap().to_str().unwrap().strip_suffix(".json") {
            files.push((name.to_owned(), fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

/// The schema an example is of: its file is named after it.
fn schema_of(name: &str) -> &'static Schema {
    let (schema, _variant) = name.rsplit_once('.').unwrap();
    Schema::named(schema).unwrap_or_else(|| panic!("{name} is named after no schema"))
}

fn structured(body: &[u8]) -> Incoming<'_> {
    Incoming { content_type: Some("application/cloudevents+json"), routing_key: None, headers: &[], body }
}

/// Reads an example into its type and writes it again.
fn through_the_type(schema: &str, body: &[u8]) -> Value {
    if schema.ends_with(".requested.v1") {
        let event = decode(&structured(body)).unwrap();
        let mut written = event.raw.clone();
        written["data"] = match &event.request {
            Request::Person(request) => serde_json::to_value(request).unwrap(),
            Request::Cancel(request) => serde_json::to_value(request).unwrap(),
            Request::Sync(request) => serde_json::to_value(request).unwrap(),
        };
        return written;
    }
    let written = match schema {
        "sync-continuation.v1" => SyncContinuation::from_bytes(body).unwrap().to_bytes().unwrap(),
        "sync-token.v1" => SyncToken::from_bytes(body).unwrap().to_bytes().unwrap(),
        "continuation.v1" => Continuation::from_bytes(body).unwrap().to_bytes().unwrap(),
        // Its headers are the broker's to read and write; here it is a schema only.
        "dead-letter.v1" => body.to_owned(),
        _ => ResultEvent::from_bytes(body).unwrap().to_bytes().unwrap(),
    };
    serde_json::from_slice(&written).unwrap()
}

#[test]
fn every_example_passes_its_schema_and_survives_its_type() {
    for (name, body) in files("examples") {
        let value: Value = serde_json::from_slice(&body).unwrap();
        let schema = schema_of(&name);
        assert_eq!(schema.violations(&value), [], "{name}");

        let mut expected = value;
        if schema.name().ends_with(".requested.v1") {
            // Defaults are written out.
            let defaults = match schema.name() {
                "sync.requested.v1" => json!({ "mode": "full", "detail": "pages", "sign_ins": false }),
                "run.cancel.requested.v1" => json!({}),
                _ => json!({ "mode": "apply" }),
            };
            let data = expected["data"].as_object_mut().unwrap();
            for (name, default) in defaults.as_object().unwrap() {
                data.entry(name.clone()).or_insert(default.clone());
            }
        }
        assert_eq!(through_the_type(schema.name(), &body), expected, "{name}");
    }
}

#[test]
fn every_message_has_an_example() {
    let examples = files("examples");
    for schema in messages::schemas() {
        let is_message = schema.name().ends_with(".v1");
        let has_example = examples.iter().any(|(name, _)| schema_of(name).name() == schema.name());
        assert_eq!(is_message, has_example, "{}", schema.name());
    }
}

#[test]
fn a_result_gets_the_id_its_example_has() {
    for (name, body) in files("examples") {
        let Ok(example) = ResultEvent::from_bytes(&body) else { continue };
        let made = ResultEvent::new(example.cause.clone(), example.time, example.data.clone());
        assert_eq!(made, example, "{name}");
    }
}

#[test]
fn a_result_goes_to_the_address_of_its_type() {
    let kinds = ResultData::kinds();
    for (name, body) in files("examples") {
        let Ok(example) = ResultEvent::from_bytes(&body) else { continue };
        let kind = kinds.iter().find(|kind| kind.event_type == example.event_type()).unwrap();
        assert_eq!(kind.schema.name(), example.data.schema().name(), "{name}");
        let told: Vec<_> = kind.address.split('.').collect();
        let key = example.routing_key();
        let parts: Vec<_> = key.split('.').collect();
        assert_eq!(told.len(), parts.len(), "{name}: {key}");
        for (told, part) in told.into_iter().zip(parts) {
            let field = told.strip_prefix('{').and_then(|told| told.strip_suffix('}'));
            // Kinds of rows are not listed: more may come.
            let fits = match field.map(|field| kind.schema.values(field)) {
                None => told == part,
                Some(values) => values.contains(&part) || field == Some("kind"),
            };
            assert!(fits, "{name}: {key} is no {}", kind.address);
        }
    }
}

#[test]
fn every_invalid_example_is_refused_with_all_its_violations() {
    for (name, body) in files("examples/invalid") {
        let Some(name) = name.strip_suffix(".expected") else {
            let refused = decode(&structured(&body)).unwrap_err();
            let expected = files("examples/invalid");
            let (_, expected) = expected
                .iter()
                .find(|(other, _)| *other == format!("{name}.expected"))
                .unwrap_or_else(|| panic!("{name} has no .expected.json beside it"));
            let expected: Value = serde_json::from_slice(expected).unwrap();
            assert_eq!(
                json!({ "code": refused.code(), "violations": refused.violations() }),
                expected,
                "{name}: {refused}"
            );
            continue;
        };
        assert!(files("examples/invalid").iter().any(|(other, _)| other == name), "{name} expects nothing");
    }
}

#[test]
fn no_refusal_repeats_a_value() {
    let secrets = ["Lovelace", "Ada", "Grace", "12345678901234567", "yesterday", "maybe"];
    for (name, body) in files("examples/invalid") {
        let Err(refused) = decode(&structured(&body)) else { continue };
        let text = refused.to_string().replace("ada.lovelace@contoso.example", "");
        for secret in secrets {
            assert!(!text.contains(secret), "{name}: {text}");
        }
    }
}

#[test]
fn an_example_is_accepted_in_binary_mode_too() {
    for (name, body) in files("examples").into_iter().filter(|(name, _)| name.contains(".requested.")) {
        let value: Value = serde_json::from_slice(&body).unwrap();
        for prefix in ["cloudEvents:", "cloudEvents_", "ce-", "CE-"] {
            let headers: Vec<(String, String)> = value
                .as_object()
                .unwrap()
                .iter()
                .filter(|(name, _)| *name != "data" && *name != "datacontenttype")
                .map(|(name, value)| {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    (format!("{prefix}{name}"), text)
                })
                .collect();
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let body = serde_json::to_vec(&value["data"]).unwrap();
            for content_type in [Some("application/json"), Some("application/json; charset=UTF-8"), None] {
                let event =
                    decode(&Incoming { content_type, routing_key: None, headers: &headers, body: &body })
                        .unwrap();
                let written = serde_json::to_vec(&value).unwrap();
                let structured = decode(&structured(&written)).unwrap();
                assert_eq!(event.run_id(), structured.run_id(), "{name}");
                assert_eq!(event.request, structured.request, "{name}");
                assert_eq!(event.correlation_id, structured.correlation_id, "{name}");
                // What was put together from headers passes as a structured event.
                let written = serde_json::to_vec(&event.raw).unwrap();
                assert_eq!(decode(&self::structured(&written)).unwrap(), event, "{name}");
            }
        }
    }
}

#[test]
fn the_examples_cover_every_kind_of_event() {
    let kinds: Vec<EventKind> = files("examples")
        .iter()
        .filter_map(|(_, body)| decode(&structured(body)).ok())
        .map(|event| event.kind)
        .collect();
    for kind in EventKind::ALL {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
}

#[test]
fn a_violation_reads_as_a_sentence() {
    let violation = Violation::new("/data/person/upn", "is required");
    assert_eq!(violation.to_string(), "/data/person/upn: is required");
    assert_eq!(Violation::new("", "must be an object").to_string(), "the whole message: must be an object");
}
