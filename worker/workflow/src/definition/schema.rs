//! The JSON Schema of a workflow file, made from a roster, so that editors complete and check workflows.
//!
//! It accepts what [`Definitions::read`](super::Definitions::read) accepts, as far as a schema can say it: what a
//! template names, and that names are unique, only the check knows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::ParameterType;
use crate::step::{Roster, Step};

/// Where the schema finds its parts.
const DEFINITIONS: &str = "#/$defs/";

/// The schema of files whose steps are in this roster.
pub fn of<W>(roster: &Roster<W>) -> Value {
    let steps: Vec<_> = roster.names().filter_map(|name| roster.get(name)).collect();
    let actions: Vec<_> = steps.iter().map(|step| Action::of(*step)).collect();
    let ambiguous = ambiguous(&actions);
    let mut definitions = Map::from_iter([
        ("workflow".to_owned(), workflow()),
        ("event".to_owned(), event(&roster.events())),
        ("parameter".to_owned(), parameter()),
        ("stage".to_owned(), stage()),
        ("step".to_owned(), step(&actions)),
        ("when".to_owned(), when()),
        ("template".to_owned(), template()),
    ]);
    for action in actions {
        let rename = |name: &str| match ambiguous.contains(name) {
            true => format!("{}.{name}", action.name),
            false => name.to_owned(),
        };
        definitions.insert(action.name.to_owned(), renamed(action.parameters, &rename));
        for (name, part) in action.parts {
            definitions.insert(rename(&name), renamed(part, &rename));
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Gatehouse workflows",
        "description": "Workflows by name. An event asks for a workflow by this name.",
        "type": "object",
        "additionalProperties": { "$ref": format!("{DEFINITIONS}workflow") },
        "$defs": definitions,
    })
}

/// An action as the file's schema shows it.
struct Action {
    name: &'static str,
    description: Option<String>,
    /// Whether a workflow must give a parameter, because it has no default.
    needs_parameters: bool,
    parameters: Value,
    /// What the parameters refer to.
    parts: BTreeMap<String, Value>,
}

impl Action {
    fn of<W>(step: &dyn Step<W>) -> Self {
        let mut schema = match step.schema() {
            Value::Object(schema) => schema,
            _ => Map::new(),
        };
        let parts = match schema.remove("$defs") {
            Some(Value::Object(parts)) => {
                parts.into_iter().map(|(name, part)| (name, inside(part))).collect()
            }
            _ => BTreeMap::new(),
        };
        schema.remove("$schema");
        schema.remove("title");
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            let has_default = |name: &Value| step.defaults().iter().any(|(known, _)| name == known);
            required.retain(|name| !has_default(name));
        }
        let needs_parameters =
            schema.get("required").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
        if !needs_parameters {
            schema.remove("required");
        }
        let description = schema.get("description").and_then(Value::as_str).map(ToOwned::to_owned);
        let parameters = inside(Value::Object(schema));
        Self { name: step.name(), description, needs_parameters, parameters, parts }
    }

    /// With its description, which editors show.
    fn described(&self, schema: Value) -> Value {
        match (schema, &self.description) {
            (Value::Object(mut schema), Some(description)) => {
                schema.insert("description".to_owned(), description.as_str().into());
                Value::Object(schema)
            }
            (schema, _) => schema,
        }
    }
}

/// Names under which two actions refer to different parts.
fn ambiguous(actions: &[Action]) -> BTreeSet<String> {
    let mut seen: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut ambiguous = BTreeSet::new();
    for (name, part) in actions.iter().flat_map(|action| &action.parts) {
        if seen.insert(name, part).is_some_and(|other| other != part) {
            ambiguous.insert(name.clone());
        }
    }
    ambiguous
}

/// A schema that refers to its parts by other names.
fn renamed(schema: Value, rename: &impl Fn(&str) -> String) -> Value {
    match schema {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| match value {
                Value::String(target) if name == "$ref" => {
                    let own =
                        target.strip_prefix(DEFINITIONS).map(|part| format!("{DEFINITIONS}{}", rename(part)));
                    (name, own.unwrap_or(target).into())
                }
                value => (name, renamed(value, rename)),
            });
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.into_iter().map(|item| renamed(item, rename)).collect(),
        other => other,
    }
}

/// A schema of a value: the value, or a template that becomes it.
fn value(schema: Value) -> Value {
    let mut schema = match inside(schema) {
        Value::Object(schema) => schema,
        other => return other,
    };
    if takes_any_text(&schema) {
        return Value::Object(schema);
    }
    let description = schema.remove("description");
    let default = schema.remove("default");
    let mut either = Map::new();
    either.extend(description.map(|description| ("description".to_owned(), description)));
    either.extend(default.map(|default| ("default".to_owned(), default)));
    either.insert("anyOf".to_owned(), json!([schema, { "$ref": format!("{DEFINITIONS}template") }]));
    Value::Object(either)
}

