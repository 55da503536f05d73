//! A day of the apps report: how many people used what, and how good the figures are.

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::rows::column::{Cell, Column, ColumnType, Row, serialize_row};
use crate::usage::apps::{App, Counts, Facet};
use crate::usage::reported::Reported;
use crate::usage::state::MissingWhy;

/// A day of the apps report.
#[derive(Debug, Clone)]
pub struct UsageDay {
    pub(crate) date: Date,
    /// What was read, or why there is nothing to read.
    pub(crate) figures: Result<DayFigures, MissingWhy>,
    pub(crate) reported: Reported,
}

/// The figures of a day that was read.
#[derive(Debug, Clone)]
pub(crate) struct DayFigures {
    pub(crate) refresh_date: Date,
    pub(crate) rows: u64,
    pub(crate) nameless: u64,
    pub(crate) concealed: bool,
    /// People with a name or a pseudonym, and those without.
    pub(crate) named: Counts,
    pub(crate) nameless_use: Counts,
}

impl DayFigures {
    fn get(&self, facet: Facet) -> u64 {
        self.named.get(facet).saturating_add(self.nameless_use.get(facet))
    }
}

impl UsageDay {
    /// How many people used something; `None` for a day that is missing.
    pub fn people(&self, facet: Facet) -> Option<u64> {
        let figures = self.figures.as_ref().ok()?;
        // Where names are concealed, Microsoft's own count comes first.
        let app = App::ALL.into_iter().zip(self.reported.apps).find(|(app, _)| Facet::of(*app) == facet);
        let reported = app.and_then(|(_, count)| count).filter(|_| figures.concealed);
        Some(reported.unwrap_or_else(|| figures.get(facet)))
    }

    /// The day.
    pub fn date(&self) -> Date {
        self.date
    }

    /// Where rows and Microsoft's own counts differ.
    pub fn cross_check(&self) -> Option<String> {
        let figures = self.figures.as_ref().ok()?;
        let differ = App::ALL.into_iter().zip(self.reported.apps).filter_map(|(app, reported)| {
            let (counted, reported) = (figures.get(Facet::of(app)), reported?);
            (counted != reported)
                .then(|| format!("{} {counted} in rows, {reported} by Microsoft", app.name()))
        });
        let differ: Vec<_> = differ.collect();
        (!differ.is_empty()).then(|| differ.join("; "))
    }
}

impl Row for UsageDay {
    const KIND: &'static str = "usage_day";
    const COLUMNS: &'static [Column] = &[
        Column::new("date", ColumnType::Text, "The day, in UTC"),
        Column::new(
            "state",
            ColumnType::OneOf(&["read", "missing"]),
            "`missing`: there is no report of the day, which is not a day without use",
        ),
        Column::new("why", ColumnType::Text, "Why it is missing: `no_rows`, `refused` or `not_yet`"),
        Column::new("refresh_date", ColumnType::Text, "The day on which Microsoft made the figures"),
        Column::new("concealed", ColumnType::Flag, "Whether Microsoft conceals names"),
        Column::new("rows", ColumnType::Number, "Rows of the report, those of inactive people among them"),
        Column::new(
            "nameless",
            ColumnType::Number,
            "People called `(Unknown)`, or by an empty name, who used something: they cannot be told apart",
        ),
        Column::new("people", ColumnType::Number, "People who used any app, Teams among them"),
        Column::new(
            "suite",
            ColumnType::Number,
            "People who used Outlook, Word, Excel, PowerPoint or OneNote, each once",
        ),
        Column::new("outlook", ColumnType::Number, "People who used Outlook"),
        Column::new("word", ColumnType::Number, "People who used Word"),
        Column::new("excel", ColumnType::Number, "People who used Excel"),
        Column::new("powerpoint", ColumnType::Number, "People who used PowerPoint"),
        Column::new("onenote", ColumnType::Number, "People who used OneNote"),
        Column::new("teams", ColumnType::Number, "People who used Teams"),
        Column::new("suite_windows", ColumnType::Number, "People who used the suite on Windows"),
        Column::new("suite_mac", ColumnType::Number, "People who used the suite on a Mac"),
        Column::new("suite_mobile", ColumnType::Number, "People who used the suite on a phone or tablet"),
        Column::new("suite_web", ColumnType::Number, "People who used the suite in a browser"),
        Column::new("reported_outlook", ColumnType::Number, "The same by Microsoft's own count"),
        Column::new("reported_word", ColumnType::Number, "The same by Microsoft's own count"),
        Column::new("reported_excel", ColumnType::Number, "The same by Microsoft's own count"),
        Column::new("reported_powerpoint", ColumnType::Number, "The same by Microsoft's own count"),
        Column::new("reported_onenote", ColumnType::Number, "The same by Microsoft's own count"),
        Column::new("reported_teams", ColumnType::Number, "The same by Microsoft's own count"),
        Column::new(
            "reported_windows",
            ColumnType::Number,
            "People on Windows by Microsoft's own count, Teams included",
        ),
        Column::new("reported_mac", ColumnType::Number, "The same on a Mac"),
        Column::new("reported_mobile", ColumnType::Number, "The same on a phone or tablet"),
        Column::new("reported_web", ColumnType::Number, "The same in a browser"),
        Column::new("cross_check", ColumnType::Text, "Where rows and Microsoft's own count differ"),
        Column::new(
            "mark",
            ColumnType::Text,
            "Microsoft's own counts in one text: send it back in `have`, and the day is read again if they changed",
        ),
    ];

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        let figures = self.figures.as_ref();
        let number = |number: Option<u64>| Cell::number(number.and_then(|number| i64::try_from(number).ok()));
        put(Cell::Text(&self.date.to_string()));
        put(Cell::Text(if figures.is_ok() { "read" } else { "missing" }));
        put(Cell::text(figures.err().map(|why| why.code())));
        put(Cell::text(figures.ok().map(|figures| figures.refresh_date.to_string()).as_deref()));
        put(figures.map_or(Cell::Null, |figures| Cell::Flag(figures.concealed)));
        put(number(figures.ok().map(|figures| figures.rows)));
        put(number(figures.ok().map(|figures| figures.nameless)));
        let apps = App::ALL.into_iter().map(Facet::of);
        let places = ["windows", "mac", "mobile", "web"].map(|place| Facet::suite().at(place));
        for facet in [Facet::anything(), Facet::suite()].into_iter().chain(apps).chain(places) {
            put(number(self.people(facet)));
        }
        for reported in self.reported.apps.into_iter().chain(self.reported.platforms) {
            put(number(reported));
        }
        put(Cell::text(self.cross_check().as_deref()));
        put(Cell::text(self.reported.mark().as_deref()));
    }
}

impl Serialize for UsageDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_row(self, serializer)
    }
}
