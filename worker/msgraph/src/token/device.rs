//! The first sign-in of a service account, by a person on any device with a browser: the device code flow of RFC 8628.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use tokio::time::Instant;

use super::credential::{Credential, SecretSource};
use super::endpoint::{Granted, SecretText, SignInService};
use super::proof::Form;
use super::refresh_token;
use crate::error::Error;
use crate::http::transport::http_client;
use crate::settings::Settings;
use crate::settings::endpoints::Endpoints;

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How long to wait between two polls if the service does not say (RFC 8628, 3.2).
const DEFAULT_INTERVAL: u64 = 5;
/// What `slow_down` adds to the wait (RFC 8628, 3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);

/// A sign-in that waits for the person.
pub struct DeviceSignIn {
    service: SignInService,
    file: PathBuf,
    device_code: SecretText,
    user_code: String,
    verification_uri: String,
    interval: Duration,
    expires_in: Duration,
    expires_at: Instant,
}

/// The account that signed in, and the permissions of the application on its behalf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user principal name, if the sign-in service sends it.
    pub user_principal_name: Option<String>,
    /// The directory id of the tenant, if the sign-in service sends it.
    pub tenant_id: Option<String>,
    /// The consented delegated permissions.
    pub permissions: Vec<String>,
}

#[derive(Deserialize)]
struct DeviceCode {
    device_code: SecretText,
    user_code: String,
    verification_uri: String,
    expires_in: u64,
    interval: Option<u64>,
}

#[derive(Deserialize)]
struct Claims {
    preferred_username: Option<String>,
    tid: Option<String>,
}

/// What to do after a poll without tokens.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Wait(Duration),
    GiveUp(&'static str),
}

impl DeviceSignIn {
    /// Requests a code.
    ///
    /// # Errors
    ///
    /// Invalid settings, settings without a service account's file, and errors of the sign-in service.
    pub async fn begin(settings: &Settings) -> Result<Self, Error> {
        let Credential::ServiceAccount(SecretSource::File(file)) = &settings.credential else {
            return Err(Error::settings("set the file for the service account's refresh token"));
        };
        refresh_token::check_place(file)?;
        let endpoints = Endpoints::of(settings)?;
        let http = http_client(settings, &endpoints)?;
        let service = SignInService::new(&http, endpoints, &settings.client_id, &Arc::default());
        let code: DeviceCode = service.device_code().await?;
        let expires_in = Duration::from_secs(code.expires_in.min(24 * 60 * 60));
        Ok(Self {
            service,
            file: file.clone(),
            device_code: code.device_code,
            user_code: code.user_code,
            verification_uri: code.verification_uri,
            // Zero would cause a busy loop.
            interval: Duration::from_secs(code.interval.unwrap_or(DEFAULT_INTERVAL).clamp(1, 60)),
            expires_in,
            expires_at: Instant::now() + expires_in,
        })
    }

    /// The code that the person types.
    pub fn user_code(&self) -> &str {
        &self.user_code
    }

    /// Where the person types it.
    pub fn verification_uri(&self) -> &str {
        &self.verification_uri
    }

    /// How long the code is valid.
    pub fn expires_in(&self) -> Duration {
        self.expires_in
    }

    /// Waits for the person, and writes the refresh token to its file.
    ///
    /// # Errors
    ///
    /// The person declined or did not sign in, the sign-in service refused, or the file cannot be written.
    pub async fn finish(self) -> Result<Account, Error> {
        let mut interval = self.interval;
        let granted = loop {
            tokio::time::sleep(interval).await;
            let form = Form::new(DEVICE_CODE).with("device_code", self.device_code.0.clone());
            let error = match self.service.tokens(form).await {
                Ok(granted) => break granted,
                Err(error) => error,
            };
            match after(&error, interval) {
                Some(Next::Wait(wait)) if Instant::now() + wait < self.expires_at => interval = wait,
                Some(Next::Wait(_)) => return Err(Error::credential(TOO_LATE)),
                Some(Next::GiveUp(why)) => return Err(Error::credential(why)),
                None => return Err(error),
            }
        };
        let token = granted.refresh_token.clone().ok_or_else(|| {
            Error::credential(
                "the sign-in returned no refresh token; allow the application to request offline_access",
            )
        })?;
        let file = self.file;
        let stored = tokio::task::spawn_blocking(move || refresh_token::store(&file, &token)).await;
        stored.map_err(|_| Error::internal("the refresh token's file could not be written"))??;
        Ok(Account::of(&granted))
    }
}

