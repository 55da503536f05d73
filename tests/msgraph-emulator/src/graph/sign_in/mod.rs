//! Sign-in: authentication methods and temporary access passes.

pub(crate) mod authentication_methods;
pub(crate) mod sessions;
pub(crate) mod temporary_access_passes;
