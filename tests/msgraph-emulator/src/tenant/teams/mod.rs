//! Teams: channels with members of their own.

pub(super) mod channel;
