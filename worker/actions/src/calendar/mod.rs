//! Calendars: events, calendars, permissions.

mod add_calendar_permissions;
mod delete_additional_calendars;
mod delete_primary_calendar_events;
mod remove_calendar_permissions;

pub mod time_window;

use crate::action::register::register;

register! {
    add_calendar_permissions::AddCalendarPermissions,
    delete_additional_calendars::DeleteAdditionalCalendars,
    delete_primary_calendar_events::DeletePrimaryCalendarEvents,
    remove_calendar_permissions::RemoveCalendarPermissions,
}
