//! The settings: compiled-in defaults, overridden by a file, overridden by the environment. Checked once, at start.

pub mod tenant;
mod workflows;

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::time::Duration;

use broker::Keys;
use config::{Environment, File, FileFormat};
use msgraph::Cloud;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use self::tenant::{Addresses, Tenant};
use self::workflows::Workflows;
use crate::delivery::queues;
use crate::delivery::replies::AllowedReplies;

/// The compiled-in defaults; also the reference of every setting.
pub const DEFAULTS: &str = include_str!("../../config.default.toml");

/// All settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// RabbitMQ.
    pub broker: Broker,
    /// Concurrency and shutdown.
    pub worker: Worker,
    /// Retries after minutes to hours.
    pub retry: Retry,
    /// The operator's workflows, and how much one event may ask of them.
    pub workflows: Workflows,
    /// Microsoft Graph.
    pub graph: Graph,
    /// Exchange administration.
    pub exchange: Exchange,
    /// Metrics and health.
    pub admin: Admin,
    /// Logging.
    pub log: Log,
    /// Microsoft 365 tenants by name.
    #[serde(default)]
    pub tenants: BTreeMap<String, Tenant>,
}

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Broker {
    url: Secret,
    url_file: PathBuf,
    prefix: String,
    declare: bool,
    publish_timeout_seconds: u64,
}

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    concurrency: NonZeroU16,
    grace_seconds: u64,
    key_file: PathBuf,
    accept_unsigned: bool,
    #[serde(deserialize_with = "words")]
    reply_to: Vec<String>,
}

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    max_attempts: u32,
    first_delay_seconds: u64,
    max_delay_seconds: u64,
}

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    cloud: Cloud,
    url: String,
    login_url: String,
    request_timeout_seconds: u64,
    retry_budget_seconds: u64,
    batching: bool,
    limits_share: f64,
}

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    commands: bool,
    url: String,
}

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Empty: not served.
    pub listen: String,
}

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Filter directives.
    pub level: String,
    /// Format of a line.
    pub format: LogFormat,
}

/// Format of a log line.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// For machines.
    Json,
}

/// A value that is never printed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "String")]
pub struct Secret(SecretString);

impl Secret {
    /// The value, if it is not empty.
    pub fn given(&self) -> Option<&SecretString> {
        Some(&self.0).filter(|secret| !secret.expose_secret().is_empty())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.given().is_some() { "********" } else { "" })
    }
}

