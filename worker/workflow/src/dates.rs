//! The date on which a request takes effect, and how an author of a workflow counts from it.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use crate::delay::{LIMIT_SECONDS, seconds_of, write_seconds};
use crate::wait::whole_milliseconds;

/// The times of a run's event, from which `at` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dates {
    /// When the request takes effect, if the event says so.
    pub effective: Option<Timestamp>,
    /// When the event was made.
    pub event: Timestamp,
}

impl Dates {
    /// Before this time no stage with this `at` starts, whatever has ended before; nothing if no date holds it.
    pub fn start(self, at: Option<Offset>) -> Option<Timestamp> {
        match at {
            Some(at) => Some(at.from(self.effective.unwrap_or(self.event))),
            None => self.effective.map(whole_milliseconds),
        }
    }
}

/// A whole number and a unit, with a sign if it is before the date: `-2d` is two days before, `0s` on time, `30d` thirty
/// days after. At most 400 days. A day has 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offset(i64);

/// A text is no offset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a time such as -2d (two days before the effective date), 0s or 30d, at most 400d before or after"
)]
pub struct OffsetError;

impl Offset {
    /// The effective date itself.
    pub const NONE: Self = Self(0);

    /// An offset of so many seconds; nothing if no workflow can have it.
    pub(crate) fn from_seconds(seconds: i64) -> Option<Self> {
        (seconds.unsigned_abs() <= LIMIT_SECONDS).then_some(Self(seconds))
    }

    /// The offset in seconds, negative before the date.
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// So long before or after a date, in whole milliseconds.
    pub(crate) fn from(self, date: Timestamp) -> Timestamp {
        let beyond = if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
        whole_milliseconds(date.checked_add(SignedDuration::from_secs(self.0)).unwrap_or(beyond))
    }
}

impl FromStr for Offset {
    type Err = OffsetError;

    fn from_str(text: &str) -> Result<Self, OffsetError> {
        let (sign, amount) = text.strip_prefix('-').map_or((1, text), |amount| (-1, amount));
        let seconds = seconds_of(amount).and_then(|seconds| i64::try_from(seconds).ok());
        seconds.and_then(|seconds| Self::from_seconds(sign * seconds)).ok_or(OffsetError)
    }
}

/// In the largest unit that is exact.
impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 < 0 { "-" } else { "" })?;
        write_seconds(self.0.unsigned_abs(), f)
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_a_delay_with_a_sign() {
        let rows = [
            ("0s", 0, "0s"),
            ("0d", 0, "0s"),
            ("-0h", 0, "0s"),
            ("-2d", -172_800, "-2d"),
            ("-48h", -172_800, "-2d"),
            ("90m", 5_400, "90m"),
            ("30d", 2_592_000, "30d"),
            ("400d", 34_560_000, "400d"),
            ("-400d", -34_560_000, "-400d"),
        ];
        for (text, seconds, shown) in rows {
            let offset: Offset = text.parse().unwrap();
            assert_eq!((offset.seconds(), offset.to_string().as_str()), (seconds, shown));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let texts = [
            "",
            "0",
            "s",
            "-",
            "--2d",
            "+2d",
            "- 2d",
            "2",
            "1.5h",
            "401d",
            "-401d",
            "3w",
            "-99999999999999999d",
        ];
        for text in texts {
            assert_eq!(text.parse::<Offset>(), Err(OffsetError), "{text}");
        }
    }

    #[test]
    fn a_date_at_the_end_of_time_is_no_panic() {
        let day: Offset = "1d".parse().unwrap();
        assert_eq!(day.from(Timestamp::MAX).as_millisecond(), Timestamp::MAX.as_millisecond());
        let before: Offset = "-1d".parse().unwrap();
        assert_eq!(before.from(Timestamp::MIN).as_millisecond(), Timestamp::MIN.as_millisecond());
    }
}
