//! Message headers, with nine kinds of value instead of AMQP's eighteen.
//!
//! Headers that start with `x-` belong to the broker, which writes them and reads some of them back. A
//! message that carries an old `x-death` into a delay is dropped or stuck there (RabbitMQ 3.10.8, measured
//! 2026-11-21). `CC` and `BCC` hold further routing keys, by which the broker would route a copy into queues that the
//! copy is not for. So a received message has [`Headers`] and an outgoing one has [`OwnHeaders`], which cannot hold
//! such a name.

use std::collections::BTreeMap;

use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::Error;

/// Headers and properties of a message have to fit into one frame, which has 32 kB on a publishing connection.
/// A larger message closes the whole connection (RabbitMQ 3.10.8, measured 2026-11-21).
const LIMIT_BYTES: usize = 28 * 1024;

/// How much of the received headers a copy carries; they came in a frame four times as large. The rest is
/// reserved for the worker's own headers.
const LIMIT_COPY_BYTES: usize = 24 * 1024;

/// The header that counts the headers that did not fit into a copy.
const DROPPED: OwnName = OwnName::new("gatehouse-headers-dropped");

/// The value of a header.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number of any width.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// UTF-8 text.
    Text(String),
    /// Bytes that are not text.
    Bytes(Vec<u8>),
    /// A point in time, in seconds since 1970.
    Time(u64),
    /// Several values.
    List(Vec<Value>),
    /// Named values.
    Table(BTreeMap<String, Value>),
}

/// The headers of a received message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Headers(BTreeMap<String, Value>);

/// The headers of an outgoing message; none of them belongs to the broker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnHeaders(BTreeMap<String, Value>);

impl Headers {
    /// The value of a header, if present.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The value of a header, if it is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a header as a number. Clients differ in the width they send, so any width is accepted, and
    /// digits in a text.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Int(number) => Some(*number),
            Value::Time(seconds) => i64::try_from(*seconds).ok(),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// These headers.
    pub(crate) fn of(headers: impl IntoIterator<Item = (String, Value)>) -> Self {
        Self(headers.into_iter().collect())
    }

    pub(crate) fn remove(&mut self, name: OwnName) {
        self.0.remove(name.0);
    }

    /// Sets one of the worker's own headers.
    pub(crate) fn put(&mut self, name: OwnName, value: Value) {
        self.0.insert(name.0.to_owned(), value);
    }

    /// Removes every header whose name does not qualify.
    pub(crate) fn retain(&mut self, qualifies: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| qualifies(name));
    }

    /// Every header, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The headers that may be sent on: all that do not belong to the broker. If they do not fit into a frame
    /// together with the worker's own, the largest are dropped and counted, so that no message has headers too
    /// large to set it aside.
    #[must_use]
    pub fn own(&self) -> OwnHeaders {
        let own = self.0.iter().filter(|(name, _)| !is_brokers(name));
        let mut own = OwnHeaders(own.map(|(name, value)| (name.clone(), value.clone())).collect());
        let mut sizes: Vec<_> = own.0.iter().map(|(name, value)| (size(name, value), name.clone())).collect();
        sizes.sort_unstable();
        let mut total = own.size();
        let mut dropped = 0_u32;
        while let Some((size, name)) = sizes.pop().filter(|_| total > LIMIT_COPY_BYTES) {
            own.0.remove(&name);
            total = total.saturating_sub(size);
            dropped = dropped.saturating_add(1);
        }
        if dropped > 0 {
            own.put(DROPPED, dropped.into());
        }
        own
    }

    /// One header of a received message, if it is text. The others are not read.
    pub(crate) fn text_on_wire(table: &FieldTable, name: OwnName) -> Option<String> {
        match table.inner().get(name.0)? {
            AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok(),
            AMQPValue::ShortString(text) => Some(text.to_string()),
            _ => None,
        }
    }

    pub(crate) fn from_wire(table: Option<&FieldTable>) -> Self {
        let entries = table.into_iter().flat_map(FieldTable::inner);
        Self(entries.map(|(name, value)| (name.to_string(), Value::from_wire(value))).collect())
    }
}

impl OwnHeaders {
    /// Sets one of the worker's own headers.
    pub(crate) fn put(&mut self, name: OwnName, value: Value) {
        self.0.insert(name.0.to_owned(), value);
    }

