//! The columns of a row. One list of them makes the JSON object, the line of a CSV file and the schema.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use uuid::Uuid;

/// A column of a kind of row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name, the same in JSON and CSV.
    pub name: &'static str,
    /// What it holds.
    pub holds: ColumnType,
    /// What it means.
    pub about: &'static str,
}

/// What a column holds. Every column but the first can also be `null`, and absent where nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Text.
    Text,
    /// A moment in RFC 3339.
    Moment,
    /// Yes or no.
    Flag,
    /// A whole number.
    Number,
    /// A list of texts.
    Texts,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// What a row has in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing is known, or nothing is said. JSON leaves it out.
    Absent,
    /// It is empty.
    Null,
    /// Text.
    Text(&'a str),
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A list of texts.
    Texts(&'a [Cow<'a, str>]),
    /// A list of ids.
    Ids(&'a [Uuid]),
    /// A list of names that this crate gives.
    Names(&'a [&'static str]),
}

/// A row: one flat object.
pub trait Row {
    /// The name of its kind.
    const KIND: &'static str;
    /// Its columns. The first is the id.
    const COLUMNS: &'static [Column];

    /// Hands over the cell of each column, in their order.
    fn cells(&self, put: &mut dyn FnMut(Cell<'_>));
}

/// A row of any kind.
pub trait AnyRow: Serialize {
    /// The name of its kind.
    fn kind(&self) -> &'static str;

    /// Hands over the cell of each column of its kind, in their order.
    fn cells(&self, put: &mut dyn FnMut(Cell<'_>));
}

impl<R: Row + Serialize> AnyRow for R {
    fn kind(&self) -> &'static str {
        R::KIND
    }

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        Row::cells(self, put);
    }
}

impl Column {
    pub(crate) const fn new(name: &'static str, holds: ColumnType, about: &'static str) -> Self {
        Self { name, holds, about }
    }
}

impl<'a> Cell<'a> {
    /// The text, or `Null`.
    pub(crate) fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }

    /// The number, or `Null`.
    pub(crate) fn number(number: Option<i64>) -> Self {
        number.map_or(Self::Null, Self::Number)
    }
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent | Self::Null => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Texts(texts) => texts.serialize(serializer),
            Self::Ids(ids) => ids.serialize(serializer),
            Self::Names(names) => names.serialize(serializer),
        }
    }
}

/// Serializes a row as one flat object, its kind first.
pub(crate) fn serialize_row<R: Row, S: Serializer>(row: &R, serializer: S) -> Result<S::Ok, S::Error> {
    let mut object = serializer.serialize_map(None)?;
    object.serialize_entry("kind", R::KIND)?;
    let mut columns = R::COLUMNS.iter();
    let mut written = Ok(());
    row.cells(&mut |cell| {
        let column = columns.next();
        if let (Ok(()), Some(column), true) = (&written, column, cell != Cell::Absent) {
            written = object.serialize_entry(column.name, &cell);
        }
    });
    written?;
    object.end()
}
