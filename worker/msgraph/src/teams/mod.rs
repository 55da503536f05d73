//! Teams and their channels.

pub(crate) mod channels;
pub(crate) mod members;
