//! Licences: what the tenant has bought, and who has it.

pub(crate) mod assignment;
pub(crate) mod subscriptions;
