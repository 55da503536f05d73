//! Sign-in: the account's state, sessions, password, sign-in methods and passes.

mod disable_account;
mod enable_account;
mod issue_temporary_access_pass;
mod remove_authentication_methods;
mod reset_password;
mod revoke_sessions;

pub mod cutoff;
pub mod pass_changes;
pub mod pass_mail;
pub mod passes;

use crate::action::register::register;

register! {
    disable_account::DisableAccount,
    enable_account::EnableAccount,
    issue_temporary_access_pass::IssueTemporaryAccessPass,
    remove_authentication_methods::RemoveAuthenticationMethods,
    reset_password::ResetPassword,
    revoke_sessions::RevokeSessions,
}
