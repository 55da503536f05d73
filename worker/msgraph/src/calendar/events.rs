//! The events of a primary calendar: reads, deletes and cancels them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::error::Error;
use crate::http::client::{Reader, Writer};
use crate::http::json;
use crate::http::request::{Query, Write};
use crate::mail::date_time::DateTimeTimeZone;
use crate::mail::mailbox::in_mailbox;

/// Outlook's default page is ten, its largest a thousand. Attendees make a page long.
const PAGE: usize = 500;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A single event, or a series as a whole. Its times are in UTC.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Event {
    pub id: String,
    /// Whether the owner of the calendar organized the meeting. True for an appointment, too.
    pub is_organizer: Option<bool>,
    pub is_cancelled: Option<bool>,
    /// Only their number is kept.
    pub attendees: Option<Vec<IgnoredAny>>,
    /// For a series, start and end of its first occurrence.
    pub start: Option<DateTimeTimeZone>,
    pub end: Option<DateTimeTimeZone>,
    /// For a series only.
    pub recurrence: Option<Recurrence>,
}

/// The recurrence of a series, and its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct Recurrence {
    pub pattern: Option<RecurrencePattern>,
    pub range: Option<RecurrenceRange>,
}

/// How often a series recurs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct RecurrencePattern {
    /// `daily`, `weekly`, `absoluteMonthly`, `relativeMonthly`, `absoluteYearly` or `relativeYearly`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(default, deserialize_with = "json::count")]
    pub interval: Option<u64>,
}

/// The end of a series.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct RecurrenceRange {
    /// `endDate`, `noEnd` or `numbered`; only the first has a meaningful end date.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub end_date: Option<String>,
    #[serde(default, deserialize_with = "json::count")]
    pub number_of_occurrences: Option<u64>,
}

impl Event {
    /// The start and the latest end of the event; for a series, the start of the first and the end of the last
    /// occurrence. An end of `None` means that the series has none. Returns `None` if the times cannot be read.
    pub fn span(&self) -> Option<(Timestamp, Option<Timestamp>)> {
        let begin = self.start.as_ref()?.moment()?;
        let end = self.end.as_ref()?.moment()?;
        let last = match &self.recurrence {
            None => Some(end),
            Some(recurrence) => {
                recurrence.last(begin).and_then(|last| last.checked_add(end.duration_since(begin)).ok())
            }
        };
        Some((begin, last))
    }
}

impl Recurrence {
    /// The latest start of the last occurrence. Without a readable end the series has none.
    fn last(&self, first: Timestamp) -> Option<Timestamp> {
        let range = self.range.as_ref()?;
        match range.kind.as_deref()? {
            "endDate" => {
                let date: Date = range.end_date.as_deref()?.parse().ok()?;
                let end = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
                // The date is local, and the occurrence starts in the course of it.
                end.checked_add(DAY * 2).ok()
            }
            "numbered" => {
                let pattern = self.pattern.as_ref()?;
                let days: i32 = match pattern.kind.as_deref()? {
                    "daily" => 1,
                    "weekly" => 7,
                    "absoluteMonthly" | "relativeMonthly" => 31,
                    _ => 366,
                };
                // A week or a month can have several occurrences; then the series ends earlier.
                // A series without an occurrence is none; then its end is unknown.
                let occurrences = range.number_of_occurrences.filter(|number| *number > 0)?;
                let times = i32::try_from(occurrences.checked_mul(pattern.interval?.max(1))?).ok()?;
                first.checked_add(DAY * days.checked_mul(times)?).ok()
            }
            _ => None,
        }
    }
}

impl Reader<'_> {
    /// The events of a mailbox's primary calendar, a series as one; `None` if there is no mailbox, or not yet.
    pub async fn events(self, user_id: &str) -> Result<Option<Vec<Event>>, Error> {
        const PROPERTIES: [&str; 7] =
            ["id", "isOrganizer", "isCancelled", "attendees", "start", "end", "recurrence"];
        let query = Query::new(&["users", user_id, "calendar", "events"])?;
        in_mailbox(self.list(query.select(&PROPERTIES).page_size(PAGE)).await)
    }
}

impl Writer<'_> {
    /// Deletes an event, or a series with all its occurrences. If the person organized the meeting, Exchange notifies
    /// the attendees ("Delete event", Microsoft Graph documentation, 2026).
    pub async fn delete_event(self, user_id: &str, event_id: &str) -> Result<(), Error> {
        self.remove(&["users", user_id, "events", event_id]).await
    }

    /// Cancels a meeting that the person organized, and sends the attendees this note.
    ///
    /// # Errors
    ///
    /// [`is_ambiguous`](Error::is_ambiguous) when the answer is lost: look for the meeting before a retry.
    pub async fn cancel_event(self, user_id: &str, event_id: &str, note: &str) -> Result<(), Error> {
        let write = Write::post(&["users", user_id, "events", event_id, "cancel"])?;
        match self.send(write.json(&json!({ "Comment": note }))?).await {
            Err(error) if error.is_already_gone() => Ok(()),
            outcome => outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(recurrence: serde_json::Value) -> Option<(String, Option<String>)> {
        let moment = |date_time: &str| json!({ "dateTime": date_time, "timeZone": "UTC" });
        let event = json!({
            "id": "1", "recurrence": recurrence,
            "start": moment("2026-03-02T08:00:00.0000000"), "end": moment("2026-03-02T09:30:00.0000000"),
        });
        let event: Event = serde_json::from_value(event).unwrap();
        event.span().map(|(begin, end)| (begin.to_string(), end.map(|end| end.to_string())))
    }

    #[test]
    fn a_series_is_over_after_its_last_occurrence_and_never_before() {
        let series = |kind: &str, interval: i32, range: serde_json::Value| {
            let last = span(json!({ "pattern": { "type": kind, "interval": interval }, "range": range }));
            last.and_then(|(_, last)| last)
        };
        assert_eq!(
            span(json!(null)),
            Some(("2026-03-02T08:00:00Z".into(), Some("2026-03-02T09:30:00Z".into())))
        );
        let ten = json!({ "type": "numbered", "numberOfOccurrences": 10, "endDate": "0001-01-01" });
        let last = |text: &str| Some(text.to_owned());
        assert_eq!(series("daily", 1, ten.clone()), last("2026-03-12T09:30:00Z"));
        assert_eq!(series("weekly", 2, ten.clone()), last("2026-07-20T09:30:00Z"));
        assert_eq!(series("relativeMonthly", 1, ten.clone()), last("2027-01-06T09:30:00Z"));
        assert_eq!(series("absoluteYearly", 1, ten), last("2036-03-09T09:30:00Z"));
        let until = json!({ "type": "endDate", "endDate": "2026-04-30" });
        assert_eq!(series("daily", 1, until), last("2026-05-02T01:30:00Z"));
        assert_eq!(series("daily", 1, json!({ "type": "noEnd" })), None);
        assert_eq!(
            series("daily", 1, json!({ "type": "endDate", "endDate": "soon" })),
            None,
            "no end can be read"
        );
        assert_eq!(Event::default().span(), None);
    }
}
