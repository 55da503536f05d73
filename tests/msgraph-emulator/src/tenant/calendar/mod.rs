//! Calendar: calendars and events.

pub(super) mod calendars;
pub(super) mod event;
pub(super) mod series;
pub(super) mod zone;
