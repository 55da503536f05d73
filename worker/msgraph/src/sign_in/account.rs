//! Whether a person may sign in, the password, and the sessions.

use secrecy::SecretString;
use serde::Serialize;

use crate::error::Error;
use crate::http::client::Writer;
use crate::http::request::Write;
use crate::users::user::{PasswordProfile, UserPatch};

/// The body that replaces a password.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PasswordBody<'a> {
    password_profile: PasswordProfile<'a>,
}

impl Writer<'_> {
    /// Allows a person to sign in, or not.
    pub async fn set_account_enabled(self, user_id: &str, enabled: bool) -> Result<(), Error> {
        let patch = UserPatch { account_enabled: Some(enabled), ..UserPatch::default() };
        self.update_user(user_id, &patch).await
    }

    /// Sets another password, which the person has to change at the next sign-in.
    pub async fn set_password(self, user_id: &str, password: &SecretString) -> Result<(), Error> {
        let body = PasswordBody { password_profile: PasswordProfile::of(password) };
        self.send(Write::patch(&["users", user_id])?.json(&body)?).await
    }

    /// Ends a person's sessions. Issued access tokens stay valid until they expire.
    pub async fn revoke_sessions(self, user_id: &str) -> Result<(), Error> {
        // 200 with a body, or 204 as the documentation once said: any success counts.
        self.send(Write::post(&["users", user_id, "revokeSignInSessions"])?).await
    }
}
