//! Usage reports, as files on another host or as pages of JSON, and the setting that conceals names.

mod columns;
mod counts;
pub(crate) mod file;
mod json;
mod line;
mod report;
mod rows;
pub(crate) mod settings;
pub(crate) mod usage;
