//! The delay: a ladder of queues, each of which holds a message for a fixed time.
//!
//! A message carries its due time. It waits on the largest step that fits and returns to its work queue; a
//! worker that receives it early sends it to the next step. So a delay of any length survives a restart of
//! broker and workers, and occupies no worker.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    Message,
    message::headers::{OwnHeaders, OwnName, Value},
};

/// The steps of the ladder, in seconds.
pub const STEPS: [u64; 11] = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400, 604_800, 2_592_000];

/// More hops than this are a loop: the longest honest wait, a year, takes about 36.
const LIMIT_HOPS: i64 = 200;

const NOT_BEFORE: OwnName = OwnName::new("gatehouse-not-before");
const TOLERANCE: OwnName = OwnName::new("gatehouse-tolerance");
const HOPS: OwnName = OwnName::new("gatehouse-hops");
/// Since when a message is in the delay, or when it was last said that it is.
const SINCE: OwnName = OwnName::new("gatehouse-since");

/// When a message is due, and how much earlier it may arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    at: Timestamp,
    tolerance: Duration,
}

impl Due {
    /// In `delay` from now, as for a retry. The tolerance is a tenth of it, at least a second.
    #[must_use]
    pub fn after(delay: Duration) -> Self {
        let tolerance = (delay / 10).max(Duration::from_secs(1));
        Self { at: later(Timestamp::now(), delay), tolerance }
    }

    /// At a date, with a tolerance of a minute.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self { at, tolerance: Duration::from_secs(60) }
    }

    /// The same due time with another tolerance.
    #[must_use]
    pub fn with_tolerance(self, tolerance: Duration) -> Self {
        Self { tolerance, ..self }
    }

    /// The step for a message that is published now.
    pub(crate) fn step(self, now: Timestamp) -> u64 {
        step_for(remaining(self.at, now))
    }

    pub(crate) fn write(self, headers: &mut OwnHeaders, hops: i64) {
        let tolerance = i64::try_from(self.tolerance.as_millis()).unwrap_or(i64::MAX);
        headers.put(NOT_BEFORE, Value::Int(self.at.as_millisecond()));
        headers.put(TOLERANCE, Value::Int(tolerance));
        headers.put(HOPS, Value::Int(hops));
    }
}

/// Notes since when a message is in the delay, unless it says so.
pub(crate) fn begin(headers: &mut OwnHeaders, now: Timestamp) {
    if !headers.has(SINCE) {
        begin_again(headers, now);
    }
}

/// Notes that it was said just now that a message is in the delay.
pub(crate) fn begin_again(headers: &mut OwnHeaders, now: Timestamp) {
    headers.put(SINCE, Value::Int(now.as_millisecond()));
}

/// Since when a message is in the delay, or when it was last said that it is; nothing if an earlier version sent it.
pub(crate) fn since(message: &Message) -> Option<Timestamp> {
    Timestamp::from_millisecond(message.headers.int(SINCE.as_str())?).ok()
}

/// Removes the headers of the delay.
pub(crate) fn forget(headers: &mut OwnHeaders) {
    for name in [NOT_BEFORE, TOLERANCE, HOPS, SINCE] {
        headers.remove(name);
    }
}

/// What the due time of an arrived message requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is due, or was never delayed.
    Due,
    /// It goes back to the delay as hop number `hops`.
    Early {
        /// When it is due.
        due: Due,
        /// The number of the next hop.
        hops: i64,
    },
    /// It has passed through the delay too often.
    Endless,
    /// It has returned to its queue again and again: it is to be worked on alone, for the time with this number.
    Suspect(i64),
    /// It has returned to its queue too often without being settled.
    Crashing,
}

/// The largest step that fits into the remaining time, else the smallest.
fn step_for(remaining: Duration) -> u64 {
    let fitting = STEPS.iter().rev().find(|seconds| Duration::from_secs(**seconds) <= remaining);
    fitting.copied().unwrap_or(1)
}

/// Whether a message arrived before its due time by more than its tolerance.
fn is_early(message: &Message, now: Timestamp) -> bool {
    due(message).is_some_and(|due| remaining(due.at, now) > due.tolerance)
}

