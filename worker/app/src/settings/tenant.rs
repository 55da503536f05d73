//! One tenant's settings: its addresses, its credential, and what the worker may do there.

use std::path::{Path, PathBuf};

use directory_sync::Prices;
use msgraph::{Access, Cloud, Credential, ExchangeAdmin, Limits, SecretSource, Settings, TenantSize};
use serde::{Deserialize, Serialize};

use super::brake::Brake;
use super::mail::Mail;
use super::protected::Protected;
use super::sync::{Scheduled, TenantSync};
use crate::settings::error::ConfigError;
use crate::settings::secret::Secret;

/// One Microsoft 365 tenant. See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    tenant_id: String,
    client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cloud: Option<Cloud>,
    #[serde(default)]
    graph_url: String,
    #[serde(default)]
    login_url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exchange_commands: Option<bool>,
    #[serde(default)]
    exchange_url: String,
    #[serde(default)]
    client_secret: Secret,
    #[serde(default)]
    client_secret_file: PathBuf,
    #[serde(default)]
    certificate_file: PathBuf,
    #[serde(default)]
    certificate_password: Secret,
    #[serde(default)]
    certificate_password_file: PathBuf,
    #[serde(default)]
    federated_token_file: PathBuf,
    #[serde(default)]
    refresh_token: Secret,
    #[serde(default)]
    refresh_token_file: PathBuf,
    #[serde(default)]
    access: Access,
    #[serde(default)]
    size: TenantSize,
    #[serde(default)]
    protected: Protected,
    #[serde(default)]
    brake: Brake,
    #[serde(default)]
    mail: Mail,
    #[serde(default)]
    sync: TenantSync,
}

/// Addresses for tenants without their own. Empty: the address of the cloud.
#[derive(Clone, Copy)]
pub struct Addresses<'a> {
    /// Microsoft's cloud.
    pub cloud: Cloud,
    /// The root of Graph.
    pub graph_url: &'a str,
    /// The sign-in service.
    pub login_url: &'a str,
    /// The interface for Exchange administration, if allowed.
    pub exchange: Option<&'a str>,
}

impl Tenant {
    /// The id of the directory.
    pub fn directory(&self) -> &str {
        &self.tenant_id
    }

    /// The syncs of this tenant, whose name this is, that come by themselves.
    pub fn scheduled(&self, name: &str) -> Result<Vec<Scheduled>, ConfigError> {
        self.sync.scheduled(name)
    }

    /// What the licences of this tenant, whose name this is, cost.
    pub fn prices(&self, name: &str) -> Result<Prices, ConfigError> {
        self.sync.prices(name)
    }

    /// Whom no run changes in this tenant, as far as that differs from others.
    pub(super) fn protected(&self) -> &Protected {
        &self.protected
    }

    /// How many leavers may begin.
    pub(super) fn brake(&self) -> &Brake {
        &self.brake
    }

    /// Where mail about people may go, and who sends passes.
    pub(super) fn mail(&self) -> &Mail {
        &self.mail
    }

    /// The directory id, and how syncs of usage show people.
    pub(super) fn usage(&self) -> (&str, &TenantSync) {
        (&self.tenant_id, &self.sync)
    }

    /// Checks that there is exactly one credential, every interval, the brake, and the file of prices.
    pub fn check(&self, name: &str) -> Result<(), ConfigError> {
        let invalid = |text: String| Err(ConfigError::Invalid(text));
        let variable = format!("GATEHOUSE__TENANTS__{}", name.to_uppercase());
        if self.certificate_password().is_some() && !is_named(&self.certificate_file) {
            return invalid(format!(
                "tenants.{name}.certificate_password needs a certificate: set certificate_file as well"
            ));
        }
        self.scheduled(name)?;
        self.prices(name)?;
        self.brake.check(name)?;
        match self.given().as_slice() {
            [_] => Ok(()),
            [] => invalid(format!(
                "tenants.{name} has no credential: set client_secret_file or {variable}__CLIENT_SECRET, or \
                 certificate_file, federated_token_file, refresh_token_file or {variable}__REFRESH_TOKEN"
            )),
            several => {
                let keys: Vec<_> = several.iter().map(|(key, _)| *key).collect();
                invalid(format!(
                    "tenants.{name} has more than one credential: {}; keep only one",
                    keys.join(", ")
                ))
            }
        }
    }

