//! OneDrive: drives, the files in them, and copies under way.

pub(super) mod access;
pub(super) mod copies;
pub(super) mod copying;
pub(super) mod drive;
pub(super) mod files;
