//! The caller of Graph: what the token allows.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Who makes a Graph request, and what the token allows.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The permissions at the time the token was issued, as in Entra.
    pub(super) permissions: Arc<BTreeSet<String>>,
    /// Whether the caller may change administrators.
    pub(crate) privileged: bool,
    /// Whether the caller may write at all: an application may do no more for a user than the user.
    pub(crate) writes: bool,
}

impl Caller {
    /// Whether the token has one of these permissions.
    pub(crate) fn has_any(&self, permissions: &[&str]) -> bool {
        permissions.iter().any(|&permission| self.permissions.contains(permission))
    }
}
