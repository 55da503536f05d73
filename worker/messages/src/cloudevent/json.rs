//! Bytes to JSON, with the reason when they are none.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::undecodable::Reason;
use super::violation::{POINTER_CHARACTERS, Violation, append};

/// How many arrays and objects a publisher may nest. Well below the parser's own limit of 128, because what is accepted
/// is later wrapped in a continuation and must be readable there.
const DEPTH: usize = 64;

/// Parses a message of our own: UTF-8 holding one JSON value.
pub(crate) fn parse(body: &[u8]) -> Result<Value, Reason> {
    serde_json::from_str(text(body)?).map_err(|error| not_json(&error))
}

/// Parses a publisher's message and names every field that is given twice or nested too deeply.
///
/// JSON leaves open which of the two counts, so a program that read the message before may have seen the other one.
pub(crate) fn parse_strictly(body: &[u8]) -> Result<(Value, Vec<Violation>), Reason> {
    let mut reader = serde_json::Deserializer::from_str(text(body)?);
    let mut violations = Vec::new();
    let value = Strict { place: &Place::Top, violations: &mut violations }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| not_json(&error))?;
    Ok((value, violations))
}

/// The text of a body, with or without a byte order mark (PowerShell writes one).
fn text(body: &[u8]) -> Result<&str, Reason> {
    let text = std::str::from_utf8(body).map_err(|_| Reason::NotUtf8)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Where the text stops being JSON. The error's own words are dropped on purpose: they may quote the body.
fn not_json(error: &serde_json::Error) -> Reason {
    Reason::NotJson { line: error.line(), column: error.column() }
}

/// Where a value stands. Written out only for a violation, and then no longer than one is printed: a long name
/// with many fields below it must not cost its length for each of them.
enum Place<'a> {
    Top,
    Field(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn depth(&self) -> usize {
        let mut place = self;
        let mut depth = 0;
        while let Place::Field(outer, _) | Place::Item(outer, _) = place {
            place = outer;
            depth += 1;
        }
        depth
    }

    fn pointer(&self) -> String {
        let mut inner = self;
        let mut places = Vec::new();
        while let Place::Field(outer, _) | Place::Item(outer, _) = inner {
            places.push(inner);
            inner = outer;
        }
        let mut pointer = String::new();
        for place in places.into_iter().rev() {
            match place {
                Place::Field(_, name) => append(&mut pointer, name.chars().take(POINTER_CHARACTERS + 1)),
                Place::Item(_, index) => append(&mut pointer, index.to_string().chars()),
                Place::Top => {}
            }
        }
        pointer
    }
}

/// Reads the value at `place`.
struct Strict<'a> {
    place: &'a Place<'a>,
    violations: &'a mut Vec<Violation>,
}

impl Strict<'_> {
    /// Whether an array or object may stand here; a violation if not.
    fn too_deep(&mut self) -> bool {
        let too_deep = self.place.depth() >= DEPTH;
        if too_deep {
            let message = format!("is nested too deeply; at most {DEPTH} levels");
            self.violations.push(Violation::new(&self.place.pointer(), message));
        }
        too_deep
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        if self.too_deep() {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Value::Null);
        }
        let mut array = Vec::new();
        loop {
            let place = Place::Item(self.place, array.len());
            let next = Strict { place: &place, violations: &mut *self.violations };
            match items.next_element_seed(next)? {
                Some(item) => array.push(item),
                None => return Ok(Value::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<Value, A::Error> {
        if self.too_deep() {
            while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::Null);
        }
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let place = Place::Field(self.place, &name);
            let next = Strict { place: &place, violations: &mut *self.violations };
            let value = fields.next_value_seed(next)?;
            if object.contains_key(&name) {
                self.violations.push(Violation::new(&place.pointer(), "is given twice"));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}
