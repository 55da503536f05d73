//! The JSON Schemas of every message, compiled into the binary and enforced from there.

use std::sync::{LazyLock, OnceLock};

use jsonschema::{Draft, PatternOptions, Registry, ValidationError, Validator};
use serde_json::Value;

use crate::cloudevent::time;
use crate::cloudevent::violation::{self, Violation};

/// Where the `$id` of every schema begins. It names them; nothing is ever fetched from there.
const BASE: &str = "https://gatehouse.example/schemas/";

/// One file of `schemas/`.
#[derive(Debug)]
pub struct Schema {
    folder: &'static str,
    name: &'static str,
    text: &'static str,
    validator: OnceLock<Validator>,
}

/// Names the file once: `schema!("results", "x")` is `schemas/results/x.json`.
macro_rules! schema {
    ($folder:literal, $name:literal) => {
        Schema {
            folder: $folder,
            name: $name,
            text: include_str!(concat!("../../../schemas/", $folder, "/", $name, ".json")),
            validator: OnceLock::new(),
        }
    };
}

pub(crate) static CLOUDEVENT: Schema = schema!("requests", "cloudevent");
pub(crate) static ONBOARDING_REQUESTED: Schema = schema!("requests", "onboarding.requested.v1");
pub(crate) static OFFBOARDING_REQUESTED: Schema = schema!("requests", "offboarding.requested.v1");
pub(crate) static CHANGE_REQUESTED: Schema = schema!("requests", "change.requested.v1");
pub(crate) static ACCESS_REVOKE_REQUESTED: Schema = schema!("requests", "access.revoke.requested.v1");
pub(crate) static RESTORE_REQUESTED: Schema = schema!("requests", "restore.requested.v1");
pub(crate) static RUN_CANCEL_REQUESTED: Schema = schema!("requests", "run.cancel.requested.v1");
pub(crate) static SYNC_REQUESTED: Schema = schema!("requests", "sync.requested.v1");
static REQUEST: Schema = schema!("requests", "request");
static EFFECTIVE: Schema = schema!("requests", "effective");
static PERSON: Schema = schema!("requests", "person");
static PERSON_REFERENCE: Schema = schema!("requests", "person-reference");
static RESULT: Schema = schema!("results", "result");
static STEP: Schema = schema!("results", "step");
pub(crate) static STEP_FINISHED: Schema = schema!("results", "step.finished.v1");
pub(crate) static RUN_PLANNED: Schema = schema!("results", "run.planned.v1");
pub(crate) static RUN_WAITING: Schema = schema!("results", "run.waiting.v1");
pub(crate) static EVENT_DUPLICATE: Schema = schema!("results", "event.duplicate.v1");
pub(crate) static RUN_SNAPSHOT: Schema = schema!("results", "run.snapshot.v1");
pub(crate) static RUN_FINISHED: Schema = schema!("results", "run.finished.v1");
static SYNC: Schema = schema!("results", "sync");
pub(crate) static SYNC_PAGE: Schema = schema!("results", "sync.page.v1");
pub(crate) static SYNC_WAITING: Schema = schema!("results", "sync.waiting.v1");
pub(crate) static SYNC_FINISHED: Schema = schema!("results", "sync.finished.v1");
pub(crate) static DEAD_LETTER_ADDED: Schema = schema!("results", "dead_letter.added.v1");
pub(crate) static OPERATOR_REPLAYED: Schema = schema!("results", "operator.replayed.v1");
pub(crate) static OPERATOR_ALLOWED: Schema = schema!("results", "operator.allowed.v1");
pub(crate) static OPERATOR_BRAKE_CHANGED: Schema = schema!("results", "operator.brake_changed.v1");
pub(crate) static OPERATOR_RUN_CANCELLED: Schema = schema!("results", "operator.run_cancelled.v1");
pub(crate) static OPERATOR_DISCARDED: Schema = schema!("results", "operator.discarded.v1");
pub(crate) static CONTINUATION: Schema = schema!("internal", "continuation.v1");
pub(crate) static SYNC_CONTINUATION: Schema = schema!("internal", "sync-continuation.v1");
pub(crate) static SYNC_TOKEN: Schema = schema!("internal", "sync-token.v1");
static DEAD_LETTER: Schema = schema!("internal", "dead-letter.v1");

