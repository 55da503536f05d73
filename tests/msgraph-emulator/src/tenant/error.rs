//! The error of a tenant with a mistake.

/// A mistake in a tenant: a sentence that names the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TenantError(pub(crate) String);

impl TenantError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}
