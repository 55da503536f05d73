//! Calendars: events, calendars, permissions.

mod delete_additional_calendars;
mod delete_primary_calendar_events;
mod remove_calendar_permissions;

pub mod time_window;

use crate::action::driver::Entry;

/// The actions.
pub fn entries() -> Vec<Entry> {
    vec![
        Entry::of::<delete_additional_calendars::DeleteAdditionalCalendars>(),
        Entry::of::<delete_primary_calendar_events::DeletePrimaryCalendarEvents>(),
        Entry::of::<remove_calendar_permissions::RemoveCalendarPermissions>(),
    ]
}
