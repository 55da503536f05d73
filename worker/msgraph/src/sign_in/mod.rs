//! How people sign in: their authentication methods and temporary access passes.

pub(crate) mod account;
pub(crate) mod authentication_methods;
pub(crate) mod temporary_access_passes;
