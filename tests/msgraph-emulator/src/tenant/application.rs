//! Applications registered in the tenant.

use std::collections::BTreeSet;

/// The client id of the default application.
pub const CLIENT_ID: &str = "0a7e4005-e000-4000-8000-00000000c11e";

/// The client secret of the default application.
pub const CLIENT_SECRET: &str = "emulated~secret-of-the-default-application";

/// What the default application may do: enough to let people in and out.
const DEFAULT_ROLES: &[&str] = &[
    "Directory.Read.All",
    "GroupMember.ReadWrite.All",
    "LicenseAssignment.Read.All",
    "LicenseAssignment.ReadWrite.All",
    "Organization.Read.All",
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
}

impl Default for Application {
    /// The default application with the permissions of a worker that lets people in and out.
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
        }
    }

    /// Grants application permissions and takes every other one away.
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

    /// Takes one application permission away.
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

    /// Lets the client secret have run out.
    #[must_use]
    pub fn secret_expired(mut self) -> Self {
        self.secret_expired = true;
        self
    }
}
