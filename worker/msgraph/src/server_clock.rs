//! Graph's clock, as the `Date` of its answers tells it: the age of an account is told by that clock, too.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{DATE, HeaderMap};
use tokio::time::Instant;

/// The last time that Graph told, and when.
#[derive(Default)]
pub(crate) struct ServerClock(Mutex<Option<(Timestamp, Instant)>>);

impl ServerClock {
    /// Reads the time of an answer.
    pub(crate) fn heard(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok()) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((date, Instant::now()));
        }
    }

    /// The time, to the second and never ahead; nothing before the first answer.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        let (date, heard) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let now = date.checked_add(heard.elapsed()).ok()?;
        // Graph stores ages in whole seconds.
        Timestamp::from_second(now.as_second()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn the_clock_goes_on_from_the_last_answer_that_has_a_date() {
        let clock = ServerClock::default();
        assert_eq!(clock.now(), None);
        for date in ["Mon, 02 Mar 2026 10:00:00 GMT", "today"] {
            clock.heard(&HeaderMap::from_iter([(DATE, date.parse().unwrap())]));
        }
        tokio::time::advance(Duration::from_millis(3_400)).await;
        assert_eq!(clock.now(), Some("2026-03-02T10:00:03Z".parse().unwrap()));
    }
}
