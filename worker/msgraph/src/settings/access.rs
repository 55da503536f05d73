//! What may be done in a tenant.

/// What may be done in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Look: no write is ever sent.
    Read,
    /// Look and act.
    Act,
}
