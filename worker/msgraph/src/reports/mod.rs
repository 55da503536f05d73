//! Usage reports and their settings.

pub(crate) mod csv;
pub(crate) mod report;
pub(crate) mod report_settings;
