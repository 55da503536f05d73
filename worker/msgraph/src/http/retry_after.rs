//! The `Retry-After` header, in the three forms that Graph was seen to send.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// A longer wait is cut to this: a mangled header must not park a person's account for days.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// How long to wait, rounded up to the millisecond so that the client is never early.
///
/// Seconds are usually whole, but a sample in Microsoft's throttling guidance is fractional (`2.128`, 2021),
/// and RFC 9110 allows a date. A past date means no wait; anything else is ignored.
pub(crate) fn parse(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let millis = match value.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => (seconds * 1000.0).ceil(),
        Ok(_) => return None,
        Err(_) => {
            let then = DateTimeParser::new().parse_timestamp(value).ok()?;
            then.duration_since(now).as_millis_f64().max(0.0).ceil()
        }
    };
    let longest = MAX_RETRY_AFTER.as_secs_f64() * 1000.0;
    Some(Duration::from_millis(millis.min(longest) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_the_header_is_understood() {
        let now: Timestamp = "2026-03-02T10:00:00.250Z".parse().unwrap();
        let cases = [
            ("10", Some(10_000)),
            (" 0 ", Some(0)),
            ("2.128", Some(2_128)),
            ("0.0001", Some(1)),
            ("1.0000001", Some(1_001)),
            ("Mon, 02 Mar 2026 10:00:07 GMT", Some(6_750)),
            ("Mon, 02 Mar 2026 09:00:00 GMT", Some(0)),
            ("99999999999", Some(3_600_000)),
            ("Mon, 02 Mar 2099 10:00:00 GMT", Some(3_600_000)),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
            ("", None),
            ("soon", None),
        ];
        for (value, millis) in cases {
            assert_eq!(parse(value, now), millis.map(Duration::from_millis), "{value:?}");
        }
    }
}
