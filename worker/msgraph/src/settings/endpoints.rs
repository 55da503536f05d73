//! The addresses of a tenant, checked before a token is sent there.

use std::net::IpAddr;

use reqwest::Url;

use super::Settings;
use super::exchange_admin::ExchangeAdmin;
use crate::error::Error;

/// The addresses of a tenant, parsed and safe to send a token to.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    /// Where tokens come from, complete with the tenant.
    pub token_url: Url,
    /// Where a device gets a code for a person's sign-in.
    pub device_code_url: Url,
    /// `https://graph.microsoft.com/v1.0`, without a trailing slash.
    pub graph: String,
    /// The same, parsed. A link to a next page must lead there.
    pub graph_url: Url,
    /// The scope of a token for the application.
    pub scope: String,
    /// The scope of a token on behalf of a person: the consented permissions, a refresh token and the identity.
    pub delegated_scope: String,
    /// Where to administer Exchange, if that is turned on.
    pub exchange_admin: Option<Url>,
    /// Neither address needs TLS.
    pub plain: bool,
    /// Both addresses need TLS.
    pub encrypted: bool,
}

impl Endpoints {
    pub(crate) fn of(settings: &Settings) -> Result<Self, Error> {
        let graph_root = root("Graph address", &settings.graph_url)?;
        let login_root = root("login address", &settings.login_url)?;
        let tenant = settings.tenant_id.trim();
        // The id becomes part of the token's path; GUIDs and domains need no other characters.
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if !tenant.starts_with(|c: char| c.is_ascii_alphanumeric()) || !tenant.chars().all(allowed) {
            return Err(Error::settings(
                "set the tenant id to the directory id (a GUID) or a domain of the tenant",
            ));
        }
        if settings.client_id.trim().is_empty() {
            return Err(Error::settings("set the client id to the application's id"));
        }
        let graph = format!("{graph_root}/v1.0");
        let sign_in = format!("{login_root}/{tenant}/oauth2/v2.0");
        let parse =
            |text: &str| Url::parse(text).map_err(|_| Error::settings("an address is not a valid URL"));
        let (graph_url, token_url) = (parse(&graph)?, parse(&format!("{sign_in}/token"))?);
        let exchange_admin = match &settings.exchange_admin {
            Some(ExchangeAdmin { url, .. }) => {
                let root = root("Exchange address", url)?;
                Some(parse(&format!("{root}/adminapi/beta/{tenant}/InvokeCommand"))?)
            }
            None => None,
        };
        let addresses = [&graph_url, &token_url].into_iter().chain(&exchange_admin);
        let secure: Vec<_> = addresses.map(|url| url.scheme() == "https").collect();
        Ok(Self {
            token_url,
            device_code_url: parse(&format!("{sign_in}/devicecode"))?,
            graph,
            graph_url,
            scope: format!("{graph_root}/.default"),
            delegated_scope: format!("{graph_root}/.default offline_access openid profile"),
            exchange_admin,
            plain: !secure.contains(&true),
            encrypted: !secure.contains(&false),
        })
    }
}

impl Endpoints {
    /// The same addresses, with tokens for the administration of Exchange.
    pub(crate) fn for_exchange_admin(&self, scope: &str) -> Self {
        let delegated_scope = format!("{scope} offline_access openid profile");
        Self { scope: scope.to_owned(), delegated_scope, ..self.clone() }
    }
}

/// The address without its trailing slash, if a token may be sent there.
fn root(name: &str, text: &str) -> Result<String, Error> {
    let text = text.trim().trim_end_matches('/');
    let url = Url::parse(text)
        .map_err(|_| Error::settings(format!("the {name} is not a URL; write it like https://host")))?;
    let clean = url.username().is_empty() && url.password().is_none();
    if !clean || url.query().is_some() || url.fragment().is_some() {
        return Err(Error::settings(format!("the {name} must have no user, query or fragment")));
    }
    match url.scheme() {
        "https" => Ok(text.to_owned()),
        "http" if is_loopback(&url) => Ok(text.to_owned()),
        _ => Err(Error::settings(format!(
            "the {name} must begin with https://, because a token would be sent unencrypted; \
             http:// is accepted for this machine only (127.0.0.1, [::1], localhost)"
        ))),
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::cloud::Cloud;

    fn settings(login: &str, graph: &str) -> Settings {
        Settings {
            login_url: login.to_owned(),
            graph_url: graph.to_owned(),
            ..Settings::new("contoso.example", "app", "s3cret-value".into())
        }
    }

    #[test]
    fn the_defaults_are_the_global_cloud() {
        let endpoints = Endpoints::of(&Settings::new("contoso.example", "app", "x".into())).unwrap();
        assert_eq!(
            endpoints.token_url.as_str(),
            "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"
        );
        assert_eq!(endpoints.graph, "https://graph.microsoft.com/v1.0");
        assert_eq!(endpoints.scope, "https://graph.microsoft.com/.default");
        assert!(endpoints.encrypted && !endpoints.plain);
    }

    #[test]
    fn http_is_for_this_machine_only() {
        for here in ["http://127.0.0.1:8080", "http://127.9.9.9/", "http://[::1]:1", "http://localhost:2"] {
            assert!(Endpoints::of(&settings(here, here)).unwrap().plain, "{here}");
        }
        let away = ["http://graph.contoso.example", "http://10.0.0.1", "http://127.0.0.1.contoso.example"];
        for away in away.into_iter().chain(["ftp://127.0.0.1", "graph.microsoft.com", "https://a:b@host"]) {
            let secure = "https://login.microsoftonline.com";
            assert!(Endpoints::of(&settings(secure, away)).is_err(), "{away}");
            assert!(Endpoints::of(&settings(away, secure)).is_err(), "{away}");
        }
    }

    #[test]
    fn a_tenant_id_cannot_lead_to_another_path() {
        for tenant in ["", "  ", "a/b", "..", "a?b", "a b"] {
            let mut settings = settings("https://login.contoso.example", "https://graph.contoso.example");
            settings.tenant_id = tenant.to_owned();
            assert!(Endpoints::of(&settings).is_err(), "{tenant:?}");
        }
    }

    #[test]
    fn each_cloud_has_its_name_its_sign_in_service_and_its_graph() {
        let rows = [
            ("global", "login.microsoftonline.com", "graph.microsoft.com"),
            ("us_gov_l4", "login.microsoftonline.us", "graph.microsoft.us"),
            ("us_gov_l5", "login.microsoftonline.us", "dod-graph.microsoft.us"),
            ("china", "login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn"),
        ];
        for (name, login, graph) in rows {
            let cloud: Cloud = serde_json::from_value(name.into()).unwrap();
            assert_eq!(serde_json::to_value(cloud).unwrap(), name);
            let settings = Settings::new("contoso.example", "app", "x".into()).in_cloud(cloud);
            let endpoints = Endpoints::of(&settings).unwrap();
            assert_eq!(
                endpoints.token_url.as_str(),
                format!("https://{login}/contoso.example/oauth2/v2.0/token")
            );
            assert_eq!(endpoints.graph, format!("https://{graph}/v1.0"));
            assert_eq!(endpoints.scope, format!("https://{graph}/.default"));
        }
        let error = serde_json::from_value::<Cloud>("germany".into()).unwrap_err().to_string();
        assert!(rows.iter().all(|(name, ..)| error.contains(name)), "{error}");
    }
}
