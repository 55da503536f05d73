//! Calendar: calendars and events.

pub(super) mod calendars;
pub(super) mod event;
