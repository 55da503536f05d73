//! Rights: directory roles, assignments to applications and consents.

pub(crate) mod directory_roles;
