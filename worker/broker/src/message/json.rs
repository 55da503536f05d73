//! Headers and properties as JSON, so that a message can leave the broker and come back the same.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value as Json, json};

use super::{
    Properties,
    headers::{Headers, Value},
};

/// How deep headers may be nested that come back.
const DEEPEST: usize = 16;

/// Headers as JSON. What JSON has no kind of its own for is an object with one field that says what it is.
pub(crate) fn of_headers(headers: &Headers) -> Map<String, Json> {
    headers.iter().map(|(name, value)| (name.to_owned(), of_value(value))).collect()
}

/// The headers; nothing if they are none.
pub(crate) fn to_headers(json: &Map<String, Json>) -> Option<Headers> {
    let entries = json.iter().map(|(name, value)| Some((name.clone(), to_value(value, 0)?)));
    entries.collect::<Option<Vec<_>>>().map(Headers::of)
}

/// Properties as JSON.
pub(crate) fn of_properties(properties: &Properties) -> Map<String, Json> {
    let mut json = Map::new();
    for (name, value) in texts(&mut properties.clone()) {
        json.extend(value.take().map(|value| (name.to_owned(), value.into())));
    }
    json.extend(properties.timestamp.map(|at| ("timestamp".to_owned(), at.to_string().into())));
    json
}

/// The properties; nothing if they are none.
pub(crate) fn to_properties(json: &Map<String, Json>) -> Option<Properties> {
    let mut properties = Properties::default();
    for (name, value) in json {
        let text = value.as_str()?.to_owned();
        if name == "timestamp" {
            properties.timestamp = Some(text.parse().ok()?);
            continue;
        }
        let (_, place) = texts(&mut properties).into_iter().find(|(known, _)| known == name)?;
        *place = Some(text);
    }
    Some(properties)
}

fn texts(properties: &mut Properties) -> [(&'static str, &mut Option<String>); 7] {
    let Properties {
        content_type,
        content_encoding,
        message_id,
        correlation_id,
        kind,
        reply_to,
        app_id,
        timestamp: _,
    } = properties;
    [
        ("content_type", content_type),
        ("content_encoding", content_encoding),
        ("message_id", message_id),
        ("correlation_id", correlation_id),
        ("type", kind),
        ("reply_to", reply_to),
        ("app_id", app_id),
    ]
}

fn of_value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Text(value) => json!(value),
        Value::List(values) => values.iter().map(of_value).collect(),
        Value::Float(value) => json!({ "float": value.to_string() }),
        Value::Bytes(value) => json!({ "base64": STANDARD.encode(value) }),
        Value::Time(value) => json!({ "time": value }),
        Value::Table(values) => {
            let values: Map<_, _> =
                values.iter().map(|(name, value)| (name.clone(), of_value(value))).collect();
            json!({ "table": values })
        }
    }
}

fn to_value(json: &Json, depth: usize) -> Option<Value> {
    if depth > DEEPEST {
        return None;
    }
    let inner = |json: &Json| to_value(json, depth.saturating_add(1));
    Some(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(value) => Value::Int(value.as_i64()?),
        Json::String(value) => Value::Text(value.clone()),
        Json::Array(values) => Value::List(values.iter().map(inner).collect::<Option<_>>()?),
        Json::Object(fields) => {
            let (kind, value) = fields.iter().next().filter(|_| fields.len() == 1)?;
            match kind.as_str() {
                "float" => Value::Float(value.as_str()?.parse().ok()?),
                "base64" => Value::Bytes(STANDARD.decode(value.as_str()?).ok()?),
                "time" => Value::Time(value.as_u64()?),
                "table" => {
                    let entries = value.as_object()?.iter();
                    let entries = entries.map(|(name, value)| Some((name.clone(), inner(value)?)));
                    Value::Table(entries.collect::<Option<_>>()?)
                }
                _ => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (-1e9..1e9).prop_map(Value::Float),
            "\\PC{0,12}".prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..12).prop_map(Value::Bytes),
            any::<u64>().prop_map(Value::Time),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                proptest::collection::btree_map("[a-z]{1,6}", inner, 0..4).prop_map(Value::Table),
            ]
        })
    }

    proptest! {
        #[test]
        fn headers_come_back_the_same(headers in proptest::collection::vec(("[a-z-]{1,9}", value()), 0..5)) {
            let headers = Headers::of(headers);
            prop_assert_eq!(to_headers(&of_headers(&headers)), Some(headers));
        }

        #[test]
        fn properties_come_back_the_same(
            texts in proptest::collection::vec(proptest::option::of("\\PC{0,12}"), 7),
            seconds in proptest::option::of(0_i64..4_102_444_800),
        ) {
            let mut properties = Properties {
                timestamp: seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()),
                ..Properties::default()
            };
            for ((_, place), text) in super::texts(&mut properties).into_iter().zip(texts) {
                *place = text;
            }
            prop_assert_eq!(to_properties(&of_properties(&properties)), Some(properties));
        }
    }

    #[test]
    fn what_is_no_header_or_property_is_refused() {
        let object = |json: Json| json.as_object().cloned().unwrap();
        for nonsense in [json!({ "a": 1.5 }), json!({ "a": {} }), json!({ "a": { "base64": "?" } })] {
            assert_eq!(to_headers(&object(nonsense)), None);
        }
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert_eq!(to_headers(&object(json!({ "a": deep }))), None);
        for nonsense in [json!({ "mood": "good" }), json!({ "type": 1 }), json!({ "timestamp": "soon" })] {
            assert_eq!(to_properties(&object(nonsense)), None);
        }
    }
}
