//! Reads JSON that Graph writes in more than one way. A field that cannot be what it should be is absent: no answer is
//! refused for one figure in it.

use std::fmt;

use jiff::Timestamp;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads a list that Graph also writes as `null`, for an object that may not be read.
pub(crate) fn null_as_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads an object that Graph also writes as `null`.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads a number that cannot be negative: a size, a count. Any other value is none.
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(number(deserializer)?.and_then(|number| u64::try_from(number).ok()))
}

/// Reads a whole number, which may be negative. Any other value is none.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(Whole)
}

/// Reads a moment. One that cannot be read is none.
pub(crate) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    deserializer.deserialize_any(Moment)
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E>(self, number: i64) -> Result<Option<i64>, E> {
        Ok(Some(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Option<i64>, E> {
        Ok(Some(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Option<i64>, E> {
        Ok(number.is_finite().then_some(number as i64))
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<i64>, E> {
        Ok(text.parse().ok())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<i64>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<i64>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<i64>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<i64>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

struct Moment;

impl<'de> Visitor<'de> for Moment {
    type Value = Option<Timestamp>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a moment")
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<Timestamp>, E> {
        Ok(text.parse().ok())
    }

    fn visit_unit<E>(self) -> Result<Option<Timestamp>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<Timestamp>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<Timestamp>, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        #[serde(default, deserialize_with = "count")]
        size: Option<u64>,
        #[serde(default, deserialize_with = "number")]
        left: Option<i64>,
        #[serde(default, deserialize_with = "moment")]
        at: Option<Timestamp>,
        #[serde(default, deserialize_with = "null_as_empty")]
        list: Vec<String>,
        #[serde(default, deserialize_with = "null_as_default")]
        inner: Inner,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Inner {
        name: Option<String>,
    }

    #[test]
    fn what_cannot_be_is_absent_and_the_rest_is_read() {
        let row = |json: &str| serde_json::from_str::<Row>(json).unwrap();
        let both = row(r#"{ "size": 5, "left": -5 }"#);
        assert_eq!((both.size, both.left), (Some(5), Some(-5)));
        for absent in ["-1", "null", "\"some\"", "true", "[1]", "{ \"a\": 1 }"] {
            assert_eq!(row(&format!("{{ \"size\": {absent} }}")).size, None, "{absent}");
        }
        assert_eq!(row(r#"{ "size": 1.5e3, "left": 18446744073709551615 }"#).size, Some(1_500));
        assert_eq!(row(r#"{ "size": "42" }"#).size, Some(42));
        for absent in ["null", "\"soon\"", "-1", "7"] {
            assert_eq!(row(&format!("{{ \"at\": {absent} }}")).at, None, "{absent}");
        }
        assert!(row(r#"{ "at": "2026-03-02T08:00:00Z" }"#).at.is_some());
        let nothing = row(r#"{ "list": null, "inner": null }"#);
        assert_eq!(nothing, row("{}"));
    }
}
