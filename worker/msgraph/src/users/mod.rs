//! People and their accounts: read, listed, created, changed, deleted and restored.

pub(crate) mod deleted;
pub(crate) mod delta;
pub(crate) mod manager;
pub(crate) mod organization;
pub(crate) mod user;
