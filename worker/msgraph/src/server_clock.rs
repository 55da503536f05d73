//! Graph's clock, as the `Date` of its answers tells it: the age of an account is told by that clock, too. And how far
//! this machine's clock is from it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant as Steady;

use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap};
use tokio::time::Instant;

/// By how much this machine's two clocks may differ about how long ago an answer came. Beyond that one of them was set,
/// or the machine slept, and the answer says nothing about the clock as it is now.
const CLOCKS_AGREE: SignedDuration = SignedDuration::from_secs(5);
/// A `Date` leaves the fraction of its second out.
const FRACTION: SignedDuration = SignedDuration::from_secs(1);

/// The time as Microsoft's answers give it.
#[derive(Default)]
pub(crate) struct ServerClock(Mutex<Heard>);

#[derive(Default)]
struct Heard {
    /// The last time that Graph told, and when.
    graph: Option<(Timestamp, Instant)>,
    /// How far ahead this machine's clock was at the last answer of anybody at Microsoft, and when that was.
    ahead: Option<(SignedDuration, Moment)>,
}

/// A moment by both clocks of this machine: the one that can be set, and the one that stands still while it sleeps.
#[derive(Clone, Copy)]
struct Moment {
    wall: Timestamp,
    steady: Steady,
}

impl ServerClock {
    /// Reads the time of an answer of Graph to a request that was sent then.
    pub(crate) fn heard(&self, headers: &HeaderMap, sent: Timestamp) {
        if let Some(date) = self.compared(headers, sent) {
            self.state().graph = Some((date, Instant::now()));
        }
    }

    /// Reads the time of an answer of somebody else at Microsoft.
    pub(crate) fn compared(&self, headers: &HeaderMap, sent: Timestamp) -> Option<Timestamp> {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok())?;
        let date = DateTimeParser::new().parse_timestamp(date).ok()?;
        let now = Moment::now();
        self.state().ahead = Some((ahead(date, sent, now.wall), now));
        Some(date)
    }

    /// The time, to the second and never ahead; nothing before the first answer.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        let (date, heard) = self.state().graph?;
        let now = date.checked_add(heard.elapsed()).ok()?;
        // Graph stores ages in whole seconds.
        Timestamp::from_second(now.as_second()).ok()
    }

    /// How far this machine's clock is ahead, at least; negative if it is behind. Nothing if no answer tells.
    pub(crate) fn ahead(&self) -> Option<SignedDuration> {
        self.ahead_at(Moment::now())
    }

    fn ahead_at(&self, now: Moment) -> Option<SignedDuration> {
        let (ahead, heard) = self.state().ahead?;
        let by_steady = SignedDuration::try_from(now.steady.duration_since(heard.steady)).ok()?;
        let apart = now.wall.duration_since(heard.wall).checked_sub(by_steady)?;
        (apart.abs() <= CLOCKS_AGREE).then_some(ahead)
    }

    fn state(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Moment {
    fn now() -> Self {
        Self { wall: Timestamp::now(), steady: Steady::now() }
    }
}

/// How far a clock is ahead, at least, that showed these times before and after a server wrote this date.
fn ahead(date: Timestamp, before: Timestamp, after: Timestamp) -> SignedDuration {
    let least = before.duration_since(date).saturating_sub(FRACTION);
    let most = after.duration_since(date);
    if least.is_positive() {
        least
    } else if most.is_negative() {
        most
    } else {
        SignedDuration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn dated(date: &str) -> HeaderMap {
        HeaderMap::from_iter([(DATE, date.parse().unwrap())])
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_goes_on_from_the_last_answer_that_has_a_date() {
        let clock = ServerClock::default();
        assert_eq!(clock.now(), None);
        for date in ["Mon, 02 Mar 2026 10:00:00 GMT", "today"] {
            clock.heard(&dated(date), Timestamp::now());
        }
        clock.compared(&dated("Mon, 02 Mar 2026 11:00:00 GMT"), Timestamp::now());
        tokio::time::advance(Duration::from_millis(3_400)).await;
        assert_eq!(clock.now(), Some("2026-03-02T10:00:03Z".parse().unwrap()));
    }

    #[test]
    fn a_slow_answer_makes_no_clock_wrong() {
        let at = |text: &str| format!("2026-03-02T{text}Z").parse::<Timestamp>().unwrap();
        for (date, before, after, expected) in [
            ("10:00:00", "10:00:00.9", "10:00:01.2", 0),
            ("10:00:00", "09:59:31", "10:00:20", 0),
            ("10:00:00", "10:02:01", "10:02:31", 120),
            ("10:00:00", "09:57:30", "09:58:00", -120),
        ] {
            let ahead = ahead(at(date), at(before), at(after));
            assert_eq!(ahead.as_secs(), expected, "{date} {before} {after}");
        }
    }

    #[test]
    fn an_answer_says_nothing_once_the_clock_was_set_or_the_machine_slept() {
        let clock = ServerClock::default();
        assert_eq!(clock.ahead(), None);
        clock.heard(&dated("Mon, 02 Mar 2026 10:00:00 GMT"), Timestamp::now());
        let heard = Moment::now();
        let later = |wall: i64, steady: u64| Moment {
            wall: heard.wall + SignedDuration::from_secs(wall),
            steady: heard.steady + Duration::from_secs(steady),
        };
        assert!(clock.ahead_at(later(0, 0)).is_some());
        assert!(clock.ahead_at(later(86_400, 86_402)).is_some(), "however long ago");
        assert_eq!(clock.ahead_at(later(-120, 0)), None, "the clock was set back");
        assert_eq!(clock.ahead_at(later(3_600, 1)), None, "the machine slept");
    }
}
