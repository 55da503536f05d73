//! The events of a primary calendar: appointments, meetings, and series of either.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::DateTime;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::series::starts;
use super::zone::{Zone, text};
use crate::http::query::project;
use crate::tenant::ids::opaque;

/// The properties that `$select` may name.
pub(crate) const PROPERTIES: &[&str] = &[
    "attendees",
    "end",
    "id",
    "isCancelled",
    "isOrganizer",
    "organizer",
    "originalEndTimeZone",
    "originalStart",
    "originalStartTimeZone",
    "recurrence",
    "seriesMasterId",
    "start",
    "subject",
    "type",
];

/// What the state of a tenant has of an event.
pub(crate) const KEPT: &[&str] = &[
    "attendees",
    "deletedOccurrences",
    "end",
    "exceptions",
    "id",
    "isCancelled",
    "isOrganizer",
    "organizer",
    "recurrence",
    "start",
    "subject",
    "type",
];

/// How an occurrence's start stands in its id.
const STAMP: &str = "%Y%m%dT%H%M%S";

/// An event in a user's primary calendar. Its times are UTC without a zone, like `2026-03-02T08:00:00`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Event {
    #[serde(skip)]
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) start: String,
    pub(crate) end: String,
    /// The addresses of the attendees; with any, it is a meeting.
    pub(crate) attendees: Vec<String>,
    /// The organizer of the meeting, if not the calendar's owner.
    pub(crate) organizer: Option<String>,
    pub(crate) is_cancelled: bool,
    /// Exchange does not call it off: an invited address is no good any more.
    pub(crate) not_called_off: bool,
    /// In Graph's words; with one, it is a series.
    pub(crate) recurrence: Option<Value>,
    /// The occurrences of a series that differ from it.
    pub(crate) exceptions: Vec<Exception>,
    /// The occurrences of a series that are no more, by their starts in the series.
    pub(crate) deleted_occurrences: Vec<String>,
    /// The zone in which it was made.
    pub(crate) time_zone: Option<String>,
    /// What it is an occurrence of.
    #[serde(skip)]
    pub(crate) part: Option<Part>,
}

/// An occurrence that differs from its series.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Exception {
    /// Its start in the series.
    pub(crate) original_start: String,
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) subject: Option<String>,
}

/// The place of an occurrence in its series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) series: String,
    /// Its start in the series.
    pub(crate) original_start: String,
    is_exception: bool,
}

impl Event {
    /// An appointment of the person's own.
    #[must_use]
    pub fn new(subject: &str, start: &str, end: &str) -> Self {
        let [subject, start, end] = [subject, start, end].map(str::to_owned);
        Self { subject, start, end, ..Self::default() }
    }

    /// Adds an attendee.
    #[must_use]
    pub fn with(mut self, attendee: &str) -> Self {
        self.attendees.push(attendee.to_owned());
        self
    }

    /// Makes Exchange refuse to call it off, as it does where an invited address is no good any more
    /// (jamesiarmes/php-ews issue 465, 2017-10-26; Graph's code is in msgraph-sdk-php issue 280, 2020-03-17).
    #[must_use]
    pub fn not_called_off(mut self) -> Self {
        self.not_called_off = true;
        self
    }

    /// Makes it a meeting that another person organizes.
    #[must_use]
    pub fn called_by(mut self, organizer: &str) -> Self {
        self.organizer = Some(organizer.to_owned());
        self
    }

    /// Makes it a series, with a recurrence in Graph's words.
    #[must_use]
    pub fn recurring(mut self, recurrence: Value) -> Self {
        self.recurrence = Some(recurrence);
        self
    }

    /// Moves one occurrence of the series.
    #[must_use]
    pub fn moved(mut self, original_start: &str, start: &str, end: &str) -> Self {
        let [original_start, start, end] = [original_start, start, end].map(str::to_owned);
        self.exceptions.push(Exception { original_start, start, end, subject: None });
        self
    }

    /// What of it happens in a window of time: itself, or occurrences of a series.
    pub(crate) fn within(&self, first: DateTime, last: DateTime) -> Vec<Self> {
        let overlaps = |event: &Self| {
            let pair = at(&event.start).zip(at(&event.end));
            pair.is_some_and(|(start, end)| start < last && end > first)
        };
        let all = if self.recurrence.is_some() { self.occurrences(last) } else { vec![self.clone()] };
        all.into_iter().filter(overlaps).collect()
    }

    /// The occurrences of a series that start before a moment, and all that were moved.
    fn occurrences(&self, last: DateTime) -> Vec<Self> {
        let (Some(recurrence), Some((start, end))) = (&self.recurrence, at(&self.start).zip(at(&self.end)))
        else {
            return Vec::new();
        };
        let length = end.duration_since(start);
        let is_moved = |original: &str| self.exceptions.iter().any(|moved| moved.original_start == original);
        let is_deleted = |original: &str| self.deleted_occurrences.iter().any(|gone| gone == original);
        let regular = starts(recurrence, start, last).into_iter().filter_map(|start| {
            let (original, end) = (text(start), text(start.checked_add(length).ok()?));
            (!is_moved(&original)).then(|| self.occurrence(original.clone(), (original, end), None))
        });
        let moved = self.exceptions.iter().map(|moved| {
            let times = (moved.start.clone(), moved.end.clone());
            self.occurrence(moved.original_start.clone(), times, Some(moved))
        });
        let is_left =
            |event: &Self| !event.part.as_ref().is_some_and(|part| is_deleted(&part.original_start));
        regular.chain(moved).filter(is_left).collect()
    }