pub(crate) fn verdict(message: &Message, now: Timestamp) -> Verdict {
    let Some(due) = due(message).filter(|_| is_early(message, now)) else {
        return Verdict::Due;
    };
    match message.headers.int(HOPS.as_str()).unwrap_or(0).saturating_add(1) {
        hops if hops > LIMIT_HOPS => Verdict::Endless,
        hops => Verdict::Early { due, hops },
    }
}

fn due(message: &Message) -> Option<Due> {
    let at = Timestamp::from_millisecond(message.headers.int(NOT_BEFORE.as_str())?).ok()?;
    let tolerance = message.headers.int(TOLERANCE.as_str()).and_then(|millis| u64::try_from(millis).ok());
    Some(Due { at, tolerance: Duration::from_millis(tolerance.unwrap_or(1_000)) })
}

fn remaining(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}

fn later(from: Timestamp, delay: Duration) -> Timestamp {
    from.checked_add(delay).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing;

    fn arrived(due: Due, hops: i64) -> Message {
        let mut headers = OwnHeaders::default();
        due.write(&mut headers, hops);
        testing::arrived(&headers)
    }

    proptest! {
        #[test]
        fn a_step_never_leads_past_the_due_time_unless_it_is_the_smallest(millis in 0_u64..40_000_000_000) {
            let remaining = Duration::from_millis(millis);
            let step = step_for(remaining);
            prop_assert!(STEPS.contains(&step));
            prop_assert!(step == 1 || Duration::from_secs(step) <= remaining);
            let larger = STEPS.iter().find(|other| **other > step);
            prop_assert!(larger.is_none_or(|larger| Duration::from_secs(*larger) > remaining));
        }

        #[test]
        fn a_retry_comes_within_its_tolerance_in_few_hops(seconds in 0_u64..3_600) {
            let start = Timestamp::now();
            let delay = Duration::from_secs(seconds);
            let due = Due { at: later(start, delay), tolerance: (delay / 10).max(Duration::from_secs(1)) };
            let (mut now, mut hops) = (start, 0);
            while is_early(&arrived(due, hops), now) {
                now = later(now, Duration::from_secs(due.step(now)));
                hops += 1;
            }
            prop_assert!(hops <= 8, "{} hops", hops);
            prop_assert!(remaining(due.at, now) <= due.tolerance);
            prop_assert!(now <= later(due.at, Duration::from_secs(1)), "late");
        }

        #[test]
        fn the_due_time_survives_the_wire(millis in 0_i64..4_102_444_800_000, tolerance in 0_u64..100_000, hops in 0_i64..150) {
            let at = Timestamp::from_millisecond(millis).unwrap();
            let sent = Due { at, tolerance: Duration::from_millis(tolerance) };
            prop_assert_eq!(due(&arrived(sent, hops)), Some(sent));
        }
    }

    #[test]
    fn a_message_without_due_time_or_with_nonsense_in_it_is_due() {
        assert_eq!(verdict(&Message::default(), Timestamp::now()), Verdict::Due);
        let mut headers = OwnHeaders::default();
        headers.put(NOT_BEFORE, Value::Text("tomorrow".to_owned()));
        assert_eq!(verdict(&testing::arrived(&headers), Timestamp::now()), Verdict::Due);
    }

    #[test]
    fn hops_are_counted_and_end() {
        let due = Due::after(Duration::from_secs(100));
        let now = Timestamp::now();
        assert_eq!(
            verdict(&arrived(due, 3), now),
            Verdict::Early { due: self::due(&arrived(due, 3)).unwrap(), hops: 4 }
        );
        assert_eq!(verdict(&arrived(due, LIMIT_HOPS), now), Verdict::Endless);
    }

    #[test]
    fn a_wait_of_a_year_takes_fewer_hops_than_the_limit() {
        let start = Timestamp::now();
        let due = Due::at(later(start, Duration::from_secs(366 * 86_400 - 1)));
        let (mut now, mut hops) = (start, 0);
        while is_early(&arrived(due, hops), now) {
            now = later(now, Duration::from_secs(due.step(now)));
            hops += 1;
        }
        assert!(hops < LIMIT_HOPS / 4, "{hops} hops");
    }
}
