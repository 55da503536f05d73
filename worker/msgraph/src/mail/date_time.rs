//! Points in time as Outlook writes them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A point in time as Outlook writes it: a local time and its time zone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are Graph's own, under Graph's own names")]
pub struct DateTimeTimeZone {
    pub date_time: String,
    pub time_zone: String,
}

impl DateTimeTimeZone {
    /// A point in time, written in UTC.
    pub fn utc(moment: Timestamp) -> Self {
        let date_time = moment.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        Self { date_time, time_zone: "UTC".to_owned() }
    }

    /// The point in time, if it is written in UTC, as it is unless a request asks for another zone.
    pub fn moment(&self) -> Option<Timestamp> {
        let local: DateTime = self.date_time.parse().ok()?;
        let is_utc = self.time_zone.eq_ignore_ascii_case("UTC");
        is_utc.then(|| local.to_zoned(TimeZone::UTC).ok()).flatten().map(|zoned| zoned.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_is_read_if_it_is_in_utc() {
        let written = |date_time: &str, time_zone: &str| DateTimeTimeZone {
            date_time: date_time.into(),
            time_zone: time_zone.into(),
        };
        let moment: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        assert_eq!(DateTimeTimeZone::utc(moment), written("2026-03-02T08:00:00", "UTC"));
        assert_eq!(written("2026-03-02T08:00:00.0000000", "UTC").moment(), Some(moment));
        assert_eq!(written("2026-03-02T08:00:00", "W. Europe Standard Time").moment(), None);
        assert_eq!(written("tomorrow", "UTC").moment(), None);
    }
}
