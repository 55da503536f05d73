//! Groups: the groups themselves, their members and their owners.

pub(crate) mod changes;
pub(crate) mod group;
pub(crate) mod members;
pub(crate) mod owners;
