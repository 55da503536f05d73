//! How many people used an app in a window.

use std::sync::Arc;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::rows::column::{Cell, Column, ColumnType, Row, serialize_row};
use crate::usage::apps::Facet;
use crate::usage::state::{Window, WindowState};

/// How many people used an app in a window.
#[derive(Debug, Clone)]
pub struct UsageApp {
    pub(crate) facet: Facet,
    pub(crate) window: Arc<Window>,
    /// `None` where no day could be read.
    pub(crate) figures: Option<(u64, u64)>,
}

impl UsageApp {
    /// What is counted.
    pub fn facet(&self) -> Facet {
        self.facet
    }

    /// The days it is about.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// How many people, each once; `None` where no day could be read.
    pub fn people(&self) -> Option<u64> {
        self.figures.map(|(people, _)| people)
    }
}

/// The columns of a window, and their cells.
pub(crate) mod window {
    use super::{Cell, Column, ColumnType, Date, Window, WindowState};

    pub(crate) const LENGTH: Column = Column::new(
        "window_days",
        ColumnType::Number,
        "How many days were asked for, up to the last one with figures",
    );
    pub(crate) const FROM: Column = Column::new("from", ColumnType::Text, "The first day, in UTC");
    pub(crate) const TO: Column = Column::new("to", ColumnType::Text, "The last day");
    pub(crate) const COUNTED: Column =
        Column::new("days_counted", ColumnType::Number, "Days whose report was read");
    pub(crate) const EXPECTED: Column =
        Column::new("days_expected", ColumnType::Number, "Days from the first to the last");
    pub(crate) const REFRESHED: Column = Column::new(
        "refresh_date",
        ColumnType::Text,
        "The day on which Microsoft made the oldest of the figures",
    );
    pub(crate) const STATE: Column = Column::new(
        "window_state",
        ColumnType::OneOf(WindowState::WORDS),
        "`complete`: every day was read; `partial`: some day is missing; `concealed`: names are pseudonyms; \
         `unavailable`: no day could be read",
    );

    pub(crate) fn cells(window: &Window, put: &mut dyn FnMut(Cell<'_>)) {
        let date = |date: Option<Date>| date.map(|date| date.to_string());
        put(Cell::Number(window.length.into()));
        put(Cell::text(date(window.from).as_deref()));
        put(Cell::text(date(window.to).as_deref()));
        put(Cell::number(i64::try_from(window.counted()).ok()));
        put(Cell::number(i64::try_from(window.expected).ok()));
        put(Cell::text(date(window.refresh_date).as_deref()));
        put(Cell::Text(window.state.as_str()));
    }
}

impl Row for UsageApp {
    const KIND: &'static str = "usage_app";
    const COLUMNS: &'static [Column] = &[
        Column::new(
            "app",
            ColumnType::OneOf(Facet::APPS),
            "`suite`: Outlook, Word, Excel, PowerPoint and OneNote together; `any`: these and Teams",
        ),
        Column::new(
            "platform",
            ColumnType::OneOf(Facet::PLATFORMS),
            "`desktop`: Windows or Mac; `unknown`: the report does not say",
        ),
        window::LENGTH,
        window::FROM,
        window::TO,
        window::COUNTED,
        window::EXPECTED,
        window::REFRESHED,
        window::STATE,
        Column::new(
            "people",
            ColumnType::Number,
            "People who used it on any of the days, each once; people called `(Unknown)` are not among them",
        ),
        Column::new("person_days", ColumnType::Number, "Days of use, each day of each person once"),
    ];

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        let number = |number: Option<u64>| Cell::number(number.and_then(|number| i64::try_from(number).ok()));
        put(Cell::Text(self.facet.app_word()));
        put(Cell::Text(self.facet.place_word()));
        window::cells(&self.window, put);
        put(number(self.people()));
        put(number(self.figures.map(|(_, days)| days)));
    }
}

impl Serialize for UsageApp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_row(self, serializer)
    }
}
