//! The settings of a connection to a tenant.

pub(crate) mod access;
pub(crate) mod cloud;
pub(crate) mod endpoints;
pub(crate) mod exchange_admin;

use std::time::Duration;

use crate::lane::limits::Limits;
use crate::onedrive::seal::Seal;
use crate::token::credential::Credential;
use access::Access;
use cloud::Cloud;
use exchange_admin::ExchangeAdmin;

/// One connection to one Microsoft 365 tenant.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The tenant: its directory id or one of its domains.
    pub tenant_id: String,
    /// The application's (client) id.
    pub client_id: String,
    /// What authenticates the application to the sign-in service.
    pub credential: Credential,
    /// Where tokens come from.
    pub login_url: String,
    /// The root of Microsoft Graph; the client appends `/v1.0`.
    pub graph_url: String,
    /// Where to administer Exchange over an interface that Microsoft does not document; `None` turns that off.
    pub exchange_admin: Option<ExchangeAdmin>,
    /// How long one attempt may take, from connecting to the last byte of the answer.
    pub request_timeout: Duration,
    /// How long after its first attempt the client may retry a request; zero means never.
    pub retry_budget: Duration,
    /// The client refuses longer answers.
    pub max_body_bytes: usize,
    /// Whether the client sends simultaneous calls together in `$batch`.
    pub batching: bool,
    /// How much of Microsoft's published limits this process may use.
    pub limits: Limits,
    /// What may be done in the tenant.
    pub access: Access,
    /// Seals the addresses at which copies are monitored.
    pub seal: Seal,
    /// Sent with every request. Microsoft asks for `ISV|Company|App/1.0` or `NONISV|Company|App/1.0`.
    pub user_agent: String,
}

impl Settings {
    /// Settings for the global cloud with the default limits.
    pub fn new(tenant_id: impl Into<String>, client_id: impl Into<String>, credential: Credential) -> Self {
        Self {
            tenant_id: tenant_id.into(),
            client_id: client_id.into(),
            credential,
            login_url: Cloud::Global.login_url().to_owned(),
            graph_url: Cloud::Global.graph_url().to_owned(),
            exchange_admin: None,
            request_timeout: Duration::from_secs(30),
            retry_budget: Duration::from_secs(20),
            max_body_bytes: 8 * 1024 * 1024,
            batching: true,
            limits: Limits::default(),
            access: Access::Act,
            seal: Seal::of(&[]),
            user_agent: concat!("NONISV|Gatehouse|Gatehouse/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// The same settings with the addresses of this cloud.
    #[must_use]
    pub fn in_cloud(self, cloud: Cloud) -> Self {
        Self { login_url: cloud.login_url().to_owned(), graph_url: cloud.graph_url().to_owned(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_not_printed() {
        let settings = Settings::new("contoso.example", "app", "s3cret-value".into());
        assert!(!format!("{settings:?}").contains("s3cret-value"));
    }
}
