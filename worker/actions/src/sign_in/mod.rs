//! Signing in: who can, with what, and who no longer can.

mod disable_account;
mod enable_account;
mod issue_temporary_access_pass;
mod remove_authentication_methods;
mod reset_password;
mod revoke_sessions;

pub mod pass_mail;

use crate::action::driver::Entry;

/// The actions.
pub fn entries() -> Vec<Entry> {
    vec![
        Entry::of::<disable_account::DisableAccount>(),
        Entry::of::<enable_account::EnableAccount>(),
        Entry::of::<issue_temporary_access_pass::IssueTemporaryAccessPass>(),
        Entry::of::<remove_authentication_methods::RemoveAuthenticationMethods>(),
        Entry::of::<reset_password::ResetPassword>(),
        Entry::of::<revoke_sessions::RevokeSessions>(),
    ]
}
