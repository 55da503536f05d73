//! The time as Entra stores it: whole seconds, UTC.

use hyper::header::HeaderValue;
use jiff::{SignedDuration, Timestamp};

/// The creation time of every object at the start, so that two starts are equal.
pub(crate) const CREATED: &str = "2024-01-15T08:00:00Z";

/// The current time in whole seconds, like Entra's properties.
pub(crate) fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// The time this far from now, as a header shows it.
pub(crate) fn http_date(shift: SignedDuration) -> Option<HeaderValue> {
    let then = Timestamp::now().checked_add(shift).ok()?;
    HeaderValue::from_str(&then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}

/// The current time to the millisecond, for the journal.
pub(crate) fn precise() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
