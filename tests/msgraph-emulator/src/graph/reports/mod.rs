//! Reports: usage by person, and the setting that conceals names.

pub(crate) mod settings;
pub(crate) mod usage;
pub(crate) mod user_detail;
