//! OneDrive: drives, the items in them, and who may open them.

pub(crate) mod drives;
pub(crate) mod items;
