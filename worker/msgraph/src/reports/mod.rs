//! Usage reports.

pub(crate) mod csv;
pub(crate) mod report;
