//! What people use, and what the service behind usage reports makes of it.

pub(crate) mod day;
pub(crate) mod habits;
pub(crate) mod people;
pub(crate) mod switches;
pub(crate) mod totals;
