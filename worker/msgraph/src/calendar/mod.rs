//! Calendars and their events.

pub(crate) mod calendars;
pub(crate) mod events;
