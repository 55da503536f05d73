//! Groups: their kind, members and owners.

pub(crate) mod group;
pub(crate) mod members;
pub(crate) mod owners;
