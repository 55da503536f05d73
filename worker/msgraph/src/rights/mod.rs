//! Rights: directory roles, assignments to applications and consents.

pub(crate) mod app_assignments;
pub(crate) mod app_consents;
pub(crate) mod application_roles;
pub(crate) mod directory_roles;
pub(crate) mod role_holders;
pub(crate) mod role_templates;
