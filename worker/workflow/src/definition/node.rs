//! A workflow file as a tree in which every value knows its place.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Location, Spanned};

use super::mistake::{At, Mistake};
use super::yaml;

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Content {
    /// Text, a number, true, false or nothing.
    Scalar {
        value: Value,
        /// As it is written, without quotes.
        text: String,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// It cannot be used, and a mistake says why: it causes no other mistake.
    Broken,
}

/// A name in a map, with its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) at: At,
    pub(super) value: Node,
}

impl Node {
    /// Reads a file. A file that is not YAML is one mistake and has no tree.
    pub(super) fn of(source: &str, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let options = serde_saphyr::options! {
            with_snippet: false,
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
        };
        match serde_saphyr::from_str_with_options::<Spanned<Raw>>(source, options) {
            Ok(raw) => Some(Builder { source, mistakes }.node(raw)),
            Err(error) => {
                mistakes.push(yaml::mistake(&error, source));
                None
            }
        }
    }

    /// The value without places; nothing in place of what is broken.
    pub(super) fn to_value(&self) -> Value {
        match &self.content {
            Content::Scalar { value, .. } => value.clone(),
            Content::List(items) => items.iter().map(Self::to_value).collect(),
            Content::Map(entries) => Value::Object(to_map(entries)),
            Content::Broken => Value::Null,
        }
    }

    /// Whether nothing is written here.
    pub(super) fn is_null(&self) -> bool {
        matches!(self.content, Content::Scalar { value: Value::Null, .. })
    }
}

/// A map without places.
pub(super) fn to_map(entries: &[Entry]) -> Map<String, Value> {
    entries.iter().map(|entry| (entry.name.clone(), entry.value.to_value())).collect()
}

/// The tree as the YAML library reads it: names can be of any type and can be repeated.
enum Raw {
    Scalar(Value),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<Self>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

/// Turns what the library has read into nodes.
struct Builder<'a> {
    source: &'a str,
    mistakes: &'a mut Vec<Mistake>,
}

impl Builder<'_> {
    fn node(&mut self, raw: Spanned<Raw>) -> Node {
        // Where a value is defined, not where an alias repeats it: that is where the author changes it.
        let place = raw.defined;
        let content = match raw.value {
            Raw::Scalar(value) => Content::Scalar { text: self.text(&value, &place), value },
            Raw::List(items) => Content::List(items.into_iter().map(|item| self.node(item)).collect()),
            Raw::Map(entries) => self.map(&place, entries),
        };
        Node { at: at(&place), content }
    }

    fn map(&mut self, place: &Location, raw: Vec<(Spanned<Raw>, Spanned<Raw>)>) -> Content {
        let mut entries: Vec<Entry> = Vec::new();
        for (key, value) in raw {
            let key_at = at(&key.defined);
            let name = match key.value {
                Raw::Scalar(Value::Null) => {
                    self.mistakes.push(Mistake::new(key_at, "expected a name before the `:`"));
                    continue;
                }
                Raw::Scalar(value) => self.text(&value, &key.defined),
                Raw::List(_) | Raw::Map(_) => {
                    let is_template = self.after(place).is_some_and(|text| text.starts_with("{{"));
                    let problem = if is_template { yaml::UNQUOTED_TEMPLATE } else { "a name must be text" };
                    self.mistakes.push(Mistake::new(at(place), problem));
                    return Content::Broken;
                }
            };
            match entries.iter().find(|entry| entry.name == name) {
                Some(first) => {
                    let line = first.at.line;
                    let problem = format!("`{name}` is already given in line {line}; remove one of the two");
                    self.mistakes.push(Mistake::new(key_at, problem));
                }
                None => entries.push(Entry { name, at: key_at, value: self.node(value) }),
            }
        }
        Content::Map(entries)
    }

    /// A number or a truth value as the author wrote it: `name: 007` names a stage `007`.
    fn text(&self, value: &Value, place: &Location) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => {
                let length = place.span().byte_len().and_then(|length| usize::try_from(length).ok());
                let written = length.and_then(|length| self.after(place)?.get(..length));
                written.map_or_else(|| other.to_string(), |text| text.trim().to_owned())
            }
        }
    }

    /// The file from a place on.
    fn after(&self, place: &Location) -> Option<&str> {
        let offset = usize::try_from(place.span().byte_offset()?).ok()?;
        self.source.get(offset..)
    }
}

fn at(place: &Location) -> At {
    // A place that the library does not know is line 0.
    At { line: place.line().max(1), column: place.column().max(1) }
}

pub(super) fn start() -> At {
    At { line: 1, column: 1 }
}

/// The place of an error of the library.
pub(super) fn at_or_start(place: Option<Location>) -> At {
    place.as_ref().map_or_else(start, at)
}
