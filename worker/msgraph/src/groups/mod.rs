//! Groups: their kind, members and owners.

pub(crate) mod group;
