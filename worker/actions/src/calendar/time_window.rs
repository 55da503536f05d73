//! A time window, and which events of a calendar are in it.

use jiff::{SignedDuration, Timestamp};
use msgraph::Event;

use crate::Error;

/// A time window. A missing bound is open.
pub struct TimeWindow {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl TimeWindow {
    /// From a moment until another, or for a number of days.
    ///
    /// # Errors
    ///
    /// `invalid_window`: both `until` and `days`, or an empty window.
    pub fn of(from: Option<Timestamp>, until: Option<Timestamp>, days: Option<u32>) -> Result<Self, Error> {
        let refused =
            |detail: &str| Err(Error::rejected(&["from", "until", "days"], "invalid_window", detail));
        let until = match (from, until, days) {
            (_, until, None) => until,
            (Some(from), None, Some(days)) => Some(later(from, days)),
            _ => {
                return refused("`days` needs `from` and replaces `until`; remove one of them");
            }
        };
        if from.zip(until).is_some_and(|(from, until)| until <= from) {
            return refused("the window ends before it begins; swap `from` and `until`");
        }
        Ok(Self { from, until })
    }

    /// Whether an event is in it, at least in part. An event without a time is only in the window without bounds.
    pub fn has(&self, event: &Event) -> bool {
        let is_endless = self.from.is_none() && self.until.is_none();
        is_endless
            || event.span().is_some_and(|(begin, end)| {
                self.until.is_none_or(|until| begin < until)
                    && self.from.is_none_or(|from| end.is_none_or(|end| from < end))
            })
    }
}

fn later(from: Timestamp, days: u32) -> Timestamp {
    let days = SignedDuration::from_hours(24).checked_mul(i32::try_from(days).unwrap_or(i32::MAX));
    days.and_then(|days| from.checked_add(days).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use msgraph::{DateTimeTimeZone, Recurrence, RecurrenceRange};

    fn moment(text: &str) -> Option<Timestamp> {
        Some(text.parse().unwrap())
    }

    /// An hour in the morning.
    fn event(day: &str) -> Event {
        let at = |hour: &str| moment(&format!("{day}T{hour}:00:00Z")).map(DateTimeTimeZone::utc);
        Event { start: at("08"), end: at("09"), ..Event::default() }
    }

    #[test]
    fn a_window_holds_events_that_are_in_it_in_part() {
        let held = |from: Option<&str>, until: Option<&str>, days: Option<u32>| {
            let window = TimeWindow::of(from.and_then(moment), until.and_then(moment), days).unwrap();
            ["2026-03-01", "2026-03-02", "2026-03-03"].map(|day| window.has(&event(day)))
        };
        assert_eq!(held(None, None, None), [true, true, true]);
        assert_eq!(held(Some("2026-03-02T08:30:00Z"), None, None), [false, true, true]);
        assert_eq!(held(Some("2026-03-02T09:00:00Z"), None, None), [false, false, true]);
        assert_eq!(held(None, Some("2026-03-02T08:00:00Z"), None), [true, false, false]);
        assert_eq!(held(Some("2026-03-02T00:00:00Z"), None, Some(1)), [false, true, false]);
        assert_eq!(held(Some("2026-03-02T00:00:00Z"), None, Some(u32::MAX)), [false, true, true]);
    }

    #[test]
    fn a_series_is_in_a_window_while_it_lasts() {
        let series = |end_date: Option<&str>| {
            let kind = if end_date.is_some() { "endDate" } else { "noEnd" };
            let range = RecurrenceRange {
                kind: Some(kind.into()),
                end_date: end_date.map(str::to_owned),
                ..RecurrenceRange::default()
            };
            let recurrence = Some(Recurrence { pattern: None, range: Some(range) });
            Event { recurrence, ..event("2020-03-02") }
        };
        let window = TimeWindow::of(moment("2026-03-02T00:00:00Z"), None, None).unwrap();
        assert!(window.has(&series(None)) && window.has(&series(Some("2026-03-02"))));
        assert!(!window.has(&series(Some("2026-02-01"))) && !window.has(&event("2020-03-02")));
        assert!(!window.has(&Event::default()), "its time is unknown");
    }

    #[test]
    fn a_window_is_defined_in_one_way() {
        let (from, until) = (moment("2026-03-02T00:00:00Z"), moment("2026-03-03T00:00:00Z"));
        for (from, until, days) in
            [(None, None, Some(1)), (from, until, Some(1)), (until, from, None), (from, None, Some(0))]
        {
            let refused = TimeWindow::of(from, until, days);
            assert!(matches!(refused, Err(Error::Rejected { code: "invalid_window", .. })));
        }
    }
}
