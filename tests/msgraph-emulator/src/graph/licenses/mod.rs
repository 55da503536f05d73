//! Licences: subscriptions, and their assignment to users.

pub(crate) mod assignment;
pub(crate) mod subscriptions;
