//! One thing wrong with a message: where, and what was expected there instead.
//!
//! The text is built from the schema alone. A value is never quoted, because it may be somebody's name; the name
//! of an unknown field is.

use std::fmt;

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::schema;

/// How many violations are listed before the rest is only counted: a quarter megabyte of unknown fields must not
/// become a result of several megabytes.
const LISTED: usize = 100;

/// Longest pointer that is repeated, in characters: field names come from outside.
pub(crate) const POINTER_CHARACTERS: usize = 200;

/// One thing wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// JSON pointer (RFC 6901) to the place, existing or missing; empty for the whole message.
    pub pointer: String,
    /// What is expected there, without the value found.
    pub message: String,
}

impl Violation {
    /// Describes what is expected at `pointer`, shortening pointers that are unreasonably long.
    pub fn new(pointer: &str, message: impl Into<String>) -> Self {
        Self { pointer: printable(pointer, POINTER_CHARACTERS), message: message.into() }
    }

    /// The same violation, seen from a document that holds this one under `prefix`.
    pub(crate) fn under(self, prefix: &str) -> Self {
        Self::new(&format!("{prefix}{}", self.pointer), self.message)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "the whole message" } else { &self.pointer };
        write!(f, "{place}: {}", self.message)
    }
}

/// At most `limit` characters of text from outside, safe to print on one line.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    let mut characters = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let mut out: String = characters.by_ref().take(limit).collect();
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

/// Appends one segment to a JSON pointer.
pub(crate) fn append(pointer: &mut String, segment: impl Iterator<Item = char>) {
    pointer.push('/');
    for character in segment {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

fn child(pointer: &str, segment: &str) -> String {
    let mut child = pointer.to_owned();
    append(&mut child, segment.chars());
    child
}

/// All violations of a document, as the validator finds them.
pub(crate) fn collect<'a>(errors: impl Iterator<Item = ValidationError<'a>>) -> Vec<Violation> {
    errors.flat_map(|error| describe(&error)).collect()
}

/// Orders violations by place, keeps the first of them and counts the others.
pub(crate) fn bounded(mut violations: Vec<Violation>) -> Vec<Violation> {
    violations.sort();
    violations.dedup();
    let more = violations.len().saturating_sub(LISTED);
    if more > 0 {
        violations.truncate(LISTED);
        violations.push(Violation::new("", format!("{more} more violations are not listed")));
    }
    violations
}

/// What one error of the validator means to the publisher.
fn describe(error: &ValidationError<'_>) -> Vec<Violation> {
    let pointer = error.instance_path().as_str();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            let message = unknown_field(error);
            unexpected.iter().map(|name| Violation::new(&child(pointer, name), message.clone())).collect()
        }
        Kind::Required { property } => {
            vec![Violation::new(&child(pointer, property.as_str().unwrap_or_default()), "is required")]
        }
        kind => vec![Violation::new(pointer, expected(error, kind))],
    }
}

/// What a single value should have been.
fn expected(error: &ValidationError<'_>, kind: &Kind) -> String {
    match kind {
        Kind::Type { kind } => wrong_type(kind, error.instance().is_null()),
        Kind::Constant { expected_value } => format!("must be {expected_value}"),
        Kind::Enum { options } => format!("must be one of {}", listed(options)),
        Kind::MinLength { .. } => "must not be empty; leave the field out when there is no value".to_owned(),
        Kind::MaxLength { limit } => format!("must be at most {limit} characters long"),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::Format { format } => wrong_format(format),
        Kind::Pattern { pattern } => example(error)
            .map_or_else(|| format!("must match {pattern}"), |example| format!("must look like {example}")),
        Kind::AnyOf { context } => format!("needs at least one of {}", alternatives(context)),
        // `not: {}` marks a field we know and refuse; its description says what to do instead.
        Kind::Not { .. } => schema::parent(error)
            .and_then(|parent| parent.get("description")?.as_str())
            .unwrap_or("is not supported")
            .to_owned(),
        other => format!("does not satisfy the schema's {}", other.keyword()),
    }
}

fn wrong_type(kind: &TypeKind, is_null: bool) -> String {
    let wanted = match kind {
        TypeKind::Single(JsonType::Array) => "an array",
        TypeKind::Single(JsonType::Boolean) => "true or false",
        TypeKind::Single(JsonType::Integer) => "a whole number",
        TypeKind::Single(JsonType::Null) => "null",
        TypeKind::Single(JsonType::Number) => "a number",
        TypeKind::Single(JsonType::Object) => "an object",
        TypeKind::Single(JsonType::String) => "a string",
        TypeKind::Multiple(_) => "of another type",
    };
    let hint = if is_null { "; leave the field out when there is no value" } else { "" };
    format!("must be {wanted}{hint}")
}

fn wrong_format(format: &str) -> String {
    match format {
        "date" => "must be a date that exists, such as \"2027-01-04\"".to_owned(),
        "date-time" => "must be an RFC 3339 time with an offset, such as \"2026-03-02T08:30:00Z\"".to_owned(),
        "email" => "must be an e-mail address, such as \"ada.lovelace@contoso.example\"".to_owned(),
        "uri-reference" => "must be a URI reference, such as \"/hr/contoso\"".to_owned(),
        "uuid" => "must be a UUID, such as \"5f0c9c5e-52a4-4d2b-9a43-6c8f4c0f1815\"".to_owned(),
        other => format!("must have the format {other}"),
    }
}

/// The text for a field the schema does not know, with those it does.
fn unknown_field(error: &ValidationError<'_>) -> String {
    let parent = schema::parent(error);
    if parent.is_some_and(|parent| parent.get("patternProperties").is_some()) {
        return "is not a legal attribute name: use lower-case letters and digits only".to_owned();
    }
    let known = parent.and_then(|parent| parent.get("properties")?.as_object());
    known.map_or_else(
        || "is not a known field".to_owned(),
        |known| {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            format!("is not a known field; known here: {}", names.join(", "))
        },
    )
}

/// The first example the schema gives for this value.
fn example(error: &ValidationError<'_>) -> Option<&'static Value> {
    schema::parent(error)?.get("examples")?.get(0)
}

fn listed(options: &Value) -> String {
    let options: Vec<String> = options.as_array().into_iter().flatten().map(Value::to_string).collect();
    options.join(", ")
}

/// The fields of which one was needed.
fn alternatives(context: &[Vec<ValidationError<'_>>]) -> String {
    let names: Vec<&str> = context
        .iter()
        .flatten()
        .filter_map(|error| match error.kind() {
            Kind::Required { property } => property.as_str(),
            _ => None,
        })
        .collect();
    names.join(", ")
}
