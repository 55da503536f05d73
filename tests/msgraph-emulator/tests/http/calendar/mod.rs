//! Calendars and events.

mod calendars;
mod events;
mod series;
