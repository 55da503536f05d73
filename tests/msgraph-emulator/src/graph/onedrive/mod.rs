//! OneDrive: drives, their sharing, and the items in them.

pub(crate) mod drives;
pub(crate) mod items;
