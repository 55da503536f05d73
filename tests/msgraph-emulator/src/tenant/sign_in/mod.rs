//! Sign-in: what a user holds besides the password.

pub(super) mod temporary_access_pass;
