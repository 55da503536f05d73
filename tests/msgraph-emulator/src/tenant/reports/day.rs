//! Days as numbers, so that the use of a month is computed without a calendar.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// The day that has the number zero, a Monday.
const FIRST: Date = date(2001, 1, 1);

/// The number of a day; of every day before 2001, zero.
pub(crate) fn number(day: Date) -> u32 {
    let days = day.since(FIRST).map(|span| span.get_days()).unwrap_or_default();
    u32::try_from(days).unwrap_or_default()
}

/// The day with a number.
pub(crate) fn date_of(number: u32) -> Date {
    FIRST.saturating_add(Span::new().days(i64::from(number.min(1_000_000))))
}

/// Whether the day is a Saturday or a Sunday.
pub(crate) fn is_weekend(number: u32) -> bool {
    number % 7 >= 5
}

/// The day in UTC, by which the service counts (seen in an importer of 2026).
pub(crate) fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_and_its_number_stand_for_each_other() {
        let day = date(2026, 11, 28);
        assert_eq!(date_of(number(day)), day);
        assert!(is_weekend(number(day)) && is_weekend(number(day) + 1) && !is_weekend(number(day) + 2));
        assert_eq!(number(date(1990, 1, 1)), 0);
    }
}
