//! How long to wait, as the author of a workflow writes it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// Units, the largest first, in seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// The longest delay, in seconds: 400 days. For a later date, publish the event again near that date.
pub(crate) const LIMIT_SECONDS: u64 = 400 * 86_400;

/// A whole number and a unit: `90s`, `15m`, `12h`, `30d`. At least a second, at most 400 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delay(u64);

/// A text is no delay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a delay such as 90s, 15m, 12h or 30d, at least 1s and at most 400d")]
pub struct DelayError;

impl Delay {
    /// A delay of so many seconds; nothing if no workflow can have it.
    pub(crate) fn from_seconds(seconds: u64) -> Option<Self> {
        (1..=LIMIT_SECONDS).contains(&seconds).then_some(Self(seconds))
    }

    /// The delay as a duration.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Delay {
    type Err = DelayError;

    fn from_str(text: &str) -> Result<Self, DelayError> {
        seconds_of(text).and_then(Self::from_seconds).ok_or(DelayError)
    }
}

/// The seconds of a whole number and a unit, without a sign.
pub(crate) fn seconds_of(text: &str) -> Option<u64> {
    let (number, seconds) =
        UNITS.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(*unit)?, seconds)))?;
    // `parse` would take a sign.
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<u64>().ok().filter(|_| is_plain)?.checked_mul(*seconds)
}

/// In the largest unit that is exact.
impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(self.0, f)
    }
}

/// Writes seconds in the largest unit that is exact.
pub(crate) fn write_seconds(total: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let fits = UNITS.iter().find(|(_, seconds)| total > 0 && total.is_multiple_of(*seconds));
    let (unit, seconds) = fits.unwrap_or(&('s', 1));
    write!(f, "{}{unit}", total / seconds)
}

impl Serialize for Delay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DelayVisitor)
    }
}

struct DelayVisitor;

impl Visitor<'_> for DelayVisitor {
    type Value = Delay;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a delay such as 90s, 15m, 12h or 30d")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Delay, E> {
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_a_number_and_a_unit() {
        for (text, seconds, shown) in [
            ("90s", 90, "90s"),
            ("15m", 900, "15m"),
            ("12h", 43_200, "12h"),
            ("30d", 2_592_000, "30d"),
            ("48h", 172_800, "2d"),
            ("120s", 120, "2m"),
            ("400d", LIMIT_SECONDS, "400d"),
        ] {
            let delay: Delay = text.parse().unwrap();
            assert_eq!((delay.duration().as_secs(), delay.to_string().as_str()), (seconds, shown));
            assert_eq!(serde_json::to_value(delay).unwrap(), shown);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let texts = ["", "s", "30", "30 d", "-1d", "+1d", "1.5h", "0s", "401d", "3w", "99999999999999999d"];
        for text in texts {
            assert_eq!(text.parse::<Delay>(), Err(DelayError), "{text}");
        }
    }
}
