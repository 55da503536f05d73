//! Applications registered in the tenant.

use std::collections::BTreeSet;

use pki_types::CertificateDer;
use pki_types::pem::PemObject;
use uuid::{Uuid, uuid};
use webpki::EndEntityCert;

use crate::tenant::TenantError;

/// The client id of the default application.
pub const CLIENT_ID: &str = "0a7e4005-e000-4000-8000-00000000c11e";

/// The client secret of the default application.
pub const CLIENT_SECRET: &str = "emulated~secret-of-the-default-application";

/// A certificate with its private key, in PEM, for tests.
pub const CERTIFICATE: &str = include_str!("certificate.pem");

/// The role of an application that may change administrators.
pub(crate) const PRIVILEGED_ROLE: &str = "Privileged Authentication Administrator";
/// The id of its template (2026-08).
pub(crate) const PRIVILEGED_ROLE_TEMPLATE: Uuid = uuid!("7be44c8a-adaf-4e2a-84d6-ab2649e08a13");

/// How many seconds Entra asks a device to wait between two polls (2024).
const POLL_INTERVAL: u64 = 5;

/// The permissions of the default application: enough to onboard and offboard.
const DEFAULT_ROLES: &[&str] = &[
    "Calendars.ReadWrite",
    "ChannelMember.ReadWrite.All",
    "Directory.Read.All",
    "Files.ReadWrite.All",
    "GroupMember.ReadWrite.All",
    "LicenseAssignment.Read.All",
    "LicenseAssignment.ReadWrite.All",
    "Mail.ReadWrite",
    "Mail.Send",
    "MailboxSettings.ReadWrite",
    "Member.Read.Hidden",
    "Organization.Read.All",
    "TeamMember.ReadWrite.All",
    "User.ReadWrite.All",
    "User.RevokeSessions.All",
];

/// An application that can ask for tokens.
#[derive(Clone, Debug)]
pub struct Application {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) roles: BTreeSet<String>,
    pub(crate) privileged: bool,
    pub(crate) expires_in: u64,
    pub(crate) secret_expired: bool,
    /// The certificates it may sign with, in DER.
    pub(crate) certificates: Vec<Vec<u8>>,
    /// The federated credentials: issuer, subject, audience.
    pub(crate) federated: Vec<[String; 3]>,
    /// The delegated permissions consented to; empty without consent.
    pub(crate) scopes: BTreeSet<String>,
    /// Whether people may sign in without the application proving itself.
    pub(crate) public: bool,
    pub(crate) poll_interval: u64,
    pub(super) problem: Option<TenantError>,
}

impl Default for Application {
    /// The default application with the permissions of a worker that onboards and offboards.
    fn default() -> Self {
        Self::new(CLIENT_ID, CLIENT_SECRET).roles(DEFAULT_ROLES)
    }
}

impl Application {
    /// An application without any permission.
    #[must_use]
    pub fn new(client_id: &str, client_secret: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            roles: BTreeSet::new(),
            privileged: false,
            expires_in: 3599,
            secret_expired: false,
            certificates: Vec::new(),
            federated: Vec::new(),
            scopes: BTreeSet::new(),
            public: false,
            poll_interval: POLL_INTERVAL,
            problem: None,
        }
    }

    /// Reports a mistake in what the builder was given.
    pub(crate) fn check(&self) -> Result<(), TenantError> {
        self.problem.clone().map_or(Ok(()), Err)
    }

    /// Gives the application another client secret.
    #[must_use]
    pub fn secret(mut self, client_secret: &str) -> Self {
        self.client_secret = client_secret.to_owned();
        self
    }

    /// Grants application permissions and revokes every other one.
    #[must_use]
    pub fn roles(mut self, roles: &[&str]) -> Self {
        self.roles = roles.iter().map(|&role| role.to_owned()).collect();
        self
    }

    /// Grants one more application permission.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.roles.insert(role.to_owned());
        self
    }

    /// Revokes one application permission.
    #[must_use]
    pub fn without_role(mut self, role: &str) -> Self {
        self.roles.remove(role);
        self
    }

    /// Gives the application a directory role that may change administrators.
    #[must_use]
    pub fn privileged(mut self) -> Self {
        self.privileged = true;
        self
    }

    /// How many seconds the tokens live.
    #[must_use]
    pub fn expires_in(mut self, seconds: u64) -> Self {
        self.expires_in = seconds;
        self
    }

    /// Makes the client secret expired.
    #[must_use]
    pub fn secret_expired(mut self) -> Self {
        self.secret_expired = true;
        self
    }

    /// Registers the certificate in this PEM text; a key beside it is not looked at.
    #[must_use]
    pub fn certificate(mut self, pem: &str) -> Self {
        let der = CertificateDer::from_pem_slice(pem.as_bytes());
        match der {
            Ok(der) if EndEntityCert::try_from(&der).is_ok() => self.certificates.push(der.to_vec()),
            _ => {
                let text = format!("application {}: the certificate is not PEM", self.client_id);
                self.problem = Some(TenantError::new(text));
            }
        }
        self
    }

    /// Trusts another issuer's tokens for this subject and audience.
    #[must_use]
    pub fn federated(mut self, issuer: &str, subject: &str, audience: &str) -> Self {
        self.federated.push([issuer, subject, audience].map(str::to_owned));
        self
    }

    /// Consents to delegated permissions and revokes every other one.
    #[must_use]
    pub fn scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self
    }

    /// Allows public client flows: people sign in on a device without the application proving itself.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.public = true;
        self
    }

    /// Asks devices to wait this many seconds between two polls.
    #[must_use]
    pub fn poll_interval(mut self, seconds: u64) -> Self {
        self.poll_interval = seconds;
        self
    }
}
