//! Calendar: calendars, their permissions, and events.

pub(crate) mod calendars;
pub(crate) mod events;
pub(crate) mod outlook_pages;
