//! OneDrive: drives, the files in them, and copies under way.

pub(super) mod copies;
pub(super) mod drive;
pub(super) mod files;
