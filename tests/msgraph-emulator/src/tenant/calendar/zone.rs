//! Time zones of events, by Windows' names and by those of the time zone database.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::series::moved;

/// Windows' names for the zones that the emulator knows ("dateTimeTimeZone resource type", 2024); there are more.
const OF_WINDOWS: &[(&str, &str)] = &[
    ("AUS Eastern Standard Time", "Australia/Sydney"),
    ("Central Europe Standard Time", "Europe/Budapest"),
    ("Central European Standard Time", "Europe/Warsaw"),
    ("Central Standard Time", "America/Chicago"),
    ("China Standard Time", "Asia/Shanghai"),
    ("Eastern Standard Time", "America/New_York"),
    ("FLE Standard Time", "Europe/Kiev"),
    ("GMT Standard Time", "Europe/London"),
    ("GTB Standard Time", "Europe/Bucharest"),
    ("India Standard Time", "Asia/Kolkata"),
    ("Mountain Standard Time", "America/Denver"),
    ("Pacific Standard Time", "America/Los_Angeles"),
    ("Romance Standard Time", "Europe/Paris"),
    ("Singapore Standard Time", "Asia/Singapore"),
    ("Tokyo Standard Time", "Asia/Tokyo"),
    ("W. Europe Standard Time", "Europe/Berlin"),
];

/// A zone, and what the client calls it.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) name: String,
    zone: TimeZone,
}

impl Zone {
    pub(crate) fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// The zone with this name, if it is known.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(Self { name: name.to_owned(), zone: zone_of(name)? })
    }

    /// A moment of this zone in UTC.
    pub(crate) fn to_utc(&self, local: DateTime) -> Option<DateTime> {
        moved(local, &self.zone, &TimeZone::UTC)
    }

    /// A moment in UTC, as Graph shows it in this zone.
    pub(super) fn shown(&self, moment: &str) -> Value {
        let local = moment.parse().ok().and_then(|moment| moved(moment, &TimeZone::UTC, &self.zone));
        let local = local.map_or_else(|| moment.to_owned(), text);
        json!({ "dateTime": format!("{local}.0000000"), "timeZone": self.name })
    }
}

/// A moment as an event has it.
pub(crate) fn text(moment: DateTime) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

pub(super) fn zone_of(name: &str) -> Option<TimeZone> {
    if name == "UTC" {
        return Some(TimeZone::UTC);
    }
    let of_windows = OF_WINDOWS.iter().find(|(known, _)| *known == name).map(|(_, name)| *name);
    let name = of_windows.or(Some(name).filter(|name| name.contains('/')))?;
    TimeZone::get(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_windows_name_stands_for_a_zone() {
        for (name, _) in OF_WINDOWS {
            assert!(Zone::named(name).is_some(), "{name}");
        }
        for unknown in ["", "undefined", "Mars Standard Time", "Mars/Olympus", "Greenwich Mean Time"] {
            assert!(Zone::named(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn a_moment_is_shown_in_its_zone() {
        let berlin = Zone::named("W. Europe Standard Time").unwrap();
        let shown = berlin.shown("2026-07-01T08:00:00");
        assert_eq!(
            shown,
            json!({ "dateTime": "2026-07-01T10:00:00.0000000", "timeZone": "W. Europe Standard Time" })
        );
        assert_eq!(
            berlin.to_utc("2026-07-01T10:00:00".parse().unwrap()).map(text).unwrap(),
            "2026-07-01T08:00:00"
        );
    }
}
