//! Licences: what the tenant bought and what a person holds.

pub(crate) mod assignment;
pub(crate) mod change;
pub(crate) mod subscription;
