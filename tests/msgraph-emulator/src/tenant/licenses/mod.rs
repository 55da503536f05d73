//! Licences: what the tenant has bought, and who holds it.

pub(super) mod assignment;
pub(super) mod sku;
