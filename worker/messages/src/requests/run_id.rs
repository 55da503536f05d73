//! The id of a run.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The namespace of all UUIDs made here: `UUIDv5(URL, "https://gatehouse.example/")`.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x1ca0_d852_2b28_5578_97e8_5649_0598_7535);

/// The largest whole number that every JSON reader keeps.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// The id of the run an event starts: UUIDv5 in [`NAMESPACE`] of the text `<n>:<source><id>:<digest>`, where `<n>` is
/// the length of the source in bytes (UTF-8), in decimal, and `<digest>` is that of [`content_digest`].
///
/// So a repeat of an event is the same run, whatever its time and however it travels, and two requests that were given
/// one id by mistake are two. The length keeps apart pairs that read the same when written one after the other.
pub(crate) fn run_id(source: &str, id: &str, digest: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{}:{source}{id}:{digest}", source.len()).as_bytes())
}

/// The id that versions before 2026-11-29 gave the run of an event. A run that began with it keeps it.
pub(crate) fn former_run_id(source: &str, id: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{}:{source}{id}", source.len()).as_bytes())
}

/// SHA-256, in hexadecimal digits, of what an event asks for: its data, tenant and type as JSON in one canonical form.
///
/// The form is `{"data":…,"tenant":…,"type":…}` without white space, `null` for what is absent, the names of every
/// object sorted by their UTF-8 bytes, characters escaped only where JSON requires it, and a number that is whole
/// written without fraction and exponent.
pub(crate) fn content_digest(event: &Map<String, Value>) -> String {
    let mut text = String::new();
    for (start, name) in [("{", "data"), (",", "tenant"), (",", "type")] {
        text.push_str(start);
        write_text(name, &mut text);
        text.push(':');
        write_canonical(event.get(name).unwrap_or(&Value::Null), &mut text);
    }
    text.push('}');
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Recurses as deep as the value is nested; the parser limits that depth.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => write_number(number, text),
        Value::String(string) => write_text(string, text),
        Value::Array(values) => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                write_canonical(value, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| name.as_str());
            text.push('{');
            for (index, (name, value)) in fields.into_iter().enumerate() {
                text.push_str(if index == 0 { "" } else { "," });
                write_text(name, text);
                text.push(':');
                write_canonical(value, text);
            }
            text.push('}');
        }
    }
}

fn write_text(string: &str, text: &mut String) {
    text.push_str(&Value::from(string).to_string());
}

fn write_number(number: &Number, text: &mut String) {
    let whole = number.as_f64().filter(|value| number.is_f64() && value.fract() == 0.0);
    match whole.filter(|value| value.abs() < LARGEST_WHOLE) {
        // Writing to a string cannot fail. Adding zero turns a negative zero into zero.
        Some(value) => drop(write!(text, "{:.0}", value + 0.0)),
        None => drop(write!(text, "{number}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;
    use serde_json::json;

    proptest! {
        #[test]
        fn different_events_start_different_runs(a: (String, String), b: (String, String), cut: Index) {
            let run = |(source, id): &(String, String)| run_id(source, id, "");
            prop_assert_eq!(a == b, run(&a) == run(&b));
            // The same text, cut at another place.
            let text: Vec<char> = format!("{}{}", a.0, a.1).chars().collect();
            let (source, id) = text.split_at(cut.index(text.len() + 1));
            let other = (source.iter().collect::<String>(), id.iter().collect::<String>());
            prop_assert_eq!(a == other, run(&a) == run(&other));
        }
    }

    fn digest(event: &str) -> String {
        content_digest(serde_json::from_str::<Value>(event).unwrap().as_object().unwrap())
    }

    #[test]
    fn encoding_time_and_order_of_fields_do_not_count() {
        let event = r#"{"type":"t","data":{"a":[1,2.5,"ä"],"b":{"d":100,"c":null}},"time":"then","id":"1"}"#;
        let same = r#"{ "id": "2", "data": { "b": { "c": null, "d": 1e2 }, "a": [1.0, 25e-1, "\u00e4"] },
            "tenant": null, "type": "t" }"#;
        assert_eq!(digest(event), digest(same));
    }

    #[test]
    fn everything_that_is_asked_for_counts() {
        let event = json!({ "type": "t", "tenant": "c", "data": { "a": [1, -0.0, 1e300], "b": "x" } });
        let changed = [
            ("/type", json!("u")),
            ("/tenant", Value::Null),
            ("/data/a/0", json!(2)),
            ("/data/a/2", json!(1e301)),
            ("/data/b", json!("X")),
            ("/data/b", json!(["x"])),
        ];
        let digest = |event: &Value| content_digest(event.as_object().unwrap());
        for (pointer, value) in changed {
            let mut other = event.clone();
            *other.pointer_mut(pointer).unwrap() = value;
            assert_ne!(digest(&event), digest(&other), "{pointer}");
        }
    }
}
