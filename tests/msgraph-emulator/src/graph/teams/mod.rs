//! Teams: channels, and the members of teams and channels.

pub(crate) mod channels;
pub(crate) mod members;
