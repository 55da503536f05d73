//! Teams and their channels.

pub(crate) mod members;
