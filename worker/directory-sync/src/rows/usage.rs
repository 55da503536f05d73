//! What a person used on a day.

use std::borrow::Cow;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::rows::column::{Cell, Column, ColumnType, Row, serialize_row};
use crate::usage::apps::{App, Use};

/// What a person used on a day.
#[derive(Debug, Clone)]
pub struct Usage<'a> {
    pub(crate) person: Cow<'a, str>,
    pub(crate) date: Date,
    pub(crate) refresh_date: Option<Date>,
    pub(crate) concealed: bool,
    pub(crate) used: Use,
}

/// What the column of an app says.
const WHERE: &str = "Where the app was used: `windows`, `mac`, `mobile`, `web`, or `unknown` if the report does not say; \
                     empty if it was not";

impl Row for Usage<'_> {
    const KIND: &'static str = "usage";
    const COLUMNS: &'static [Column] = &[
        Column::new(
            "person",
            ColumnType::Text,
            "Name to sign in with, in small letters, as the report of the day has it; a pseudonym if `concealed`, or if \
             pseudonyms were asked for",
        ),
        Column::new("date", ColumnType::Text, "The day, in UTC"),
        Column::new("refresh_date", ColumnType::Text, "The day on which Microsoft made the figures"),
        Column::new(
            "concealed",
            ColumnType::Flag,
            "Whether Microsoft conceals names: then `person` is a pseudonym that is the same on every day",
        ),
        Column::new("outlook", ColumnType::Texts, WHERE),
        Column::new("word", ColumnType::Texts, WHERE),
        Column::new("excel", ColumnType::Texts, WHERE),
        Column::new("powerpoint", ColumnType::Texts, WHERE),
        Column::new("onenote", ColumnType::Texts, WHERE),
        Column::new("teams", ColumnType::Texts, WHERE),
    ];

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        put(Cell::Text(&self.person));
        put(Cell::Text(&self.date.to_string()));
        put(Cell::text(self.refresh_date.map(|date| date.to_string()).as_deref()));
        put(Cell::Flag(self.concealed));
        for app in App::ALL {
            put(Cell::Names(self.used.platforms(app)));
        }
    }
}

impl Serialize for Usage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_row(self, serializer)
    }
}