static SCHEMAS: [&Schema; 34] = [
    &CLOUDEVENT,
    &ONBOARDING_REQUESTED,
    &OFFBOARDING_REQUESTED,
    &CHANGE_REQUESTED,
    &ACCESS_REVOKE_REQUESTED,
    &RESTORE_REQUESTED,
    &RUN_CANCEL_REQUESTED,
    &SYNC_REQUESTED,
    &REQUEST,
    &EFFECTIVE,
    &PERSON,
    &PERSON_REFERENCE,
    &RESULT,
    &STEP,
    &STEP_FINISHED,
    &RUN_PLANNED,
    &RUN_WAITING,
    &RUN_FINISHED,
    &RUN_SNAPSHOT,
    &EVENT_DUPLICATE,
    &SYNC,
    &SYNC_PAGE,
    &SYNC_WAITING,
    &SYNC_FINISHED,
    &DEAD_LETTER_ADDED,
    &OPERATOR_REPLAYED,
    &OPERATOR_ALLOWED,
    &OPERATOR_BRAKE_CHANGED,
    &OPERATOR_RUN_CANCELLED,
    &OPERATOR_DISCARDED,
    &CONTINUATION,
    &SYNC_CONTINUATION,
    &SYNC_TOKEN,
    &DEAD_LETTER,
];

/// Every schema, in suggested reading order.
pub fn schemas() -> &'static [&'static Schema] {
    &SCHEMAS
}

impl Schema {
    /// The schema of this name (`onboarding.requested.v1`, say), if there is one.
    pub fn named(name: &str) -> Option<&'static Self> {
        SCHEMAS.iter().copied().find(|schema| schema.name == name)
    }

    /// The name: that of the file without `.json`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The folder of the file in `schemas/`.
    pub fn folder(&self) -> &'static str {
        self.folder
    }

    /// The text of the file, as published.
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// What a message of this schema is for.
    pub fn description(&self) -> &'static str {
        document(self.name).and_then(|document| document.get("description")?.as_str()).unwrap_or_default()
    }

    /// The values that a field of `data` may have; none if the schema does not list them.
    pub fn values(&self, field: &str) -> Vec<&'static str> {
        let property = document(self.name)
            .and_then(|document| document.pointer(&format!("/properties/data/properties/{field}")));
        let referred = property.and_then(|property| {
            let (file, pointer) = property.get("$ref")?.as_str()?.split_once('#')?;
            document(file.strip_suffix(".json")?)?.pointer(pointer)
        });
        let values = referred.or(property).and_then(|property| property.get("enum")?.as_array());
        values.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Everything in `document` that this schema refuses, ordered by place; empty if it is valid. At most 100 are
    /// listed, the rest is counted.
    ///
    /// The first call compiles the schema, which takes some milliseconds (5 for the first event of all, measured in release).
    pub fn violations(&self, document: &Value) -> Vec<Violation> {
        let validator = self.validator.get_or_init(|| self.compile());
        // The check without a reason is several times faster than the one with, and nearly all messages are valid.
        if validator.is_valid(document) {
            return Vec::new();
        }
        violation::bounded(violation::collect(validator.iter_errors(document)))
    }

    #[expect(clippy::expect_used, reason = "compiled in and the same for every input; every_schema_compiles")]
    fn compile(&self) -> Validator {
        let document = document(self.name).expect("every schema is a document");
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_registry(&REGISTRY)
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            // The one reading of time: what the schema accepts is what the decoder can read.
            .with_format("date-time", |text: &str| time::parse(text).is_some())
            .with_format("date", |text: &str| time::parse_date(text).is_some())
            .build(document)
            .expect("a compiled-in schema compiles")
    }
}

/// The parsed files by name.
static DOCUMENTS: LazyLock<Vec<(&str, Value)>> = LazyLock::new(parse);

/// Where the files find each other.
static REGISTRY: LazyLock<Registry<'static>> = LazyLock::new(registry);

#[expect(clippy::expect_used, reason = "compiled in and the same for every input; every_schema_compiles")]
fn parse() -> Vec<(&'static str, Value)> {
    let parse = |text| serde_json::from_str(text).expect("a compiled-in schema is JSON");
    SCHEMAS.iter().map(|schema| (schema.name, parse(schema.text))).collect()
}

#[expect(clippy::expect_used, reason = "compiled in and the same for every input; every_schema_compiles")]
fn registry() -> Registry<'static> {
    let pairs = DOCUMENTS.iter().map(|(name, document)| (format!("{BASE}{name}.json"), document));
    Registry::new()
        .draft(Draft::Draft202012)
        .extend(pairs)
        .and_then(jsonschema::RegistryBuilder::prepare)
        .expect("compiled-in schemas refer to each other only")
}

fn document(name: &str) -> Option<&'static Value> {
    DOCUMENTS.iter().find(|(known, _)| *known == name).map(|(_, document)| document)
}

/// The part of a schema that holds the keyword an error is about.
pub(crate) fn parent(error: &ValidationError<'_>) -> Option<&'static Value> {
    let location = error.absolute_keyword_location()?.as_str();
    let (file, pointer) = location.strip_prefix(BASE)?.split_once('#')?;
    document(file.strip_suffix(".json")?)?.pointer(pointer.rsplit_once('/')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_compiles() {
        for schema in schemas() {
            schema.violations(&Value::Null);
        }
    }
}
