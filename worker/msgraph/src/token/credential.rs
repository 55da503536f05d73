//! What proves to the sign-in service who asks: a secret, a certificate, another issuer's token, or a person.
//!
//! **Guarantees.** Whatever is in a file is read anew for every token, so that it can be replaced while a worker
//! runs. No error's text holds anything of what was read.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{certificate, refresh_token};
use crate::error::Error;
use crate::settings::Endpoints;

/// No secret, certificate or token is longer.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// What the documentation of the client credentials flow calls a JWT that proves the application (2025-01).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Who asks for tokens, and what proves it.
#[derive(Debug, Clone)]
pub enum Credential {
    /// The application, with the value of one of its client secrets.
    Secret(SecretSource),
    /// The application, with the key of a certificate that is registered for it.
    Certificate {
        /// PEM with key and certificate, or PKCS#12; the key is an RSA key.
        file: PathBuf,
        /// The password of a PKCS#12 file.
        password: Option<SecretSource>,
    },
    /// The application, with a token that another issuer made for this machine: a Kubernetes service account's.
    WorkloadIdentity {
        /// Holds the token; whoever issues it renews it.
        token_file: PathBuf,
    },
    /// A person who has signed in once, with [`DeviceSignIn`](crate::DeviceSignIn).
    ///
    /// Each new access token brings a new refresh token. One in a file is replaced by it, safe on disk, before
    /// the access token is used. If the process dies in between, or the answer is lost, the file holds the one
    /// that was used, and that stays good: Entra does not take a refresh token back when it hands out the next
    /// ("Refresh tokens in the Microsoft identity platform", read 2026-08). It ends 90 days after it was
    /// issued, or when sessions are revoked or the password is changed.
    ///
    /// One that is given as a value is followed in memory only: a process that starts anew begins with the
    /// value again, which therefore works for 90 days at most.
    ServiceAccount(SecretSource),
}

/// A secret, or the file it is read from each time it is needed.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// The secret itself.
    Value(SecretString),
    /// A file that holds nothing else; a line end at its end is not part of the secret.
    File(PathBuf),
}

impl From<SecretString> for Credential {
    /// The value of a client secret.
    fn from(secret: SecretString) -> Self {
        Self::Secret(SecretSource::Value(secret))
    }
}

impl From<String> for Credential {
    /// The value of a client secret.
    fn from(secret: String) -> Self {
        SecretString::from(secret).into()
    }
}

impl From<&str> for Credential {
    /// The value of a client secret.
    fn from(secret: &str) -> Self {
        SecretString::from(secret).into()
    }
}

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

    /// The refresh token that is being used, where one is.
    pub(super) fn refresh_token(&self) -> Option<SecretString> {
        self.0.iter().find(|(name, _)| *name == "refresh_token").map(|(_, value)| value.clone())
    }

    pub(super) fn pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.expose_secret())).collect()
    }
}

impl Credential {
    /// Whether a proof can be made without reading a file.
    pub(super) fn is_at_hand(&self) -> bool {
        matches!(self, Self::Secret(SecretSource::Value(_)) | Self::ServiceAccount(SecretSource::Value(_)))
    }

    /// The form that asks for a token, the application's id aside. Reads files: not for a thread that must not wait.
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

/// Reads a small file whole.
fn read_file(what: &str, path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes))
        .map_err(|error| unreadable(what, path, &error))?;
    Ok(bytes)
}

pub(super) fn unreadable(what: &str, path: &Path, error: &std::io::Error) -> Error {
    let path = path.display();
    Error::credential(format!(
        "cannot read the {what} from {path}: {error}; check the path and that the worker may read it"
    ))
}

fn text(what: &str, bytes: Vec<u8>) -> Result<SecretString, Error> {
    let text = String::from_utf8(bytes);
    text.map(SecretString::from).map_err(|_| {
        Error::credential(format!("the {what}'s file is not text; write the {what} alone into it"))
    })
}
