//! Rows: what each kind says, as columns that become JSON, CSV and a schema alike.

pub(crate) mod column;
pub(crate) mod json;
pub(crate) mod license_assignment;
pub(crate) mod removed_user;
pub(crate) mod schema;
pub(crate) mod sign_in;
pub(crate) mod sku;
pub(crate) mod subscription;
pub(crate) mod usage;
pub(crate) mod usage_app;
pub(crate) mod usage_day;
pub(crate) mod usage_group;
pub(crate) mod usage_person;
pub(crate) mod user;
pub(crate) mod waste;
