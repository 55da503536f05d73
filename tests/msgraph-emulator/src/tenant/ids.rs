//! Ids that follow from names, so that two starts are alike.

use uuid::{Uuid, uuid};

use crate::tenant::{PRIVILEGED_ROLE, PRIVILEGED_ROLE_TEMPLATE};

/// The directory id of the tenants made here.
pub const TENANT_ID: Uuid = Uuid::from_u128(0xc0_47_05_0e_4a_11_4d_5e_9f_00_6a_7e_40_05_e0_01);

/// An id that follows from a kind and a name, alike in every tenant.
pub(crate) fn name_id(kind: &str, name: &str) -> Uuid {
    Uuid::new_v5(&TENANT_ID, format!("{kind}/{name}").as_bytes())
}

/// The id of the directory role with this name.
pub(crate) fn role_id(name: &str) -> Uuid {
    name_id("role", name)
}

/// The id of a directory role's template, which is that of its definition as well: Microsoft's own where clients know it
/// (Microsoft Entra built-in roles, 2026).
pub(crate) fn role_template(name: &str) -> Uuid {
    match name {
        "Global Administrator" => uuid!("62e90394-69f5-4237-9190-012177145e10"),
        "Privileged Role Administrator" => uuid!("e8611ab8-c189-46e8-94e1-60213ab1f814"),
        PRIVILEGED_ROLE => PRIVILEGED_ROLE_TEMPLATE,
        name => role_id(name),
    }
}

/// An opaque id.
pub(in crate::tenant) fn opaque(kind: &str, name: &str) -> String {
    format!("AAMk{}=", name_id(kind, name).simple())
}