/// A schema whose inner values may be templates.
fn inside(schema: Value) -> Value {
    let Value::Object(fields) = schema else { return schema };
    let fields = fields.into_iter().map(|(keyword, schema)| {
        let schema = match (keyword.as_str(), schema) {
            ("properties", Value::Object(properties)) => {
                properties.into_iter().map(|(name, property)| (name, value(property))).collect()
            }
            ("items" | "additionalProperties", schema) => value(schema),
            ("prefixItems", Value::Array(items)) => items.into_iter().map(value).collect(),
            ("anyOf" | "oneOf" | "allOf", Value::Array(all)) => all.into_iter().map(inside).collect(),
            (_, schema) => schema,
        };
        (keyword, schema)
    });
    Value::Object(fields.collect())
}

/// Whether every text is a value already, and so every template.
fn takes_any_text(schema: &Map<String, Value>) -> bool {
    let is_text = |kind: &Value| kind == "string";
    let takes_text = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(is_text),
        Some(kind) => is_text(kind),
        None => false,
    };
    let narrower = ["const", "enum", "format", "maxLength", "pattern"];
    takes_text && !narrower.iter().any(|keyword| schema.contains_key(*keyword))
}

fn workflow() -> Value {
    json!({
        "description": "One workflow.",
        "type": "object",
        "properties": {
            "description": { "type": ["string", "null"], "description": "What the workflow is for, in a sentence." },
            "for": {
                "description": "The kinds of events that may ask for the workflow. Without it, the kind that has the workflow's name.",
                "anyOf": [{ "$ref": format!("{DEFINITIONS}event") }, { "type": "array", "items": { "$ref": format!("{DEFINITIONS}event") }, "minItems": 1 }],
            },
            "parameters": {
                "type": "object",
                "description": "The parameters that events may give. Without it, those that the templates name.",
                "additionalProperties": { "$ref": format!("{DEFINITIONS}parameter") },
            },
            "lookups": {
                "type": "object",
                "description": "Maps in which templates look values up: `{{ lookups.licenses[person.department] }}`.",
            },
            "stages": {
                "type": "array",
                "items": { "$ref": format!("{DEFINITIONS}stage") },
                "description": "Stages run in this order. A stage starts when the one before it has succeeded.",
            },
        },
        "required": ["stages"],
        "additionalProperties": false,
    })
}

fn event(known: &[&str]) -> Value {
    let mut event = json!({ "type": "string", "description": "A kind of event." });
    if let (Value::Object(event), false) = (&mut event, known.is_empty()) {
        event.insert("enum".to_owned(), json!(known));
    }
    event
}

fn parameter() -> Value {
    let types = json!({
        "enum": ParameterType::ALL.map(ParameterType::as_str),
        "description": "The values that the parameter takes.",
    });
    json!({
        "description": "A parameter: its type, or a map with more.",
        "anyOf": [
            types,
            { "type": "null" },
            {
                "type": "object",
                "properties": {
                    "type": types,
                    "default": { "description": "The value if an event does not give one." },
                    "description": { "type": ["string", "null"], "description": "What the parameter means." },
                },
                "additionalProperties": false,
            },
        ],
    })
}

fn stage() -> Value {
    json!({
        "description": "Steps that run together.",
        "type": "object",
        "properties": {
            "name": { "type": ["string", "number", "boolean"], "description": "Unique in the workflow." },
            "when": { "$ref": format!("{DEFINITIONS}when") },
            "after": {
                "type": ["string", "null"],
                "pattern": "^[0-9]+[smhd]$",
                "description": "How long after the end of the stage before it the stage starts: at least 1s, at most 400d. If the event names an effective date, the stage does not start before it.",
                "examples": ["90s", "15m", "12h", "30d"],
            },
            "at": {
                "type": ["string", "null"],
                "pattern": "^-?[0-9]+[smhd]$",
                "description": "When the stage starts, counted from the event's effective date, or from the event's time if it names no date: `-2d` is two days before, `0s` on time, `30d` thirty days after; at most 400d. A day has 24 hours. Stages run in order, and what is late runs at once. Only a stage with a negative `at` starts before the effective date. Not together with `after`.",
                "examples": ["-2d", "0s", "30d"],
            },
            "on_failure": {
                "description": "What a failed step means for the stages after this one.",
                "default": "stop",
                "oneOf": [
                    { "const": "stop", "description": "They do not run." },
                    { "const": "continue", "description": "They run as well." },
                ],
            },
            "needs": {
                "type": ["array", "string", "null"],
                "items": { "type": "string" },
                "description": "The stages and steps before this one that must not have failed. If one has, the run ends before this stage, and a replay of its dead letter resumes it. List here what this stage depends on if an earlier stage has `on_failure: continue`.",
                "examples": [["hand over", "migrate_onedrive"]],
            },
            "steps": {
                "type": "array",
                "items": { "$ref": format!("{DEFINITIONS}step") },
                "description": "Steps run together; their order means nothing.",
            },
        },
        "required": ["name", "steps"],
        "not": {
            "properties": { "after": { "type": "string" }, "at": { "type": "string" } },
            "required": ["after", "at"],
        },
        "additionalProperties": false,
    })
}

