//! OneDrives: their quota, permissions, content and copies.

pub(crate) mod copy;
pub(crate) mod drive;
pub(crate) mod items;
pub(crate) mod quick_xor_hash;
pub(crate) mod seal;
