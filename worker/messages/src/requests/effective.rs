//! When a request takes effect: a day in a time zone, or a moment.
//!
//! **What a day means.** A day begins with the first moment at which the clocks of its zone show its date, and ends when
//! the next day begins. So a day whose midnight does not exist, because clocks go forward at midnight, begins with the
//! change. A midnight that exists twice, because clocks go back over it, counts the first time. A date that a zone has
//! skipped whole begins and ends with the day after it.
//!
//! The rules of the zones are compiled in. No machine's own count, so every worker of a version agrees.

use std::fmt;
use std::sync::LazyLock;

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cloudevent::time;
use crate::cloudevent::violation::Violation;

/// How many days after the time of its event a request may take effect: as long as a stage of a workflow may wait.
const LIMIT_DAYS: i64 = 400;

/// The longest name for which a similar one is looked for, in bytes. No zone has a longer one.
const LONGEST_NAME: usize = 40;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// When a request takes effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effective {
    /// When a day begins: a first day.
    StartOfDay {
        /// The day.
        date: Date,
        /// Whose day it is.
        time_zone: Zone,
    },
    /// When a day is over, which is when the next one begins: a last day.
    EndOfDay {
        /// The day.
        date: Date,
        /// Whose day it is.
        time_zone: Zone,
    },
    /// At a moment.
    Instant {
        /// The moment.
        at: Timestamp,
    },
}

/// A time zone of the IANA database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

/// A text names no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of a time zone in the IANA database, such as \"Europe/Berlin\"{hint}")]
pub struct UnknownZone {
    /// Begins with a semicolon, if it is not empty.
    hint: String,
}

impl Effective {
    /// The moment.
    pub fn instant(&self) -> Timestamp {
        match self {
            Self::StartOfDay { date, time_zone } => time_zone.start_of(*date),
            Self::EndOfDay { date, time_zone } => {
                date.tomorrow().map_or(Timestamp::MAX, |next| time_zone.start_of(next))
            }
            Self::Instant { at } => *at,
        }
    }

    /// The moment in RFC 3339, with the offset of the zone: `2027-01-04T00:00:00+01:00`. A moment that came without a
    /// zone is in UTC: `2027-01-03T23:00:00Z`.
    pub fn to_rfc3339(&self) -> String {
        match self {
            Self::StartOfDay { time_zone: Zone(zone), .. } | Self::EndOfDay { time_zone: Zone(zone), .. } => {
                self.instant().display_with_offset(zone.to_offset(self.instant())).to_string()
            }
            Self::Instant { at } => at.to_string(),
        }
    }
}

/// In words that follow "waits for".
impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartOfDay { date, time_zone } => write!(f, "the start of {date} in {}", time_zone.name()),
            Self::EndOfDay { date, time_zone } => write!(f, "the end of {date} in {}", time_zone.name()),
            Self::Instant { at } => write!(f, "{at}"),
        }
    }
}

impl Zone {
    fn name(&self) -> &str {
        self.0.iana_name().unwrap_or_default()
    }

    /// The first moment at which the zone's clocks show this date, or one after it.
    fn start_of(&self, date: Date) -> Timestamp {
        let Self(zone) = self;
        let midnight = zone.to_ambiguous_timestamp(date.to_datetime(Time::midnight()));
        let begins = match midnight.offset() {
            // By the clocks as they were, midnight is when they change, or after that.
            AmbiguousOffset::Gap { before, .. } => {
                let by_old_clocks = before.to_timestamp(midnight.datetime()).ok();
                let just_after =
                    by_old_clocks.and_then(|at| at.checked_add(SignedDuration::from_secs(1)).ok());
                just_after.and_then(|at| Some(zone.preceding(at).next()?.timestamp()))
            }
            AmbiguousOffset::Fold { .. } | AmbiguousOffset::Unambiguous { .. } => midnight.earlier().ok(),
        };
        begins.unwrap_or(Timestamp::MAX)
    }
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;

    fn try_from(name: String) -> Result<Self, UnknownZone> {
        zone(&name)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name().to_owned()
    }
}

fn zone(name: &str) -> Result<Zone, UnknownZone> {
    let found = ZONES.get(name).ok().filter(|zone| zone.iana_name().is_some() && !zone.is_unknown());
    found.map(Zone).ok_or_else(|| {
        let hint = nearest(name).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
        UnknownZone { hint }
    })
}

