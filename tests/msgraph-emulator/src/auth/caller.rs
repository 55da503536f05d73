//! The caller of Graph, and the permissions of the token.

use std::collections::BTreeSet;
use std::sync::Arc;

/// The caller of a Graph request, and the permissions of the token.
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
