//! The words for values and types in errors: those of somebody who writes YAML.

use jsonschema::JsonType;
use jsonschema::error::TypeKind;
use serde_json::Value;

/// Longest text that an error quotes, in characters.
const QUOTED: usize = 60;

/// What stands there.
pub(super) fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(value) => format!("the number {value}"),
        Value::String(text) => {
            let line: String =
                text.chars().take(QUOTED).map(|c| if c.is_control() { ' ' } else { c }).collect();
            let end = if text.chars().nth(QUOTED).is_some() { "…" } else { "" };
            format!("the text `{line}{end}`")
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Object(fields) if fields.is_empty() => "an empty map".to_owned(),
        Value::Object(fields) => map_with(fields.keys().map(String::as_str)),
    }
}

/// A map by the names in it.
pub(super) fn map_with<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "a map".to_owned() } else { format!("a map with {}", names.join(", ")) }
}

/// A value that is expected as it is.
pub(super) fn exactly(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

/// The types that are expected. "Nothing" comes last: it is what authors need least.
pub(super) fn types(kind: &TypeKind) -> Vec<String> {
    let mut types = match kind {
        TypeKind::Single(kind) => vec![*kind],
        TypeKind::Multiple(kinds) => kinds.iter().collect(),
    };
    types.sort_by_key(|kind| *kind == JsonType::Null);
    types.into_iter().map(|kind| word(kind).to_owned()).collect()
}

fn word(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a map",
        JsonType::String => "text",
    }
}

/// `a`, `a or b`, `a, b or c`, each once.
pub(super) fn any_of(words: &[String]) -> String {
    let mut once: Vec<&str> = Vec::new();
    for word in words {
        if !once.contains(&word.as_str()) {
            once.push(word);
        }
    }
    match once.split_last() {
        None => "another value".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}
