//! The events of a primary calendar: appointments, meetings, and series of either.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::tenant::ids::opaque;

/// The properties that `$select` may name.
pub(crate) const PROPERTIES: &[&str] = &[
    "attendees",
    "end",
    "id",
    "isCancelled",
    "isOrganizer",
    "organizer",
    "recurrence",
    "start",
    "subject",
    "type",
];

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

    /// How many attendees are notified when the calendar's owner cancels it.
    pub(crate) fn told(&self) -> usize {
        if self.organizer.is_some() || self.is_cancelled { 0 } else { self.attendees.len() }
    }

    /// `event`, in the calendar of the user with this address.
    pub(crate) fn property(&self, name: &str, holder: &str) -> Option<Value> {
        let person = |address: &str| json!({ "emailAddress": { "address": address, "name": address } });
        let moment = |moment: &str| json!({ "dateTime": format!("{moment}.0000000"), "timeZone": "UTC" });
        Some(match name {
            "attendees" => self.attendees.iter().map(|address| person(address)).collect(),
            "end" => moment(&self.end),
            "id" => json!(self.id),
            "isCancelled" => json!(self.is_cancelled),
            "isOrganizer" => json!(self.organizer.is_none()),
            "organizer" => person(self.organizer.as_deref().unwrap_or(holder)),
            "recurrence" => json!(self.recurrence),
            "start" => moment(&self.start),
            "subject" => json!(self.subject),
            "type" => json!(if self.recurrence.is_some() { "seriesMaster" } else { "singleInstance" }),
            _ => return None,
        })
    }
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

    pub(crate) fn remove(&mut self, id: &str) {
        Arc::make_mut(&mut self.0).remove(id);
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Event> {
        self.0.values()
    }
}