const TOO_LATE: &str = "nobody signed in before the code expired; start again";

/// `None` if the error itself is the result.
fn after(error: &Error, interval: Duration) -> Option<Next> {
    match error.sign_in_error() {
        "authorization_pending" => Some(Next::Wait(interval)),
        "slow_down" => Some(Next::Wait(interval + SLOW_DOWN)),
        "authorization_declined" | "access_denied" => Some(Next::GiveUp(
            "the sign-in was declined; start again and accept it, as an administrator if consent is required",
        )),
        "expired_token" => Some(Next::GiveUp(TOO_LATE)),
        "bad_verification_code" => {
            Some(Next::GiveUp("the sign-in service no longer knows the code; start again"))
        }
        // An outage ends nothing: the person may still be typing.
        _ if error.is_transient() => Some(Next::Wait(interval + SLOW_DOWN)),
        _ => None,
    }
}

impl Account {
    fn of(granted: &Granted) -> Self {
        let claims = granted.id_token.as_deref().and_then(claims);
        let (user_principal_name, tenant_id) =
            claims.map(|claims| (claims.preferred_username, claims.tid)).unwrap_or_default();
        let scope = granted.scope.as_deref().unwrap_or_default();
        let permissions = scope.split_whitespace().map(|scope| scope.rsplit('/').next().unwrap_or(scope));
        Self { user_principal_name, tenant_id, permissions: permissions.map(str::to_owned).collect() }
    }
}

/// The claims of an id token. Its signature is not checked: it came from the sign-in service itself, over TLS.
fn claims(id_token: &str) -> Option<Claims> {
    let payload = id_token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use reqwest::Method;
    use reqwest::header::HeaderMap;

    use super::*;
    use crate::error::answer::Answer;
    use crate::error::context::{Context, Peer};
    use crate::error::sign_in::SignInRefusal;

    fn refused(status: u16, body: &str) -> Error {
        let answer = Answer::of_head(status, &HeaderMap::new()).with_body(body.as_bytes());
        let refusal = SignInRefusal::new(answer.sign_in_number, status);
        let (method, address, request_id) = (Method::POST, String::new(), String::new());
        let context = Context { peer: Peer::SignIn, method, address, request_id };
        Error::sign_in(refusal, answer, &context)
    }

    #[test]
    fn a_poll_is_repeated_only_while_the_person_may_still_come() {
        let interval = Duration::from_secs(5);
        let rows = [
            (400, r#"{"error":"authorization_pending","error_codes":[70016]}"#, Some(5)),
            (400, r#"{"error":"slow_down"}"#, Some(10)),
            (503, "<html>", Some(10)),
            (429, "", Some(10)),
        ];
        for (status, body, seconds) in rows {
            let wait = seconds.map(|seconds| Next::Wait(Duration::from_secs(seconds)));
            assert_eq!(after(&refused(status, body), interval), wait, "{body}");
        }
        for error in ["authorization_declined", "access_denied", "expired_token", "bad_verification_code"] {
            let next = after(&refused(400, &format!(r#"{{"error":"{error}"}}"#)), interval);
            assert!(matches!(next, Some(Next::GiveUp(why)) if why.contains("start again")), "{error}");
        }
        let consent = refused(400, r#"{"error":"invalid_grant","error_codes":[65001]}"#);
        assert_eq!(after(&consent, interval), None);
    }

    #[test]
    fn an_id_token_that_is_none_names_nobody() {
        for text in ["", "a.b.c", "a.e30.c", "..", "e30"] {
            let found = claims(text);
            assert!(found.is_none_or(|claims| claims.preferred_username.is_none()), "{text}");
        }
    }
}