    /// Whether one of the worker's own headers is there.
    pub(crate) fn has(&self, name: OwnName) -> bool {
        self.0.contains_key(name.0)
    }

    /// The value of one of the worker's own headers, if it is text.
    pub(crate) fn text(&self, name: OwnName) -> Option<&str> {
        self.0.get(name.0).and_then(Value::as_text)
    }

    pub(crate) fn remove(&mut self, name: OwnName) {
        self.0.remove(name.0);
    }

    /// Removes every header whose name starts with `prefix`.
    pub(crate) fn remove_all(&mut self, prefix: &str) {
        self.0.retain(|name, _| !name.starts_with(prefix));
    }

    fn size(&self) -> usize {
        self.0.iter().map(|(name, value)| size(name, value)).sum()
    }

    /// # Errors
    /// When the headers together are too large for a frame.
    pub(crate) fn to_wire(&self) -> Result<FieldTable, Error> {
        let size = self.size();
        if size > LIMIT_BYTES {
            return Err(Error::invalid(format!(
                "the headers take {size} bytes, the limit is {LIMIT_BYTES}; move long values into the body"
            )));
        }
        to_table(&self.0)
    }
}

/// The name of one of the worker's own headers, checked at compile time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnName(&'static str);

impl OwnName {
    pub(crate) const fn new(name: &'static str) -> Self {
        assert!(name.is_ascii() && !name.is_empty() && name.len() <= 255, "not a header name");
        assert!(!matches!(name.as_bytes().first(), Some(b'x' | b'X')), "belongs to the broker");
        Self(name)
    }

    pub(crate) const fn as_str(self) -> &'static str {
        self.0
    }
}

fn size(name: &str, value: &Value) -> usize {
    name.len().saturating_add(value.size())
}

fn is_brokers(name: &str) -> bool {
    let routes = ["CC", "BCC"].iter().any(|routes| name.eq_ignore_ascii_case(routes));
    routes || name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"))
}

impl Value {
    /// The text, if the value is text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn size(&self) -> usize {
        let content = match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Int(_) | Self::Float(_) | Self::Time(_) => 8,
            Self::Text(text) => text.len().saturating_add(4),
            Self::Bytes(bytes) => bytes.len().saturating_add(4),
            Self::List(values) => values.iter().map(Self::size).sum::<usize>().saturating_add(4),
            Self::Table(values) => {
                let entries = values
                    .iter()
                    .map(|(name, value)| name.len().saturating_add(1).saturating_add(value.size()));
                entries.sum::<usize>().saturating_add(4)
            }
        };
        content.saturating_add(2)
    }

    /// Recurses as deep as the value is nested; `session/sanitize.rs` limits that depth.
    fn from_wire(value: &AMQPValue) -> Self {
        match value {
            AMQPValue::Void => Self::Null,
            AMQPValue::Boolean(value) => Self::Bool(*value),
            AMQPValue::ShortShortInt(value) => Self::Int((*value).into()),
            AMQPValue::ShortShortUInt(value) => Self::Int((*value).into()),
            AMQPValue::ShortInt(value) => Self::Int((*value).into()),
            AMQPValue::ShortUInt(value) => Self::Int((*value).into()),
            AMQPValue::LongInt(value) => Self::Int((*value).into()),
            AMQPValue::LongUInt(value) => Self::Int((*value).into()),
            AMQPValue::LongLongInt(value) => Self::Int(*value),
            AMQPValue::Float(value) => Self::Float((*value).into()),
            AMQPValue::Double(value) => Self::Float(*value),
            AMQPValue::DecimalValue(value) => {
                Self::Float(f64::from(value.value) / 10_f64.powi(i32::from(value.scale)))
            }
            AMQPValue::ShortString(value) => Self::Text(value.to_string()),
            AMQPValue::LongString(value) => bytes_or_text(value.as_bytes()),
            AMQPValue::ByteArray(value) => Self::Bytes(value.as_slice().to_vec()),
            AMQPValue::Timestamp(value) => Self::Time(*value),
            AMQPValue::FieldArray(values) => {
                Self::List(values.as_slice().iter().map(Self::from_wire).collect())
            }
            AMQPValue::FieldTable(values) => {
                let entries = values.inner().iter();
                Self::Table(entries.map(|(name, value)| (name.to_string(), Self::from_wire(value))).collect())
            }
        }
    }

    fn to_wire(&self) -> Result<AMQPValue, Error> {
        Ok(match self {
            Self::Null => AMQPValue::Void,
            Self::Bool(value) => AMQPValue::Boolean(*value),
            Self::Int(value) => AMQPValue::LongLongInt(*value),
            Self::Float(value) => AMQPValue::Double(*value),
            Self::Text(value) => AMQPValue::LongString(value.as_str().into()),
            Self::Bytes(value) => AMQPValue::ByteArray(value.as_slice().into()),
            Self::Time(value) => AMQPValue::Timestamp(*value),
            Self::List(values) => {
                let values: Result<Vec<AMQPValue>, Error> = values.iter().map(Self::to_wire).collect();
                AMQPValue::FieldArray(values?.into())
            }
            Self::Table(values) => AMQPValue::FieldTable(to_table(values)?),
        })
    }
}

