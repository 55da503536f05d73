//! Rights: directory roles, assignments to applications, consents, and service principals.

pub(crate) mod assignments;
pub(crate) mod principals;