/// An error in the settings, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or a variable is invalid.
    #[error("{0}")]
    Invalid(String),
    /// A secret's file cannot be read.
    #[error("cannot read {path} (setting {key}): {source}", path = .path.display())]
    SecretFile {
        /// The setting.
        key: String,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl Config {
    /// Reads the defaults, the file (if given) and the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let environment = Environment::with_prefix("GATEHOUSE").prefix_separator("__").separator("__");
        Self::from_sources(file, environment)
    }

    fn from_sources(file: Option<&Path>, environment: Environment) -> Result<Self, ConfigError> {
        let mut builder = config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = file {
            builder = builder.add_source(File::from(file).format(FileFormat::Toml));
        }
        let settings: Self =
            builder.add_source(environment).build().and_then(config::Config::try_deserialize).map_err(
                |error| {
                    ConfigError::Invalid(format!(
                        "{error}; `gatehouse config show --defaults` explains every setting"
                    ))
                },
            )?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let invalid = |text: String| Err(ConfigError::Invalid(text));
        if self.worker.concurrency.get() > 1000 {
            return invalid("worker.concurrency must be at most 1000".to_owned());
        }
        if self.retry.max_attempts == 0 {
            return invalid("retry.max_attempts must be at least 1: the first attempt counts".to_owned());
        }
        if self.retry.first_delay_seconds > self.retry.max_delay_seconds {
            return invalid(
                "retry.first_delay_seconds must not be longer than retry.max_delay_seconds".to_owned(),
            );
        }
        if self.graph.request_timeout_seconds == 0 {
            return invalid("graph.request_timeout_seconds must be at least 1".to_owned());
        }
        if !(self.graph.limits_share > 0.0 && self.graph.limits_share <= 1.0) {
            return invalid("graph.limits_share must be above 0 and at most 1".to_owned());
        }
        self.workflows.check().map_err(|text| ConfigError::Invalid(text.to_owned()))?;
        self.replies()?;
        self.tenants.iter().try_for_each(|(name, tenant)| tenant.check(name))
    }

    /// The broker's settings.
    pub fn broker(&self) -> Result<broker::Settings, ConfigError> {
        let url = secret("broker.url_file", &self.broker.url_file, &self.broker.url)?;
        Ok(broker::Settings {
            prefix: self.broker.prefix.clone(),
            prefetch: self.worker.concurrency,
            publish_timeout: Duration::from_secs(self.broker.publish_timeout_seconds),
            grace: Duration::from_secs(self.worker.grace_seconds),
            declare: self.broker.declare,
            keys: self.keys()?,
            ..broker::Settings::new(url, queues::work_queues())
        })
    }

    /// The keys that sign messages between workers.
    fn keys(&self) -> Result<Option<Keys>, ConfigError> {
        let Worker { key_file, accept_unsigned, .. } = &self.worker;
        if key_file.as_os_str().is_empty() {
            return Ok(None);
        }
        let text = read_secret("worker.key_file", key_file)?;
        let keys = Keys::parse(text.expose_secret(), *accept_unsigned).map_err(|error| {
            ConfigError::Invalid(format!("worker.key_file {}: {error}", key_file.display()))
        })?;
        Ok(Some(keys))
    }

    /// Where copies of results may go.
    pub fn replies(&self) -> Result<AllowedReplies, ConfigError> {
        AllowedReplies::parse(&self.worker.reply_to)
    }

    /// What these settings allow users of the broker to do, a sentence each.
    pub fn weaknesses(&self) -> Vec<String> {
        let prefix = &self.broker.prefix;
        let open = format!(
            "a broker user who may write to `{prefix}.work`, `{prefix}.delay.*` or the default exchange \
             (`amq.default`) has the full rights of Gatehouse"
        );
        if self.worker.key_file.as_os_str().is_empty() {
            vec![format!("worker.key_file is not set: {open}")]
        } else if self.worker.accept_unsigned {
            vec![format!(
                "worker.accept_unsigned is true: {open}; set it to false when all workers have the key"
            )]
        } else {
            Vec::new()
        }
    }

    /// The Graph client's settings for one tenant. Does not read the files they name.
    pub fn tenant(&self, tenant: &Tenant) -> msgraph::Settings {
        let Graph { cloud, url: graph_url, login_url, .. } = &self.graph;
        let Exchange { commands, url } = &self.exchange;
        let exchange = commands.then_some(url.as_str());
        let shared = Addresses { cloud: *cloud, graph_url, login_url, exchange };
        msgraph::Settings {
            request_timeout: Duration::from_secs(self.graph.request_timeout_seconds),
            retry_budget: Duration::from_secs(self.graph.retry_budget_seconds),
            batching: self.graph.batching,
            ..tenant.settings(shared, self.graph.limits_share)
        }
    }

    /// When a run is retried.
    pub fn retry(&self) -> workflow::RetryPolicy {
        workflow::RetryPolicy {
            max_attempts: self.retry.max_attempts,
            first_delay: Duration::from_secs(self.retry.first_delay_seconds),
            max_delay: Duration::from_secs(self.retry.max_delay_seconds),
        }
    }

    /// Number of events processed at the same time.
    pub fn concurrency(&self) -> usize {
        self.worker.concurrency.get().into()
    }
}

/// A list in a file, or words in a variable of the environment.
fn words<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Given::deserialize(deserializer)? {
        Given::List(list) => list,
        Given::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
    })
}

fn secret(key: &str, file: &Path, value: &Secret) -> Result<SecretString, ConfigError> {
    if file.as_os_str().is_empty() {
        return Ok(value.0.clone());
    }
    read_secret(key, file)
}

