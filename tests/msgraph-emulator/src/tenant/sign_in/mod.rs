//! Sign-in: credentials of a user besides the password.

pub(super) mod temporary_access_pass;
