//! How many people of a department used what in a window.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::rows::column::{Cell, Column, ColumnType, Row, serialize_row};
use crate::rows::usage_app::window;
use crate::usage::apps::{App, Counts, Facet};
use crate::usage::state::{Window, WindowState};

/// How many people of a department used what in a window.
#[derive(Debug, Clone)]
pub struct UsageGroup {
    /// `None` for people without one, and for departments that are too small to be shown.
    pub(crate) department: Option<String>,
    pub(crate) smaller: u64,
    pub(crate) window: Arc<Window>,
    pub(crate) people: u64,
    pub(crate) active: Counts,
}

impl UsageGroup {
    /// The department; `None` for several small ones together.
    pub fn department(&self) -> Option<&str> {
        self.department.as_deref()
    }

    /// How many departments are in it together; zero for one by itself.
    pub fn smaller(&self) -> u64 {
        self.smaller
    }

    /// How many people are in it who have a licence for an app, or used one.
    pub fn people(&self) -> u64 {
        self.people
    }

    /// How many of them used something.
    pub fn active(&self, facet: Facet) -> u64 {
        self.active.get(facet)
    }
}

impl Row for UsageGroup {
    const KIND: &'static str = "usage_group";
    const COLUMNS: &'static [Column] = &[
        Column::new(
            "group",
            ColumnType::Text,
            "Department, `(none)`, or `(smaller)` for those too small to be shown",
        ),
        Column::new("smaller", ColumnType::Number, "How many departments are together in `(smaller)`"),
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
            "People of the department who have a licence for an app, or used one",
        ),
        Column::new(
            "active",
            ColumnType::Number,
            "Those who used any app, Teams among them; null, like all that follow, where no day could be read",
        ),
        Column::new("suite", ColumnType::Number, "Those who used any app but Teams"),
        Column::new("outlook", ColumnType::Number, "Those who used Outlook"),
        Column::new("word", ColumnType::Number, "Those who used Word"),
        Column::new("excel", ColumnType::Number, "Those who used Excel"),
        Column::new("powerpoint", ColumnType::Number, "Those who used PowerPoint"),
        Column::new("onenote", ColumnType::Number, "Those who used OneNote"),
        Column::new("teams", ColumnType::Number, "Those who used Teams"),
    ];

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        let number = |number: u64| Cell::number(i64::try_from(number).ok());
        let name = match &self.department {
            Some(name) => name.as_str(),
            None if self.smaller > 0 => "(smaller)",
            None => "(none)",
        };
        put(Cell::Text(name));
        put(number(self.smaller));
        window::cells(&self.window, put);
        put(number(self.people));
        // Nobody who was not looked at is called inactive.
        let is_told = self.window.state != WindowState::Unavailable;
        let apps = App::ALL.into_iter().map(Facet::of);
        for facet in [Facet::anything(), Facet::suite()].into_iter().chain(apps) {
            put(if is_told { number(self.active.get(facet)) } else { Cell::Null });
        }
    }
}

impl Serialize for UsageGroup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_row(self, serializer)
    }
}