fn read_secret(key: &str, file: &Path) -> Result<SecretString, ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|source| ConfigError::SecretFile {
        key: key.to_owned(),
        path: file.to_owned(),
        source,
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    use msgraph::{Credential, SecretSource};

    fn secret_of(settings: &msgraph::Settings) -> &str {
        match &settings.credential {
            Credential::Secret(SecretSource::Value(secret)) => secret.expose_secret(),
            other => panic!("{other:?}"),
        }
    }

    fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let mut on_disk = tempfile::NamedTempFile::new().unwrap();
        on_disk.write_all(file.as_bytes()).unwrap();
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let environment = Environment::with_prefix("GATEHOUSE")
            .prefix_separator("__")
            .separator("__")
            .source(Some(variables));
        Config::from_sources(Some(on_disk.path()), environment).map_err(|error| error.to_string())
    }

    const CONTOSO: &str = "[tenants.contoso]\ntenant_id = 't'\nclient_id = 'c'\nclient_secret = 'hunter2'\n";

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let config = load(
            "[worker]\nconcurrency = 3\ngrace_seconds = 4\n",
            &[
                ("GATEHOUSE__WORKER__CONCURRENCY", "5"),
                ("GATEHOUSE__TENANTS__CONTOSO__TENANT_ID", "t"),
                ("GATEHOUSE__TENANTS__CONTOSO__CLIENT_ID", "c"),
                ("GATEHOUSE__TENANTS__CONTOSO__CLIENT_SECRET", "0012"),
            ],
        )
        .unwrap();
        assert_eq!(
            (config.concurrency(), config.worker.grace_seconds, config.retry.max_attempts),
            (5, 4, 12)
        );
        let settings = config.tenant(&config.tenants["contoso"]);
        // What looks like a number keeps its zeros.
        assert_eq!(secret_of(&settings), "0012");
    }

    #[test]
    fn no_secret_is_shown() {
        let config = load(CONTOSO, &[("GATEHOUSE__BROKER__URL", "amqp://u:swordfish@host")]).unwrap();
        let shown = format!("{} {config:?}", serde_json::to_string(&config).unwrap());
        assert!(!shown.contains("hunter2") && !shown.contains("swordfish"), "{shown}");
        assert!(shown.contains("********"));
    }

    #[test]
    fn a_tenant_is_in_its_own_cloud_or_in_the_one_of_all_unless_an_address_says_otherwise() {
        let shared = "[graph]\ncloud = 'us_gov_l4'\n";
        let hosts = |file: &str| {
            let config = load(&format!("{file}{CONTOSO}"), &[]).unwrap();
            let settings = config.tenant(&config.tenants["contoso"]);
            (settings.login_url, settings.graph_url)
        };
        let pair = |login: &str, graph: &str| (format!("https://{login}"), format!("https://{graph}"));
        assert_eq!(hosts(""), pair("login.microsoftonline.com", "graph.microsoft.com"));
        assert_eq!(hosts(shared), pair("login.microsoftonline.us", "graph.microsoft.us"));
        let own = format!("{shared}[tenants.contoso]\ncloud = 'china'\n");
        let own = own + CONTOSO.trim_start_matches("[tenants.contoso]\n");
        let config = load(&own, &[]).unwrap();
        assert_eq!(
            config.tenant(&config.tenants["contoso"]).graph_url,
            "https://microsoftgraph.chinacloudapi.cn"
        );
        let elsewhere = format!("{shared}url = 'https://proxy.contoso.example'\n");
        assert_eq!(hosts(&elsewhere), pair("login.microsoftonline.us", "proxy.contoso.example"));
    }

    #[test]
    fn a_mistake_is_named_with_what_to_do() {
        let rows = [
            ("[worker]\nconcurency = 3\n", "concurency"),
            ("[worker]\nconcurrency = 0\n", "concurrency"),
            ("[worker]\nconcurrency = 2000\n", "at most 1000"),
            ("[retry]\nmax_attempts = 0\n", "retry.max_attempts"),
            ("[log]\nformat = 'xml'\n", "xml"),
            (
                "[tenants.contoso]\ntenant_id = 't'\nclient_id = 'c'\n",
                "GATEHOUSE__TENANTS__CONTOSO__CLIENT_SECRET",
            ),
            ("[tenants.contoso]\nclient_id = 'c'\n", "tenant_id"),
            ("[graph]\ncloud = 'germany'\n", "us_gov_l4"),
        ];
        for (file, part) in rows {
            let error = load(file, &[]).unwrap_err();
            assert!(error.contains(part), "{file}: {error}");
        }
    }

    #[test]
    fn a_secret_in_a_file_loses_its_line_end_only() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b" s3cret \r\n").unwrap();
        let text = secret("key", file.path(), &Secret::default()).unwrap();
        assert_eq!(text.expose_secret(), " s3cret ");
        let error = secret("broker.url_file", Path::new("/nowhere"), &Secret::default()).unwrap_err();
        assert!(error.to_string().starts_with("cannot read /nowhere (setting broker.url_file)"));
    }

    #[test]
    fn every_setting_is_documented_with_its_variable() {
        let mut section = String::new();
        let mut comments: Vec<&str> = Vec::new();
        for line in DEFAULTS.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name.to_uppercase();
            } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
                let variable = format!("# GATEHOUSE__{section}__{}", key.to_uppercase());
                assert_eq!(comments.last(), Some(&variable.as_str()), "{key}");
                assert!(comments.len() > 1, "{key} says what it means");
            }
            if line.starts_with('#') { comments.push(line) } else { comments.clear() }
        }
    }
    #[test]
    fn every_key_of_a_tenant_is_documented_with_its_variable() {
        let (_, commented) = DEFAULTS.split_once("# [tenants.contoso]\n").unwrap();
        let lines: Vec<_> = commented.lines().map(|line| line.trim_start_matches('#').trim_start()).collect();
        let mut table = String::from("[tenants.contoso]\n");
        let mut keys = std::collections::BTreeSet::new();
        for (index, line) in lines.iter().enumerate() {
            let variable = |key: &str| format!("GATEHOUSE__TENANTS__CONTOSO__{}", key.to_uppercase());
            let key = line.split_once(" = ").map(|(key, _)| key).filter(|key| !key.contains(' '));
            if let Some(key) = key {
                assert_eq!(lines[index - 1].trim_start_matches("# "), variable(key));
                table.push_str(&format!("{line}\n"));
                keys.insert(key.to_owned());
            }
        }
        let sources = [DEFAULTS, table.as_str()].map(|text| File::from_str(text, FileFormat::Toml));
        let config: Config = config::Config::builder()
            .add_source(sources.to_vec())
            .build()
            .unwrap()
            .try_deserialize()
            .unwrap();
        let tenant = serde_json::to_value(&config.tenants["contoso"]).unwrap();
        assert_eq!(keys, tenant.as_object().unwrap().keys().cloned().collect());
    }
}
