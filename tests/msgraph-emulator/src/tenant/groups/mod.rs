//! Groups and memberships.

pub(super) mod group;
pub(super) mod membership;
