//! The time as Entra stores it: whole seconds, UTC.

use jiff::Timestamp;

/// The creation time of every object at the start, so that two starts are equal.
pub(crate) const CREATED: &str = "2024-01-15T08:00:00Z";

/// The current time in whole seconds, like Entra's properties.
pub(crate) fn now() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// The current time to the millisecond, for the journal.
pub(crate) fn precise() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
