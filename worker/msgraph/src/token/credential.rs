//! What authenticates the application to the sign-in service: a secret, a certificate, another issuer's token, or a
//! person's sign-in.

use std::path::PathBuf;

use secrecy::SecretString;

/// Who requests tokens, and how it authenticates.
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
    /// The application, with a token that another issuer made for this machine, for example for a Kubernetes service
    /// account.
    WorkloadIdentity {
        /// Holds the token; its issuer renews it.
        token_file: PathBuf,
    },
    /// A person who has signed in once, with [`DeviceSignIn`](crate::DeviceSignIn).
    ///
    /// Each new access token comes with a new refresh token. The client writes it to the file, safe on disk, before
    /// it uses the access token. If the process dies in between, or the answer is lost, the file holds the refresh
    /// token that was used, and that stays valid: Entra does not revoke a refresh token when it issues the next
    /// ("Refresh tokens in the Microsoft identity platform", read 2026-08). It ends 90 days after it was issued, or
    /// when sessions are revoked or the password is changed.
    ///
    /// The successors of a token given as a value are kept in memory only: a new process starts with the value
    /// again, which therefore works for 90 days at most.
    ServiceAccount(SecretSource),
}

/// A secret, or the file it is read from each time it is needed.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// The secret itself.
    Value(SecretString),
    /// A file that holds nothing else. A line break at its end is not part of the secret.
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
