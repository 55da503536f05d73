//! When a series recurs ("recurrencePattern resource type" and "recurrenceRange resource type", 2024).

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use serde_json::Value;

use super::zone::zone_of;

/// So many days, weeks, months or years are looked through at most.
const MOST_PERIODS: i64 = 100_000;

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("sunday", Weekday::Sunday),
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
];

/// The starts in UTC of a series whose first event starts at `first`, up to those before `last`. The time of day is that
/// of the series' own time zone, also when clocks change.
pub(super) fn starts(recurrence: &Value, first: DateTime, last: DateTime) -> Vec<DateTime> {
    let zone = recurrence.pointer("/range/recurrenceTimeZone").and_then(Value::as_str).and_then(zone_of);
    let zone = zone.unwrap_or(TimeZone::UTC);
    let Some(local) = moved(first, &TimeZone::UTC, &zone) else { return Vec::new() };
    let number = match recurrence.pointer("/range/type").and_then(Value::as_str) {
        Some("numbered") => recurrence.pointer("/range/numberOfOccurrences").and_then(Value::as_u64),
        _ => None,
    };
    let end = match recurrence.pointer("/range/type").and_then(Value::as_str) {
        Some("endDate") => date(recurrence.pointer("/range/endDate")),
        _ => None,
    };
    let days = Pattern::of(recurrence, local.date()).days();
    days.take_while(|day| end.is_none_or(|end| *day <= end))
        .take(number.and_then(|number| usize::try_from(number).ok()).unwrap_or(usize::MAX))
        .map_while(|day| moved(day.to_datetime(local.time()), &zone, &TimeZone::UTC))
        .take_while(|start| *start < last)
        .collect()
}

/// The same moment in another zone.
pub(crate) fn moved(moment: DateTime, from: &TimeZone, to: &TimeZone) -> Option<DateTime> {
    Some(moment.to_zoned(from.clone()).ok()?.with_time_zone(to.clone()).datetime())
}

fn date(value: Option<&Value>) -> Option<Date> {
    value.and_then(Value::as_str).and_then(|text| text.parse().ok())
}

/// Whether Graph takes a recurrence of an event that starts on this day: it has what its type requires, and begins then.
pub(crate) fn is_valid(recurrence: &Value, start: Date) -> bool {
    let at = |place: &str| recurrence.pointer(place);
    let number = |place: &str, least: u64, most: u64| {
        at(place).and_then(Value::as_u64).is_some_and(|number| (least..=most).contains(&number))
    };
    let days = at("/pattern/daysOfWeek").and_then(Value::as_array);
    let has_days = days.is_some_and(|days| {
        let known = |day: &Value| WEEKDAYS.iter().any(|(name, _)| day == name);
        !days.is_empty() && days.iter().all(known)
    });
    let day_of_month = || number("/pattern/dayOfMonth", 1, 31);
    let month = || number("/pattern/month", 1, 12);
    let fits = match at("/pattern/type").and_then(Value::as_str) {
        Some("daily") => true,
        Some("weekly" | "relativeMonthly") => has_days,
        Some("absoluteMonthly") => day_of_month(),
        Some("absoluteYearly") => day_of_month() && month(),
        Some("relativeYearly") => has_days && month(),
        _ => false,
    };
    let ends = match at("/range/type").and_then(Value::as_str) {
        Some("noEnd") => true,
        Some("endDate") => date(at("/range/endDate")).is_some_and(|end| end >= start),
        Some("numbered") => number("/range/numberOfOccurrences", 1, 999),
        _ => false,
    };
    let zone = at("/range/recurrenceTimeZone").and_then(Value::as_str);
    fits && ends
        && number("/pattern/interval", 1, 999)
        && date(at("/range/startDate")) == Some(start)
        && zone.is_none_or(|name| zone_of(name).is_some())
}

/// How often a series recurs. What is missing follows from the first day.
struct Pattern {
    kind: String,
    interval: i64,
    start: Date,
    weekdays: Vec<Weekday>,
    first_weekday: Weekday,
    day_of_month: i8,
    month: i8,
    index: String,
}

