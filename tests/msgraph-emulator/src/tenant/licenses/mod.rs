//! Licences: subscriptions, and their assignment to users.

pub(super) mod assignment;
pub(super) mod sku;
pub(super) mod subscription;
