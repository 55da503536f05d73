//! Usage: which apps people used on which days.

pub(crate) mod apps;
mod day;
mod groups;
mod licensed;
pub(crate) mod options;
pub(crate) mod pass;
mod person;
pub(crate) mod privacy;
pub(crate) mod reported;
pub(crate) mod row;
pub(crate) mod state;
pub(crate) mod summary;
pub(crate) mod tally;
pub(crate) mod window;