    /// The credentials that are set, with their keys.
    fn given(&self) -> Vec<(&'static str, Credential)> {
        let secret = source(&self.client_secret, &self.client_secret_file).map(Credential::Secret);
        let certificate = is_named(&self.certificate_file).then(|| Credential::Certificate {
            file: self.certificate_file.clone(),
            password: self.certificate_password(),
        });
        let federated = is_named(&self.federated_token_file)
            .then(|| Credential::WorkloadIdentity { token_file: self.federated_token_file.clone() });
        let person = source(&self.refresh_token, &self.refresh_token_file).map(Credential::ServiceAccount);
        let all = [
            ("client_secret", secret),
            ("certificate_file", certificate),
            ("federated_token_file", federated),
            ("refresh_token", person),
        ];
        all.into_iter().filter_map(|(key, credential)| Some((key, credential?))).collect()
    }

    fn certificate_password(&self) -> Option<SecretSource> {
        source(&self.certificate_password, &self.certificate_password_file)
    }

    /// The files that hold its secrets, by setting. Nobody can use the refresh token's while others can access it.
    pub fn secret_files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        [
            ("client_secret_file", &self.client_secret_file),
            ("certificate_file", &self.certificate_file),
            ("certificate_password_file", &self.certificate_password_file),
            ("federated_token_file", &self.federated_token_file),
            ("sync.pseudonym_key_file", &self.sync.pseudonym_key_file),
        ]
        .into_iter()
        .filter(|(_, file)| is_named(file))
        .map(|(setting, file)| (setting, file.as_path()))
    }

    /// The file to which a sign-in of the service account is written, if set.
    pub fn refresh_token_file(&self) -> Option<&Path> {
        Some(self.refresh_token_file.as_path()).filter(|file| is_named(file))
    }

    /// The Graph client's settings, with this share of the limits Microsoft sets for the tenant. Addresses come
    /// from the tenant, else from `shared`, else from the cloud; the cloud from the tenant, else from `shared`.
    pub fn settings(&self, shared: Addresses<'_>, share: f64) -> Settings {
        // A checked tenant has a credential. The client refuses an empty secret before it sends it.
        let credential =
            self.given().into_iter().next().map_or_else(|| "".into(), |(_, credential)| credential);
        let settings = Settings::new(&self.tenant_id, &self.client_id, credential);
        let cloud = self.cloud.unwrap_or(shared.cloud);
        let settings = settings.in_cloud(cloud);
        let first = |named: [&str; 2], default: &str| {
            named.into_iter().find(|url| !url.is_empty()).unwrap_or(default).to_owned()
        };
        Settings {
            graph_url: first([&self.graph_url, shared.graph_url], &settings.graph_url),
            login_url: first([&self.login_url, shared.login_url], &settings.login_url),
            exchange_admin: self.exchange_admin(cloud, shared.exchange),
            limits: Limits { size: self.size, share },
            access: self.access,
            ..settings
        }
    }

    /// The interface for Exchange administration, if this tenant allows it.
    fn exchange_admin(&self, cloud: Cloud, shared: Option<&str>) -> Option<ExchangeAdmin> {
        if !self.exchange_commands.unwrap_or(shared.is_some()) {
            return None;
        }
        let default = ExchangeAdmin::in_cloud(cloud);
        let mut named = [self.exchange_url.as_str(), shared.unwrap_or_default()].into_iter();
        let url = named.find(|url| !url.is_empty()).unwrap_or(&default.url).to_owned();
        Some(ExchangeAdmin { url, ..default })
    }
}

/// A file takes precedence over a value.
fn source(value: &Secret, file: &Path) -> Option<SecretSource> {
    if is_named(file) {
        return Some(SecretSource::File(file.to_owned()));
    }
    value.given().cloned().map(SecretSource::Value)
}