/// The zone whose name, or whose last part, is most like this one.
fn nearest(name: &str) -> Option<String> {
    let name = name.trim().replace(' ', "_").to_lowercase();
    if name.is_empty() || name.len() > LONGEST_NAME {
        return None;
    }
    let limit = (name.chars().count() / 3).max(1);
    let zones = ZONES.available().map(|zone| zone.as_str().to_owned());
    let distances = zones.map(|zone| {
        let lower = zone.to_lowercase();
        let city = lower.rsplit_once('/').map_or(lower.as_str(), |(_, city)| city);
        let distance = strsim::osa_distance(&name, &lower).min(strsim::osa_distance(&name, city));
        (distance, zone)
    });
    distances.filter(|(distance, _)| *distance <= limit).min().map(|(_, zone)| zone)
}

/// What an event's effective date gets wrong beyond its schema: an unknown zone, or a date too far ahead.
pub(crate) fn violations(event: &Value) -> Vec<Violation> {
    let Some(effective) = event.pointer("/data/effective") else { return Vec::new() };
    let name = effective.get("time_zone").and_then(Value::as_str).filter(|name| !name.is_empty());
    let unknown = name.and_then(|name| zone(name).err());
    if let Some(unknown) = unknown {
        return vec![Violation::new("/data/effective/time_zone", unknown.to_string())];
    }
    let made = event.get("time").and_then(Value::as_str).and_then(time::parse);
    // What has another form violates the schema.
    let (Ok(effective), Some(made)) = (Effective::deserialize(effective), made) else { return Vec::new() };
    if effective.instant().duration_since(made) <= SignedDuration::from_hours(LIMIT_DAYS * 24) {
        return Vec::new();
    }
    let field = if matches!(effective, Effective::Instant { .. }) { "at" } else { "date" };
    let message = format!(
        "must be at most {LIMIT_DAYS} days after the event's time; publish the event nearer to its date"
    );
    vec![Violation::new(&format!("/data/effective/{field}"), message)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn day(rule: &str, date: &str, time_zone: &str) -> Effective {
        serde_json::from_value(json!({ "rule": rule, "date": date, "time_zone": time_zone })).unwrap()
    }

    #[test]
    fn a_day_begins_when_the_clocks_of_its_zone_first_show_it() {
        let rows = [
            ("2027-01-04", "Europe/Berlin", "2027-01-04T00:00:00+01:00"),
            ("2027-07-04", "Europe/Berlin", "2027-07-04T00:00:00+02:00"),
            ("2027-01-04", "UTC", "2027-01-04T00:00:00+00:00"),
            ("2027-01-04", "Pacific/Kiritimati", "2027-01-04T00:00:00+14:00"),
            ("2027-01-04", "Asia/Kathmandu", "2027-01-04T00:00:00+05:45"),
            // The name counts, however it is written, and former names too.
            ("2027-01-04", "us/eastern", "2027-01-04T00:00:00-05:00"),
            // Clocks go forward in the day, and back in the day.
            ("2027-03-28", "Europe/Berlin", "2027-03-28T00:00:00+01:00"),
            ("2027-10-31", "Europe/Berlin", "2027-10-31T00:00:00+02:00"),
            // Clocks go forward at midnight.
            ("2017-10-15", "America/Sao_Paulo", "2017-10-15T01:00:00-02:00"),
            ("2027-04-30", "Africa/Cairo", "2027-04-30T01:00:00+03:00"),
            ("2027-03-28", "Asia/Beirut", "2027-03-28T01:00:00+03:00"),
            // Clocks go forward before midnight, over it.
            ("1919-03-31", "America/Toronto", "1919-03-31T00:30:00-04:00"),
            // Clocks go back over midnight: it is there twice.
            ("2024-11-03", "America/Havana", "2024-11-03T00:00:00-04:00"),
            ("2010-11-07", "America/St_Johns", "2010-11-07T00:00:00-02:30"),
            // Clocks go back at midnight: the day before has an hour more, and this one begins once.
            ("2018-02-18", "America/Sao_Paulo", "2018-02-18T00:00:00-03:00"),
            ("2026-10-25", "Asia/Beirut", "2026-10-25T00:00:00+02:00"),
            // Samoa had no 30 December 2011.
            ("2011-12-30", "Pacific/Apia", "2011-12-31T00:00:00+14:00"),
            ("2011-12-31", "Pacific/Apia", "2011-12-31T00:00:00+14:00"),
        ];
        for (date, zone, expected) in rows {
            let start = day("start_of_day", date, zone);
            assert_eq!(start.to_rfc3339(), expected, "{date} {zone}");
            assert_eq!(start.instant(), expected.parse::<Timestamp>().unwrap());
        }
    }

    #[test]
    fn a_day_ends_when_the_next_one_begins() {
        let rows = [
            ("2027-01-04", "Europe/Berlin", "2027-01-05T00:00:00+01:00", 24),
            ("2027-03-28", "Europe/Berlin", "2027-03-29T00:00:00+02:00", 23),
            ("2027-10-31", "Europe/Berlin", "2027-11-01T00:00:00+01:00", 25),
            ("2027-12-31", "Europe/Berlin", "2028-01-01T00:00:00+01:00", 24),
            ("2027-04-29", "Africa/Cairo", "2027-04-30T01:00:00+03:00", 24),
            ("2027-04-30", "Africa/Cairo", "2027-05-01T00:00:00+03:00", 23),
            ("2018-02-17", "America/Sao_Paulo", "2018-02-18T00:00:00-03:00", 25),
            ("2024-11-02", "America/Havana", "2024-11-03T00:00:00-04:00", 24),
            ("2024-11-03", "America/Havana", "2024-11-04T00:00:00-05:00", 25),
            ("2011-12-29", "Pacific/Apia", "2011-12-31T00:00:00+14:00", 24),
            ("2011-12-30", "Pacific/Apia", "2011-12-31T00:00:00+14:00", 0),
        ];
        for (date, zone, expected, hours) in rows {
            let (start, end) = (day("start_of_day", date, zone), day("end_of_day", date, zone));
            assert_eq!(end.to_rfc3339(), expected, "{date} {zone}");
            let length = end.instant().duration_since(start.instant());
            assert_eq!(length, SignedDuration::from_hours(hours), "{date} {zone}");
        }
        assert_eq!(day("end_of_day", "9999-12-31", "America/New_York").instant(), Timestamp::MAX);
    }

    #[test]
    fn every_zone_says_when_every_day_begins_in_order() {
        let first = jiff::civil::date(2026, 1, 1);
        for name in ZONES.available() {
            let zone = Zone(ZONES.get(name.as_str()).unwrap());
            let days = first.series(jiff::Span::new().days(1)).take(1_200);
            let starts: Vec<_> = days.map(|date| (date, zone.start_of(date))).collect();
            assert!(starts.is_sorted_by(|(_, one), (_, next)| one < next), "{name}");
            for (date, start) in starts {
                let shown = |at: Timestamp| at.to_zoned(zone.0.clone()).date();
                let before = start.checked_sub(SignedDuration::from_nanos(1)).unwrap();
                assert!(shown(start) >= date && shown(before) < date, "{name} {date}");
            }
        }
    }

    #[test]
    fn a_moment_is_itself() {
        let value = json!({ "rule": "instant", "at": "2027-01-04T17:00:00+01:00" });
        let at: Effective = serde_json::from_value(value).unwrap();
        assert_eq!(
            (at.to_rfc3339().as_str(), at.to_string().as_str()),
            ("2027-01-04T16:00:00Z", "2027-01-04T16:00:00Z")
        );
    }

    #[test]
    fn a_zone_that_does_not_exist_is_answered_with_the_nearest() {
        let rows = [
            ("Europe/Berln", "; did you mean \"Europe/Berlin\"?"),
            ("berlin", "; did you mean \"Europe/Berlin\"?"),
            ("America/New York", "; did you mean \"America/New_York\"?"),
            ("Amercia/Sao_Paulo", "; did you mean \"America/Sao_Paulo\"?"),
            ("W. Europe Standard Time", ""),
            ("+01:00", ""),
            ("Etc/Unknown", ""),
            ("../etc/passwd", ""),
        ];
        for (name, hint) in rows {
            assert_eq!(zone(name).unwrap_err().hint, hint, "{name}");
        }
        let long = "x".repeat(200_000);
        assert_eq!(zone(&long).unwrap_err().hint, "");
    }

    #[test]
    fn a_date_that_is_too_far_ahead_is_refused() {
        let of = |effective: Value| {
            let event = json!({ "time": "2026-03-02T08:00:00Z", "data": { "effective": effective } });
            violations(&event).into_iter().map(|violation| violation.pointer).collect::<Vec<_>>()
        };
        let at = |at: &str| json!({ "rule": "instant", "at": at });
        assert_eq!(of(at("2027-04-06T08:00:00Z")), Vec::<String>::new());
        assert_eq!(of(at("2027-04-06T08:00:01Z")), ["/data/effective/at"]);
        assert_eq!(of(at("1970-01-01T00:00:00Z")), Vec::<String>::new());
        let date = json!({ "rule": "end_of_day", "date": "2027-04-06", "time_zone": "Europe/Berlin" });
        assert_eq!(of(date), ["/data/effective/date"]);
        // Its schema says what is wrong with these.
        assert_eq!(
            of(json!({ "rule": "start_of_day", "date": "soon", "time_zone": "" })),
            Vec::<String>::new()
        );
        assert_eq!(of(json!("tomorrow")), Vec::<String>::new());
    }
}
