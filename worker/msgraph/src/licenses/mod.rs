//! Licences: those the tenant bought and those a person has.

pub(crate) mod assignment;
pub(crate) mod change;
pub(crate) mod company_subscription;
pub(crate) mod subscription;