fn step(actions: &[Action]) -> Value {
    let bare = actions.iter().filter(|action| !action.needs_parameters);
    let bare: Vec<_> = bare.map(|action| action.described(json!({ "const": action.name }))).collect();
    let mut properties = Map::from_iter([
        (
            "name".to_owned(),
            json!({
                "type": ["string", "number", "boolean"],
                "description": "Unique in the stage. Defaults to the action's name.",
            }),
        ),
        ("when".to_owned(), json!({ "$ref": format!("{DEFINITIONS}when") })),
    ]);
    for action in actions {
        let reference = json!({ "$ref": format!("{DEFINITIONS}{}", action.name) });
        let parameters = match action.needs_parameters {
            true => reference,
            false => json!({ "anyOf": [reference, { "type": "null" }] }),
        };
        properties.insert(action.name.to_owned(), action.described(parameters));
    }
    let one: Vec<_> = actions.iter().map(|action| json!({ "required": [action.name] })).collect();
    json!({
        "description": "One action: its name, or a map from its name to its parameters.",
        "anyOf": [
            { "anyOf": bare },
            { "type": "object", "properties": properties, "additionalProperties": false, "oneOf": one },
        ],
    })
}

fn when() -> Value {
    json!({
        "type": ["string", "boolean", "null"],
        "description": "Runs only if this expression is true, as in `person.department == 'Research'`. A missing name makes it false.",
    })
}

fn template() -> Value {
    json!({
        "type": "string",
        "pattern": "\\{[{%]",
        "description": "A template over `person`, `manager`, `parameters`, `event`, `tenant` and `lookups`. One `{{ expression }}` alone keeps the type of its value; with other text around it, it becomes text.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_steps;

    fn accepts(file: &Value) -> bool {
        jsonschema::draft202012::new(&of(&test_steps::roster())).unwrap().is_valid(file)
    }

    fn with_steps(steps: Value) -> Value {
        json!({ "w": { "stages": [{ "name": "a", "steps": steps }] } })
    }

    #[test]
    fn right_files_are_valid() {
        let full = json!({ "w": {
            "description": "x",
            "lookups": { "a": { "b": 1 } },
            "stages": [
                { "name": "a", "when": "manager", "after": "30d", "on_failure": "continue", "steps": [] },
                { "name": "b", "at": "-2d", "after": null, "steps": [] },
            ],
        } });
        assert!(accepts(&full) && accepts(&json!({})));
        let steps = json!([
            "note",
            { "note": null, "name": "b", "when": "manager" },
            { "note": { "text": "{{ person.id }}" } },
            { "fail": { "class": "retry", "times": 2 } },
            { "fail": { "class": "{{ parameters.class }}", "times": "{{ parameters.times }}" } },
            { "copy": { "from": { "drive": "a", "folders": ["b", "{{ parameters.folder }}"] } } },
            { "copy": { "from": { "folders": "{{ parameters.folders }}" } } },
        ]);
        for step in steps.as_array().unwrap() {
            assert!(accepts(&with_steps(json!([step]))), "{step}");
        }
    }

    #[test]
    fn broken_files_are_not() {
        let files = [
            json!([]),
            json!({ "w": {} }),
            json!({ "w": { "stages": 3 } }),
            json!({ "w": { "stages": [], "stagse": [] } }),
            json!({ "w": { "stages": [{ "steps": [] }] } }),
            json!({ "w": { "stages": [{ "name": "a" }] } }),
            json!({ "w": { "stages": [{ "name": "a", "steps": [], "after": "30" }] } }),
            json!({ "w": { "stages": [{ "name": "a", "steps": [], "at": "2" }] } }),
            json!({ "w": { "stages": [{ "name": "a", "steps": [], "at": "2d", "after": "2d" }] } }),
            json!({ "w": { "stages": [{ "name": "a", "steps": [], "on_failure": "stopp" }] } }),
        ];
        for file in files {
            assert!(!accepts(&file), "{file}");
        }
        let steps = json!([
            "nota",
            "fail",
            7,
            { "note": {}, "fail": { "class": "retry" } },
            { "when": "manager" },
            { "note": { "txt": "x" } },
            { "note": { "text": 7 } },
            { "fail": {} },
            { "fail": { "class": "retri" } },
            { "fail": { "class": "retry", "times": "two" } },
            { "copy": { "from": 7 } },
        ]);
        for step in steps.as_array().unwrap() {
            assert!(!accepts(&with_steps(json!([step]))), "{step}");
        }
    }

    #[test]
    fn parts_of_one_name_that_differ_get_names_of_their_own() {
        let action = |name, part: Value| Action {
            name,
            description: None,
            needs_parameters: false,
            parameters: json!({ "$ref": "#/$defs/Part" }),
            parts: BTreeMap::from([("Part".to_owned(), part)]),
        };
        let (one, other) = (json!({ "type": "string" }), json!({ "type": "null" }));
        assert!(ambiguous(&[action("a", one.clone()), action("b", one.clone())]).is_empty());
        assert_eq!(ambiguous(&[action("a", one), action("b", other)]).len(), 1);
        let rename = |name: &str| format!("a.{name}");
        assert_eq!(renamed(json!({ "$ref": "#/$defs/Part" }), &rename), json!({ "$ref": "#/$defs/a.Part" }));
    }
}
