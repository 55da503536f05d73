//! What Graph's refusal of an account's properties means.

use crate::Error;
use crate::users::properties::Update;

/// The refusal of a new account, or of properties for one that exists.
pub fn of_account(error: msgraph::Error) -> Error {
    match error.status() {
        Some(400 | 409) if error.is_address_taken() => {
            let detail = "another object, such as a group, a contact or a deleted user, has this e-mail address or \
                          alias; set another email, upn or mail_nickname";
            Error::blocked("mail_taken", detail).explains(error)
        }
        // A parallel run was faster, or another person took the name: the next look finds out.
        Some(400 | 409) if error.is_already_exists() => Error::StalePlan("the account exists now"),
        Some(400) if error.is_password_refused() => {
            let detail = "the tenant's policy rejects the generated password of 69 characters of all kinds; check \
                          its banned passwords, then replay to generate another";
            Error::blocked("password_refused", detail).explains(error)
        }
        Some(400) => {
            let detail = format!("Graph rejects the account: {error}");
            Error::blocked("invalid_properties", detail).explains(error)
        }
        _ => error.into(),
    }
}

/// The refusal of an update.
pub fn of_update(update: &Update, error: msgraph::Error) -> Error {
    match error.status() {
        Some(400 | 409) if error.is_already_exists() => {
            let detail = format!(
                "another object, perhaps deleted, has the address for user {}; set another mail",
                update.user
            );
            Error::blocked("value_taken", detail).explains(error)
        }
        Some(400) if !error.is_synced() => {
            let detail = format!("Graph rejects {}: {error}", update.names.join(", "));
            Error::blocked("invalid_properties", detail).explains(error)
        }
        _ => Error::from(error).or_missing("permission_missing", || {
            "setting properties needs User.ReadWrite.All, and for an administrator's mobile number also a \
                 directory role (Privileged Authentication Administrator) on the application"
                .to_owned()
        }),
    }
}
