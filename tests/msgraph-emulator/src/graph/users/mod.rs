//! Users: the accounts themselves, their managers, what changed, and what was deleted.

pub(crate) mod deleted;
pub(crate) mod delta;
pub(crate) mod list;
pub(crate) mod manager;
mod rounds;
mod sign_ins;
pub(crate) mod user;