fn bytes_or_text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => Value::Bytes(bytes.to_vec()),
    }
}

fn to_table(values: &BTreeMap<String, Value>) -> Result<FieldTable, Error> {
    let mut table = FieldTable::default();
    for (name, value) in values {
        let name = ShortString::try_new(name.as_str())
            .map_err(|_| Error::invalid("a header's name is longer than 255 bytes; shorten it"))?;
        table.insert(name, value.to_wire()?);
    }
    Ok(table)
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
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
            (-1e300..1e300_f64).prop_map(Value::Float),
            "\\PC{0,40}".prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
            any::<u64>().prop_map(Value::Time),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                proptest::collection::btree_map("[a-z]{1,8}", inner, 0..4).prop_map(Value::Table),
            ]
        })
    }

    proptest! {
        #[test]
        fn headers_arrive_as_they_were_sent(values in proptest::collection::btree_map("[a-wyz][a-z-]{3,20}", value(), 0..6)) {
            let sent = OwnHeaders(values.clone());
            prop_assume!(sent.to_wire().is_ok());
            let arrived = Headers::from_wire(Some(&sent.to_wire().unwrap()));
            prop_assert_eq!(&arrived.0, &values);
            prop_assert_eq!(arrived.own(), sent);
        }

        #[test]
        fn no_name_of_the_brokers_leaves(name in "[xX]-[a-zA-Z-]{0,20}|B?CC|cc") {
            let arrived = Headers(BTreeMap::from([(name, Value::Null), ("kept".to_owned(), Value::Int(1))]));
            prop_assert_eq!(arrived.own().0.into_keys().collect::<Vec<_>>(), vec!["kept".to_owned()]);
        }
    }

    #[test]
    fn a_number_is_a_number_at_any_width() {
        let widths: [AMQPValue; 8] = [
            AMQPValue::ShortShortInt(7),
            AMQPValue::ShortShortUInt(7),
            AMQPValue::ShortInt(7),
            AMQPValue::ShortUInt(7),
            AMQPValue::LongInt(7),
            AMQPValue::LongUInt(7),
            AMQPValue::LongLongInt(7),
            AMQPValue::Timestamp(7),
        ];
        for width in widths {
            let mut table = FieldTable::default();
            table.insert("n".into(), width.clone());
            assert_eq!(Headers::from_wire(Some(&table)).int("n"), Some(7), "{width:?}");
        }
    }

    #[test]
    fn the_largest_headers_are_dropped_from_a_copy_that_is_too_large() {
        let text = |bytes| Value::Text("a".repeat(bytes));
        let fits = Headers(BTreeMap::from([("note".to_owned(), text(20_000)), ("kept".to_owned(), text(2))]));
        assert_eq!(fits.own().0, fits.0);
        let names = ["one", "two", "three", "four"];
        let large = names.into_iter().zip([15_000, 10, 15_000, 15_000]);
        let large = Headers(large.map(|(name, bytes)| (name.to_owned(), text(bytes))).collect());
        let own = large.own();
        assert_eq!(own.0.get("gatehouse-headers-dropped"), Some(&Value::Int(2)));
        assert_eq!((own.0.get("two"), own.0.len()), (Some(&text(10)), 3));
        assert!(own.to_wire().is_ok());
    }

    #[test]
    fn headers_too_large_for_a_frame_are_refused() {
        let mut own = OwnHeaders::default();
        own.put(DROPPED, Value::Text("a".repeat(LIMIT_BYTES)));
        assert!(own.to_wire().unwrap_err().is_invalid());
    }
}
