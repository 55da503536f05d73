//! On how many days of a window a person used what.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::rows::column::{Cell, Column, ColumnType, Row, serialize_row};
use crate::rows::usage_app::window;
use crate::usage::apps::{App, Use};
use crate::usage::state::Window;

/// On how many days of a window a person used what.
#[derive(Debug, Clone)]
pub struct UsagePerson<'a> {
    pub(crate) person: Cow<'a, str>,
    pub(crate) user_id: Option<Cow<'a, str>>,
    pub(crate) display_name: Option<Cow<'a, str>>,
    pub(crate) department: Option<Cow<'a, str>>,
    pub(crate) found_by: FoundBy,
    pub(crate) window: Arc<Window>,
    pub(crate) days: DaysUsed,
    pub(crate) licensed_for: Vec<&'static str>,
    pub(crate) verdict: Verdict,
    pub(crate) reasons: Vec<Cow<'static, str>>,
}

/// How the person of a report was found in the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FoundBy {
    Name,
    /// The report has a former name, which is still an address of the person.
    Alias,
    Deleted,
    Nothing,
    Pseudonym,
}

/// Whether a person used anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Active,
    Inactive,
    Unknown,
}

/// On how many days somebody used what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DaysUsed {
    pub(crate) apps: [u8; App::ALL.len()],
    pub(crate) suite: u8,
    pub(crate) last: Option<Date>,
}

impl DaysUsed {
    pub(crate) fn of(uses: impl Iterator<Item = (Date, Use)>) -> Self {
        let mut days = Self::default();
        for (date, one) in uses {
            for (count, app) in days.apps.iter_mut().zip(App::ALL) {
                *count = count.saturating_add(one.has(app).into());
            }
            days.suite = days.suite.saturating_add(one.has_suite().into());
            days.last = days.last.max(Some(date));
        }
        days
    }

    pub(crate) fn used(&self, app: App) -> bool {
        self.apps.get(app as usize).is_some_and(|days| *days > 0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// The sum over the apps of the suite.
    fn app_days(&self) -> i64 {
        self.apps.iter().take(App::Teams as usize).map(|days| i64::from(*days)).sum()
    }
}

impl FoundBy {
    fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Alias => "alias",
            Self::Deleted => "deleted",
            Self::Nothing => "nothing",
            Self::Pseudonym => "pseudonym",
        }
    }
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Unknown => "unknown",
        }
    }
}

impl Row for UsagePerson<'_> {
    const KIND: &'static str = "usage_person";
    const COLUMNS: &'static [Column] = &[
        Column::new(
            "person",
            ColumnType::Text,
            "Name to sign in with, in small letters; a pseudonym if Microsoft conceals names, or if pseudonyms were asked \
             for",
        ),
        Column::new("user_id", ColumnType::Text, "Object id of the account; null if it was not found"),
        Column::new("display_name", ColumnType::Text, "Full name"),
        Column::new("department", ColumnType::Text, "Department"),
        Column::new(
            "found_by",
            ColumnType::OneOf(&["name", "alias", "deleted", "nothing", "pseudonym"]),
            "How the person was found in the directory: `alias`: the report has a former name; `deleted`: the account is \
             deleted; `nothing`: nobody has the name",
        ),
        window::LENGTH,
        window::FROM,
        window::TO,
        window::COUNTED,
        window::EXPECTED,
        window::REFRESHED,
        window::STATE,
        Column::new("outlook_days", ColumnType::Number, "Days on which Outlook was used"),
        Column::new("word_days", ColumnType::Number, "Days on which Word was used"),
        Column::new("excel_days", ColumnType::Number, "Days on which Excel was used"),
        Column::new("powerpoint_days", ColumnType::Number, "Days on which PowerPoint was used"),
        Column::new("onenote_days", ColumnType::Number, "Days on which OneNote was used"),
        Column::new("teams_days", ColumnType::Number, "Days on which Teams was used"),
        Column::new("suite_days", ColumnType::Number, "Days on which any app but Teams was used, each once"),
        Column::new("app_days", ColumnType::Number, "The sum of the days of these five apps"),
        Column::new("last_used", ColumnType::Text, "Last day of use in the window"),
        Column::new("licensed_for", ColumnType::Texts, "Apps that the person has a licence for"),
        Column::new(
            "use",
            ColumnType::OneOf(&["active", "inactive", "unknown"]),
            "`inactive`: licensed for the whole of a complete window and used nothing; `unknown`: used nothing, and \
             `reasons` says why that proves nothing",
        ),
        Column::new("reasons", ColumnType::Texts, "Why the use is unknown"),
    ];

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        put(Cell::Text(&self.person));
        put(Cell::text(self.user_id.as_deref()));
        put(Cell::text(self.display_name.as_deref()));
        put(Cell::text(self.department.as_deref()));
        put(Cell::Text(self.found_by.as_str()));
        window::cells(&self.window, put);
        for days in self.days.apps.into_iter().chain([self.days.suite]) {
            put(Cell::Number(days.into()));
        }
        put(Cell::Number(self.days.app_days()));
        put(Cell::text(self.days.last.map(|date| date.to_string()).as_deref()));
        put(Cell::Names(&self.licensed_for));
        put(Cell::Text(self.verdict.as_str()));
        put(Cell::Texts(&self.reasons));
    }
}

impl Serialize for UsagePerson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_row(self, serializer)
    }
}