impl Pattern {
    fn of(recurrence: &Value, start: Date) -> Self {
        let at = |name: &str| recurrence.get("pattern").and_then(|pattern| pattern.get(name));
        let text = |name: &str, default: &str| at(name).and_then(Value::as_str).unwrap_or(default).to_owned();
        let number = |name: &str| at(name).and_then(Value::as_i64).filter(|number| *number > 0);
        let weekday = |name: &Value| WEEKDAYS.iter().find(|(known, _)| name == known).map(|(_, day)| *day);
        let weekdays: Vec<Weekday> =
            at("daysOfWeek").and_then(Value::as_array).into_iter().flatten().filter_map(weekday).collect();
        let small = |name: &str, default: i8| {
            number(name).and_then(|number| i8::try_from(number).ok()).unwrap_or(default)
        };
        Self {
            kind: text("type", "daily"),
            interval: number("interval").unwrap_or(1),
            start,
            weekdays: if weekdays.is_empty() { vec![start.weekday()] } else { weekdays },
            first_weekday: at("firstDayOfWeek").and_then(weekday).unwrap_or(Weekday::Sunday),
            day_of_month: small("dayOfMonth", start.day()),
            month: small("month", start.month()),
            index: text("index", "first"),
        }
    }

    /// Its days, from the first one on.
    fn days(self) -> impl Iterator<Item = Date> {
        let start = self.start;
        let periods = (0..MOST_PERIODS).map_while(move |number| self.days_of(number * self.interval));
        periods.flatten().filter(move |day| *day >= start)
    }

    /// The days of a period, so many days, weeks, months or years after the first one.
    fn days_of(&self, after: i64) -> Option<Vec<Date>> {
        let later = |span: Span| self.start.checked_add(span).ok();
        match self.kind.as_str() {
            "weekly" => {
                let into = self.start.weekday().since(self.first_weekday);
                let week = later(after.checked_mul(7)?.days())?.checked_sub(into.days()).ok()?;
                let mut days: Vec<i8> =
                    self.weekdays.iter().map(|day| day.since(self.first_weekday)).collect();
                days.sort_unstable();
                days.into_iter().map(|day| week.checked_add(day.days()).ok()).collect()
            }
            "absoluteMonthly" | "relativeMonthly" => {
                let month = self.start.first_of_month().checked_add(after.months()).ok()?;
                Some(self.day_in(month))
            }
            "absoluteYearly" | "relativeYearly" => {
                let year = self.start.year().checked_add(i16::try_from(after).ok()?)?;
                Some(self.day_in(Date::new(year, self.month, 1).ok()?))
            }
            _ => Some(vec![later(after.days())?]),
        }
    }

