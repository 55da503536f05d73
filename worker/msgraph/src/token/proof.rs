//! The form of a token request, with the proof that a credential gives.
//!
//! **Guarantees.** Every token request reads the credential's files again, so that they can be replaced while a worker
//! runs. No error's text contains any part of their content.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::credential::{Credential, SecretSource};
use super::secret_file::{read_file, text};
use super::{certificate, refresh_token};
use crate::error::Error;
use crate::settings::Settings;
use crate::settings::endpoints::Endpoints;

/// What the documentation of the client credentials flow calls a JWT that proves the application (2025-01).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The fields of a request for a token.
pub(super) struct Form(Vec<(&'static str, SecretString)>);

impl Form {
    pub(super) fn empty() -> Self {
        Self(Vec::new())
    }

    pub(super) fn new(grant_type: &'static str) -> Self {
        Self::empty().with("grant_type", grant_type)
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<SecretString>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// The refresh token in the form, if it has one.
    pub(super) fn refresh_token(&self) -> Option<SecretString> {
        self.0.iter().find(|(name, _)| *name == "refresh_token").map(|(_, value)| value.clone())
    }

    pub(super) fn pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.expose_secret())).collect()
    }
}

impl Settings {
    /// Checks without a network whether a token can be requested: reads the credential's files, and signs with a
    /// certificate's key. It may take a moment.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings or the files, and how to fix it.
    pub fn check(&self) -> Result<(), Error> {
        let endpoints = Endpoints::of(self)?;
        self.credential.prove(self.client_id.trim(), &endpoints).map(|_| ())
    }

    /// When the credential ends, if it tells: a certificate does. Nobody tells when a secret ends without a permission
    /// to read applications. Reads files, so it must not run on a thread that may not block.
    #[must_use]
    pub fn credential_ends(&self) -> Option<Timestamp> {
        let Credential::Certificate { file, password } = &self.credential else { return None };
        let password = password.as_ref().map(|password| password.read("certificate password")).transpose();
        certificate::ends(&read_file("certificate", file).ok()?, password.ok()?.as_ref())
    }
}

impl Credential {
    /// Whether a proof can be made without reading a file.
    pub(super) fn is_at_hand(&self) -> bool {
        matches!(self, Self::Secret(SecretSource::Value(_)) | Self::ServiceAccount(SecretSource::Value(_)))
    }

    /// The form of a token request, without the application's id. Reads files, so it must not run on a thread that may
    /// not block.
    pub(super) fn prove(&self, client_id: &str, endpoints: &Endpoints) -> Result<Form, Error> {
        let form = match self {
            Self::Secret(source) => {
                Form::new("client_credentials").with("client_secret", source.read("client secret")?)
            }
            Self::Certificate { file, password } => {
                let password = password.as_ref().map(|password| password.read("certificate password"));
                let file = read_file("certificate", file)?;
                let assertion = certificate::assertion(
                    &file,
                    password.transpose()?.as_ref(),
                    endpoints.token_url.as_str(),
                    client_id,
                )?;
                asserting(assertion)
            }
            Self::WorkloadIdentity { token_file } => {
                let token = text("federated token", read_file("federated token", token_file)?)?;
                asserting(token.expose_secret().trim().into())
            }
            Self::ServiceAccount(source) => {
                let token = match source {
                    SecretSource::File(file) => refresh_token::read(file)?,
                    SecretSource::Value(_) => source.read("refresh token")?,
                };
                let scope = endpoints.delegated_scope.as_str();
                return Ok(Form::new("refresh_token").with("refresh_token", token).with("scope", scope));
            }
        };
        Ok(form.with("scope", endpoints.scope.as_str()))
    }
}

impl SecretSource {
    fn read(&self, what: &str) -> Result<SecretString, Error> {
        let secret = match self {
            Self::Value(value) => value.clone(),
            Self::File(file) => {
                let all = text(what, read_file(what, file)?)?;
                all.expose_secret().trim_end_matches(['\r', '\n']).into()
            }
        };
        if secret.expose_secret().is_empty() {
            return Err(Error::credential(format!("the {what} is empty; set it")));
        }
        Ok(secret)
    }
}

fn asserting(assertion: SecretString) -> Form {
    Form::new("client_credentials")
        .with("client_assertion_type", JWT_BEARER)
        .with("client_assertion", assertion)
}