    fn occurrence(
        &self,
        original_start: String,
        (start, end): (String, String),
        moved: Option<&Exception>,
    ) -> Self {
        let stamp = at(&original_start).map(|start| start.strftime(STAMP).to_string()).unwrap_or_default();
        let subject = moved.and_then(|moved| moved.subject.clone());
        Self {
            id: format!("{}-{stamp}=", self.id.trim_end_matches('=')),
            subject: subject.unwrap_or_else(|| self.subject.clone()),
            start,
            end,
            recurrence: None,
            exceptions: Vec::new(),
            deleted_occurrences: Vec::new(),
            part: Some(Part { series: self.id.clone(), original_start, is_exception: moved.is_some() }),
            ..self.clone()
        }
    }

    /// The chosen properties of it, in the calendar of the user with this address, with times of this zone.
    pub(crate) fn shown(&self, names: &[&str], holder: &str, zone: &Zone) -> Map<String, Value> {
        project(names, |name| match name {
            "start" => Some(zone.shown(&self.start)),
            "end" => Some(zone.shown(&self.end)),
            _ => self.property(name, holder),
        })
    }

    /// How many attendees are notified when the calendar's owner cancels it.
    pub(crate) fn told(&self) -> usize {
        if self.organizer.is_some() || self.is_cancelled { 0 } else { self.attendees.len() }
    }

    /// `event`, in the calendar of the user with this address.
    pub(crate) fn property(&self, name: &str, holder: &str) -> Option<Value> {
        let person = |address: &str| json!({ "emailAddress": { "address": address, "name": address } });
        let zone = || self.time_zone.as_deref().unwrap_or("UTC");
        Some(match name {
            "attendees" => self.attendees.iter().map(|address| person(address)).collect(),
            "deletedOccurrences" if self.deleted_occurrences.is_empty() => return None,
            "deletedOccurrences" => json!(self.deleted_occurrences),
            "end" => Zone::utc().shown(&self.end),
            "exceptions" if self.exceptions.is_empty() => return None,
            "exceptions" => {
                let shown =
                    |moved: &Exception| json!([moved.original_start, moved.start, moved.end, moved.subject]);
                self.exceptions.iter().map(shown).collect()
            }
            "id" => json!(self.id),
            "isCancelled" => json!(self.is_cancelled),
            "isOrganizer" => json!(self.organizer.is_none()),
            "organizer" => person(self.organizer.as_deref().unwrap_or(holder)),
            "originalEndTimeZone" | "originalStartTimeZone" => json!(zone()),
            // Only of an occurrence ("event resource type", 2025).
            "originalStart" => json!(format!("{}Z", self.part.as_ref()?.original_start)),
            "recurrence" => json!(self.recurrence),
            "seriesMasterId" => json!(self.part.as_ref().map(|part| &part.series)),
            "start" => Zone::utc().shown(&self.start),
            "subject" => json!(self.subject),
            "type" => json!(match &self.part {
                Some(part) if part.is_exception => "exception",
                Some(_) => "occurrence",
                None if self.recurrence.is_some() => "seriesMaster",
                None => "singleInstance",
            }),
            _ => return None,
        })
    }
}

fn at(moment: &str) -> Option<DateTime> {
    moment.parse().ok()
}

/// Events by id, shared between copies until one changes: there can be ten thousand.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "Vec<Event>")]
pub(crate) struct Events(Arc<BTreeMap<String, Event>>);

impl From<Vec<Event>> for Events {
    fn from(events: Vec<Event>) -> Self {
        let mut all = Self::default();
        for event in events {
            all.add(event);
        }
        all
    }
}

impl Events {
    /// Adds an event under a free id, and returns the id.
    pub(crate) fn add(&mut self, event: Event) -> String {
        let mut number = self.0.len();
        let mut id = opaque("event", &number.to_string());
        while self.0.contains_key(&id) {
            number += 1;
            id = opaque("event", &number.to_string());
        }
        Arc::make_mut(&mut self.0).insert(id.clone(), Event { id: id.clone(), ..event });
        id
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Event> {
        self.0.get(id)
    }

    /// The event with this id, or the occurrence of a series.
    pub(crate) fn find(&self, id: &str) -> Option<Event> {
        if let Some(event) = self.get(id) {
            return Some(event.clone());
        }
        let (series, stamp) = id.trim_end_matches('=').rsplit_once('-')?;
        let start = DateTime::strptime(STAMP, stamp).ok()?;
        let series = self.get(&format!("{series}="))?;
        series.occurrences(start.tomorrow().ok()?).into_iter().find(|event| event.id == id)
    }

    /// Removes an event, a series with all its occurrences, or one occurrence.
    pub(crate) fn remove(&mut self, event: &Event) {
        let events = Arc::make_mut(&mut self.0);
        match &event.part {
            None => {
                events.remove(&event.id);
            }
            Some(part) => {
                let series = events.get_mut(&part.series);
                series
                    .into_iter()
                    .for_each(|series| series.deleted_occurrences.push(part.original_start.clone()));
            }
        }
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Event> {
        self.0.values()
    }
}