    /// The day in a month: by its number, or the last one if the month is shorter; or by its weekday.
    fn day_in(&self, month: Date) -> Vec<Date> {
        if self.kind.starts_with("absolute") {
            let day = self.day_of_month.min(month.days_in_month());
            return month.with().day(day).build().into_iter().collect();
        }
        let all = (1..=month.days_in_month()).filter_map(|day| month.with().day(day).build().ok());
        let fitting: Vec<Date> = all.filter(|day| self.weekdays.contains(&day.weekday())).collect();
        let at = ["first", "second", "third", "fourth"].iter().position(|index| *index == self.index);
        let day = at.map_or_else(|| fitting.last(), |at| fitting.get(at));
        day.into_iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn days(pattern: Value, range: Value, first: &str, last: &str) -> Vec<String> {
        let recurrence = json!({ "pattern": pattern, "range": range });
        let starts = starts(&recurrence, first.parse().unwrap(), last.parse().unwrap());
        starts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_pattern_recurs_on_its_days() {
        let without_end = json!({ "type": "noEnd" });
        let four = json!({ "type": "numbered", "numberOfOccurrences": 4 });
        let dates = |pattern: Value, range: &Value| -> Vec<String> {
            let days = days(pattern, range.clone(), "2026-01-31T08:00:00", "2030-01-01T00:00:00");
            days.iter().map(|day| day.replace("T08:00:00", "")).take(4).collect()
        };
        for (pattern, expected) in [
            (
                json!({ "type": "daily", "interval": 3 }),
                ["2026-01-31", "2026-02-03", "2026-02-06", "2026-02-09"],
            ),
            (
                json!({ "type": "weekly", "interval": 2, "daysOfWeek": ["monday", "saturday"], "firstDayOfWeek": "monday" }),
                ["2026-01-31", "2026-02-09", "2026-02-14", "2026-02-23"],
            ),
            (
                json!({ "type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31 }),
                ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"],
            ),
            (
                json!({ "type": "relativeMonthly", "interval": 3, "daysOfWeek": ["thursday", "friday"], "index": "second" }),
                ["2026-04-03", "2026-07-03", "2026-10-02", "2027-01-07"],
            ),
            (
                json!({ "type": "absoluteYearly", "interval": 1, "dayOfMonth": 29, "month": 2 }),
                ["2026-02-28", "2027-02-28", "2028-02-29", "2029-02-28"],
            ),
            (
                json!({ "type": "relativeYearly", "interval": 1, "daysOfWeek": ["monday"], "month": 5, "index": "last" }),
                ["2026-05-25", "2027-05-31", "2028-05-29", "2029-05-28"],
            ),
        ] {
            assert_eq!(dates(pattern.clone(), &without_end), expected, "{pattern}");
            assert_eq!(dates(pattern, &four), expected);
        }
        let until = json!({ "type": "endDate", "endDate": "2026-02-02" });
        assert_eq!(dates(json!({ "type": "daily", "interval": 1 }), &until).len(), 3);
    }

    #[test]
    fn the_time_of_day_is_that_of_the_series_zone() {
        let range = json!({ "type": "noEnd", "recurrenceTimeZone": "Pacific Standard Time" });
        let weekly = json!({ "type": "weekly", "interval": 1 });
        // Nine in the morning: the clocks change on 2026-03-08.
        let starts = days(weekly, range, "2026-03-02T17:00:00", "2026-03-16T00:00:00");
        assert_eq!(starts, ["2026-03-02T17:00:00", "2026-03-09T16:00:00"]);
    }

    #[test]
    fn a_recurrence_has_what_its_type_requires() {
        let start: Date = "2026-03-02".parse().unwrap();
        let valid =
            |pattern: Value, range: Value| is_valid(&json!({ "pattern": pattern, "range": range }), start);
        let weekly = json!({ "type": "weekly", "interval": 1, "daysOfWeek": ["monday"] });
        let endless = json!({ "type": "noEnd", "startDate": "2026-03-02" });
        assert!(valid(weekly.clone(), endless.clone()));
        for pattern in [
            json!({ "type": "weekly", "interval": 1 }),
            json!({ "type": "weekly", "interval": 0, "daysOfWeek": ["monday"] }),
            json!({ "type": "weekly", "interval": 1, "daysOfWeek": ["someday"] }),
            json!({ "type": "absoluteMonthly", "interval": 1 }),
            json!({ "type": "relativeYearly", "interval": 1, "daysOfWeek": ["monday"] }),
            json!({ "type": "hourly", "interval": 1 }),
        ] {
            assert!(!valid(pattern.clone(), endless.clone()), "{pattern}");
        }
        for range in [
            json!({ "type": "noEnd", "startDate": "2026-03-03" }),
            json!({ "type": "endDate", "startDate": "2026-03-02", "endDate": "2026-03-01" }),
            json!({ "type": "numbered", "startDate": "2026-03-02", "numberOfOccurrences": 0 }),
            json!({ "type": "noEnd", "startDate": "2026-03-02", "recurrenceTimeZone": "Mars" }),
        ] {
            assert!(!valid(weekly.clone(), range.clone()), "{range}");
        }
    }
}
