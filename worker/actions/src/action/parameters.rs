//! How parameters are read and published where serde and schemars need help.
//!
//! A published schema accepts what the decoder accepts, as far as JSON Schema can say it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer};

/// Reads a list that means everything if it is left out. A template that gives an empty list means nothing, and one
/// that gives null is a mistake.
pub fn given<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Vec::deserialize(deserializer).map(Some)
}

/// Reads a country, if there is one: by its code in any case, or by its English name. The value is its two-letter code.
pub fn country<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    const EXPECTED: &str = "expected a country by its two-letter code (ISO 3166-1), such as GB, or by its English name; \
                            it comes from person.usage_location, else from person.country";
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let code = workflow::country_code(&text).ok_or_else(|| serde::de::Error::custom(EXPECTED))?;
    Ok(Some(code.to_owned()))
}

/// The schema of a `jiff::Timestamp`: a date, a time and an offset.
pub struct Moment;

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let seconds = "(:?[0-9]{2}(:?[0-9]{2}([.,][0-9]{1,9})?)?)?";
        let date = "([0-9]{4}|[-+][0-9]{6})-?[0-9]{2}-?[0-9]{2}";
        let pattern =
            format!("^{date}[Tt ][0-9]{{2}}{seconds}([Zz]|[-+][0-9]{{2}}{seconds})(\\[[^\\]]+\\])*$");
        json_schema!({ "type": "string", "pattern": pattern, "examples": ["2026-03-02T08:00:00Z"] })
    }
}

/// The schema of a `workflow::Delay`: a number and a unit.
pub struct DelayText;

impl JsonSchema for DelayText {
    fn schema_name() -> Cow<'static, str> {
        "DelayText".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^0*[1-9][0-9]*[smhd]$", "examples": ["90s", "3d"] })
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use jiff::Timestamp;
    use serde_json::{Value, json};
    use workflow::Delay;

    /// Whether the schema `S` and the decoder of `T` agree on each of these values, and on which they accept.
    pub fn assert_agree<S: JsonSchema, T: serde::de::DeserializeOwned>(rows: &[(Value, bool)]) {
        let schema = schemars::schema_for!(S).to_value();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for (value, is_accepted) in rows {
            assert_eq!(validator.is_valid(value), *is_accepted, "the schema of {value}: {schema}");
            assert_eq!(
                serde_json::from_value::<T>(value.clone()).is_ok(),
                *is_accepted,
                "the decoder of {value}"
            );
        }
    }

    #[derive(serde::Deserialize)]
    struct Located {
        #[serde(default, deserialize_with = "country")]
        location: Option<String>,
    }

    #[test]
    fn a_country_is_read_as_its_code_and_refused_without_quoting_it() {
        let read = |value: Value| serde_json::from_value::<Located>(json!({ "location": value }));
        for (country, code) in [("UK", "GB"), ("gb", "GB"), ("Germany", "DE")] {
            assert_eq!(read(json!(country)).unwrap().location.as_deref(), Some(code));
        }
        assert_eq!(read(json!(null)).unwrap().location, None);
        assert_eq!(serde_json::from_value::<Located>(json!({})).unwrap().location, None);
        for wrong in ["EN", "Atlantis", "", "  "] {
            let error = read(json!(wrong)).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains("person.usage_location") && !error.contains("Atlantis"), "{error}");
        }
    }

    #[test]
    fn a_moment_is_published_as_it_is_read() {
        assert_agree::<Moment, Timestamp>(&[
            (json!("2026-03-02T08:00:00Z"), true),
            (json!("2026-03-02T08:00:00.25+01:00"), true),
            (json!("2026-03-02 08:00-05"), true),
            (json!("2026-03-02T08:00:00"), false),
            (json!("2026-03-02"), false),
            (json!("tomorrow"), false),
            (json!(""), false),
            (json!(1_772_438_400), false),
            (json!(null), false),
            (json!([]), false),
        ]);
        assert_agree::<Option<Moment>, Option<Timestamp>>(&[
            (json!(null), true),
            (json!("2026-03-02T08:00:00Z"), true),
            (json!("tomorrow"), false),
        ]);
    }

    #[test]
    fn a_delay_is_published_as_it_is_read() {
        assert_agree::<DelayText, Delay>(&[
            (json!("90s"), true),
            (json!("030d"), true),
            (json!("0s"), false),
            (json!("3 days"), false),
            (json!("+3d"), false),
            (json!("d"), false),
            (json!(3), false),
            (json!(null), false),
        ]);
    }
}