fn is_named(file: &Path) -> bool {
    !file.as_os_str().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE_ELSE: Addresses<'_> =
        Addresses { cloud: Cloud::Global, graph_url: "", login_url: "", exchange: None };

    fn tenant(keys: &[&str]) -> Tenant {
        let mut value = serde_json::json!({ "tenant_id": "t", "client_id": "c" });
        for key in keys {
            value[*key] = format!("the-{key}").into();
        }
        serde_json::from_value(value).unwrap()
    }

    fn kind(keys: &[&str]) -> String {
        let tenant = tenant(keys);
        tenant.check("contoso").unwrap();
        let shown = format!("{:?}", tenant.settings(NOWHERE_ELSE, 1.0).credential);
        let end = shown.find(['(', ' ']).unwrap();
        let inner = if shown.contains("File(") { " in a file" } else { "" };
        format!("{}{inner}", &shown[..end])
    }

    #[test]
    fn each_credential_has_its_keys() {
        let rows: [(&[&str], &str); 9] = [
            (&["client_secret"], "Secret"),
            (&["client_secret_file"], "Secret in a file"),
            (&["client_secret", "client_secret_file"], "Secret in a file"),
            (&["certificate_file"], "Certificate"),
            (&["certificate_file", "certificate_password"], "Certificate"),
            (&["certificate_file", "certificate_password_file"], "Certificate in a file"),
            (&["federated_token_file"], "WorkloadIdentity"),
            (&["refresh_token"], "ServiceAccount"),
            (&["refresh_token_file"], "ServiceAccount in a file"),
        ];
        for (keys, expected) in rows {
            assert_eq!(kind(keys), expected, "{keys:?}");
        }
    }

    #[test]
    fn none_or_several_are_refused_by_their_keys() {
        let refusal = |keys: &[&str]| tenant(keys).check("contoso").unwrap_err().to_string();
        let none = refusal(&[]);
        for key in [
            "client_secret_file",
            "GATEHOUSE__TENANTS__CONTOSO__CLIENT_SECRET",
            "certificate_file",
            "federated_token_file",
            "refresh_token_file",
        ] {
            assert!(none.contains(key), "{none}");
        }
        let several = refusal(&["client_secret", "certificate_file", "refresh_token_file"]);
        assert!(
            several.contains("client_secret, certificate_file, refresh_token; keep only one"),
            "{several}"
        );
        assert!(refusal(&["client_secret", "certificate_password"]).contains("set certificate_file as well"));
    }

    #[test]
    fn exchange_is_administered_only_where_somebody_says_so() {
        let admin = |keys: serde_json::Value, shared: Option<&str>| {
            let mut value = serde_json::json!({ "tenant_id": "t", "client_id": "c" });
            value.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
            let tenant: Tenant = serde_json::from_value(value).unwrap();
            let settings = tenant.settings(Addresses { exchange: shared, ..NOWHERE_ELSE }, 1.0);
            settings.exchange_admin.map(|admin| (admin.url, admin.scope))
        };
        let office = |url: &str| Some((url.to_owned(), "https://outlook.office365.com/.default".to_owned()));
        let none = || serde_json::json!({});
        let (on, off) = (
            serde_json::json!({ "exchange_commands": true }),
            serde_json::json!({ "exchange_commands": false }),
        );
        assert_eq!(admin(none(), None), None);
        assert_eq!(admin(none(), Some("")), office("https://outlook.office365.com"));
        assert_eq!(admin(none(), Some("http://localhost:1")), office("http://localhost:1"));
        assert_eq!(admin(off, Some("")), None);
        assert_eq!(admin(on, None), office("https://outlook.office365.com"));
    }

    #[test]
    fn no_secret_is_shown() {
        let keys = ["client_secret", "certificate_password", "refresh_token"];
        let tenant = tenant(&keys);
        let shown = format!("{tenant:?} {}", serde_json::to_string(&tenant).unwrap());
        for key in keys {
            assert!(!shown.contains(&format!("the-{key}")), "{shown}");
        }
        assert_eq!(shown.matches("********").count(), 3);
    }
}
