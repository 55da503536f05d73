//! Rows: what each kind says, as columns that become JSON, CSV and a schema alike.

pub(crate) mod column;
pub(crate) mod removed_user;
pub(crate) mod sign_in;
pub(crate) mod user;
