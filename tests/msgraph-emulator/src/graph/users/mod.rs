//! Users: the accounts themselves, their managers, what changed, and what was deleted.

pub(crate) mod deleted;
pub(crate) mod delta;
pub(crate) mod manager;
pub(crate) mod user;
