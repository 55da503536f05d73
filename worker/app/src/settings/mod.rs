//! The settings: compiled-in defaults, overridden by a file, overridden by the environment. Checked once, at start.

pub mod access;
pub mod brake;
pub mod error;
pub mod ledger;
pub mod limits_share;
pub mod mail;
mod protected;
pub mod rabbitmq;
pub mod secret;
pub mod sync;
pub mod tenant;
pub mod usage;
mod words;
mod workflows;

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ::ledger::Timing;
use actions::Protection;
use broker::Keys;
use config::{Environment, File, FileFormat};
use directory_sync::Prices;
use msgraph::Cloud;
use msgraph::Seal;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use self::access::Access;
use self::brake::{Brake, Limit};
use self::error::ConfigError;
use self::ledger::{Directory, Ledger};
use self::limits_share::LimitsShare;
use self::mail::Mail;
use self::protected::Protected;
use self::rabbitmq::connection::Broker;
use self::rabbitmq::history::{History, Snapshots};
use self::rabbitmq::publisher::Publisher;
use self::secret::{Secret, read_secret};
use self::sync::{Scheduled, Sync};
use self::tenant::{Addresses, Tenant};
use self::usage::UsagePrivacy;
use self::words::words;
use self::workflows::Workflows;
use crate::delivery::publishers::{Publishers, Rights};
use crate::delivery::queues;
use crate::delivery::replies::AllowedReplies;

/// The compiled-in defaults; also the reference of every setting.
pub const DEFAULTS: &str = include_str!("../../config.default.toml");

/// More than the whole of Microsoft's limits, for an emulator that has none.
const EMULATOR_SHARE: f64 = 1_000.0;

/// All settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// RabbitMQ.
    pub broker: Broker,
    /// How much of the results is kept.
    pub history: History,
    /// How long the record of what runs took away is kept.
    pub snapshots: Snapshots,
    /// Concurrency and shutdown.
    pub worker: Worker,
    /// Retries after minutes to hours.
    pub retry: Retry,
    /// The operator's workflows, and how much one event may ask of them.
    pub workflows: Workflows,
    /// Who acts for whom.
    ledger: Ledger,
    /// Whom no run changes.
    protected: Protected,
    /// Lock-outs.
    pub access: Access,
    /// Syncs.
    pub sync: Sync,
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
    /// Who may publish what, by name. Without any, everybody may ask for everything.
    #[serde(default)]
    publishers: BTreeMap<String, Publisher>,
}

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    concurrency: NonZeroU16,
    grace_seconds: u64,
    key_file: PathBuf,
    accept_unsigned: bool,
    max_event_age_days: u32,
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
    /// How much of Microsoft's limits a worker may use.
    pub limits_share: LimitsShare,
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
        // Graph itself has no address without TLS.
        let is_emulator = self.graph.url.starts_with("http://");
        let most = if is_emulator { EMULATOR_SHARE } else { 1.0 };
        if !self.graph.limits_share.is_within(most) {
            return invalid("graph.limits_share must be `auto`, or above 0 and at most 1".to_owned());
        }
        self.workflows.check().map_err(|text| ConfigError::Invalid(text.to_owned()))?;
        self.history.check()?;
        self.snapshots.check()?;
        self.access.check()?;
        self.sync.check()?;
        self.timing()?;
        self.replies()?;
        self.rights()?;
        self.protections()?;
        self.tenants.iter().try_for_each(|(name, tenant)| tenant.check(name))
    }

    /// The broker's settings.
    pub fn broker(&self) -> Result<broker::Settings, ConfigError> {
        let url = secret("broker.url_file", &self.broker.url_file, &self.broker.url)?;
        let settings = broker::Settings {
            prefix: self.broker.prefix.clone(),
            prefetch: self.worker.concurrency.saturating_add(self.lock_out_places()),
            publishes: self.worker.concurrency.saturating_add(self.lock_out_places()),
            publish_timeout: Duration::from_secs(self.broker.publish_timeout_seconds),
            grace: Duration::from_secs(self.worker.grace_seconds),
            declare: self.broker.declare,
            history_kept: self.history.retention(),
            snapshots_kept: self.snapshots.retention(),
            keys: self.keys()?,
            tls: self.broker.tls()?,
            publishers: self.exchanges().cloned().collect(),
            ..broker::Settings::new(url, queues::work_queues())
        };
        let host = settings
            .unencrypted_host()
            .map_err(|error| ConfigError::Invalid(format!("broker.url: {error}")))?;
        match host.filter(|_| !self.broker.unencrypted) {
            None => Ok(settings),
            Some(host) => Err(ConfigError::Invalid(format!(
                "broker.url: amqp:// would send the password and everything about people to {host} unencrypted; use \
                 amqps://, or set broker.unencrypted to true if the network between is protected"
            ))),
        }
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

    /// What seals addresses that wait in messages: the keys of `worker.key_file`, or a random one.
    pub fn seal(&self) -> Result<Seal, ConfigError> {
        Ok(Seal::of(&self.secrets()?))
    }

    /// What seals the names and texts in snapshots of runs; nothing without `worker.key_file`.
    pub fn snapshot_seal(&self) -> Result<Option<Seal>, ConfigError> {
        let secrets = self.secrets()?;
        Ok((!secrets.is_empty()).then(|| Seal::for_purpose(b"gatehouse: snapshots of runs", &secrets)))
    }

    /// The keys of `worker.key_file`.
    fn secrets(&self) -> Result<Vec<SecretString>, ConfigError> {
        let key_file = &self.worker.key_file;
        if key_file.as_os_str().is_empty() {
            return Ok(Vec::new());
        }
        let text = read_secret("worker.key_file", key_file)?;
        let keys = text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
        Ok(keys.map(SecretString::from).collect())
    }

    /// How long a right to act lasts.
    pub fn timing(&self) -> Result<Timing, ConfigError> {
        self.ledger.timing(Duration::from_secs(self.graph.request_timeout_seconds))
    }

    /// How the people of each tenant are named in the ledger.
    pub fn directories(&self) -> Result<BTreeMap<String, Directory>, ConfigError> {
        let directory = |(name, tenant): (&String, &Tenant)| {
            let id = tenant.directory().to_owned();
            let secrets = self.ledger.secrets(&id)?;
            Ok((name.clone(), Directory { id, secrets }))
        };
        self.tenants.iter().map(directory).collect()
    }

    /// Where copies of results may go.
    pub fn replies(&self) -> Result<AllowedReplies, ConfigError> {
        AllowedReplies::parse(&self.worker.reply_to)
    }

    /// Who may ask for what.
    pub fn publishers(&self) -> Result<Publishers, ConfigError> {
        let topology = self.broker()?.topology().map_err(|error| ConfigError::Invalid(error.to_string()))?;
        let only_tenant = self.tenants.keys().next().filter(|_| self.tenants.len() == 1);
        let days = self.worker.max_event_age_days;
        Ok(Publishers::new(self.rights()?, topology, only_tenant.cloned(), days))
    }

    /// Whom no run changes, by the name of the tenant.
    pub fn protections(&self) -> Result<BTreeMap<String, Arc<Protection>>, ConfigError> {
        let protection = |(name, tenant): (&String, &Tenant)| {
            let people = self.protected.people(name, tenant.protected())?;
            Ok((name.clone(), Arc::new(Protection::new(people))))
        };
        self.tenants.iter().map(protection).collect()
    }

    /// How many leavers may begin, by the name of the tenant.
    pub fn brakes(&self) -> BTreeMap<String, Brake> {
        self.tenants.iter().map(|(name, tenant)| (name.clone(), tenant.brake().clone())).collect()
    }

    /// Where mail about people may go, by the name of the tenant.
    pub fn mail(&self) -> BTreeMap<String, Mail> {
        self.tenants.iter().map(|(name, tenant)| (name.clone(), tenant.mail().clone())).collect()
    }

    /// What each publisher may ask for.
    fn rights(&self) -> Result<BTreeMap<String, Rights>, ConfigError> {
        let mut all: BTreeMap<String, Rights> = BTreeMap::new();
        for (name, publisher) in &self.publishers {
            let rights = publisher.rights(name, self.tenants.keys().map(String::as_str))?;
            let same = all.iter().find(|(_, other)| other.user.is_some() && other.user == rights.user);
            if let Some((other, _)) = same {
                return Err(ConfigError::Invalid(format!(
                    "publishers.{other} and publishers.{name} have the same broker user: give each its own, or one an \
                     exchange of its own"
                )));
            }
            all.insert(name.clone(), rights);
        }
        Ok(all)
    }

    /// The publishers that have an exchange of their own.
    fn exchanges(&self) -> impl Iterator<Item = &String> {
        self.publishers.iter().filter(|(_, publisher)| publisher.has_exchange()).map(|(name, _)| name)
    }

    /// The syncs that come by themselves, with the names of their tenants.
    pub fn scheduled(&self) -> Result<Vec<(String, Scheduled)>, ConfigError> {
        let mut all = Vec::new();
        for (name, tenant) in &self.tenants {
            all.extend(tenant.scheduled(name)?.into_iter().map(|scheduled| (name.clone(), scheduled)));
        }
        Ok(all)
    }

    /// What licences cost, by the name of the tenant.
    pub fn prices(&self) -> Result<BTreeMap<String, Prices>, ConfigError> {
        self.tenants.iter().map(|(name, tenant)| Ok((name.clone(), tenant.prices(name)?))).collect()
    }

    /// What of people syncs of usage show, by the names of tenants. Reads the files of the keys.
    pub fn usage_privacies(&self) -> Result<BTreeMap<String, UsagePrivacy>, ConfigError> {
        self.tenants.keys().map(|name| Ok((name.clone(), self.usage_privacy(name)?))).collect()
    }

    /// What of people a sync of usage shows in the tenant with this name. Reads the file of the key.
    pub fn usage_privacy(&self, name: &str) -> Result<UsagePrivacy, ConfigError> {
        let tenant = self.tenants.get(name);
        let (tenant_id, sync) = tenant
            .map(Tenant::usage)
            .ok_or_else(|| ConfigError::Invalid(format!("there is no tenant `{name}`")))?;
        let (setting, file) = (format!("tenants.{name}.sync.pseudonym_key_file"), &sync.pseudonym_key_file);
        let is_named = !file.as_os_str().is_empty();
        let key = is_named.then(|| read_secret(&setting, file)).transpose()?;
        UsagePrivacy::new(name, tenant_id, key, sync.pseudonyms, sync.min_group)
            .map_err(|text| ConfigError::Invalid(format!("{setting} {}: {text}", file.display())))
    }

    /// What these settings allow users of the broker to do, a sentence each.
    pub fn weaknesses(&self) -> Vec<String> {
        let prefix = &self.broker.prefix;
        let open = format!(
            "a broker user who may write to `{prefix}.work`, `{prefix}.delay.*` or the default exchange \
             (`amq.default`) has the full rights of Gatehouse"
        );
        let mut weaknesses = Vec::new();
        if self.worker.key_file.as_os_str().is_empty() {
            weaknesses.push(format!("worker.key_file is not set: {open}"));
        } else if self.worker.accept_unsigned {
            weaknesses.push(format!(
                "worker.accept_unsigned is true: {open}; set it to false when all workers have the key"
            ));
        }
        if self.publishers.is_empty() {
            weaknesses.push(format!(
                "no publishers are listed: a broker user who may write to `{prefix}.events` may ask for everything, in \
                 every tenant"
            ));
        }
        let off = self.tenants.iter().filter(|(_, tenant)| tenant.brake().limit() == Limit::Off);
        weaknesses.extend(off.map(|(name, _)| {
            format!("tenants.{name}.brake.limit is off: whoever may publish leavers may lock out everybody at once")
        }));
        weaknesses.extend(self.exposed_files());
        weaknesses
    }

    /// The files of secrets that other users of this machine can access, a sentence each.
    fn exposed_files(&self) -> impl Iterator<Item = String> {
        let ours = [
            ("broker.url_file", &self.broker.url_file),
            ("broker.certificate_key_file", &self.broker.certificate_key_file),
            ("worker.key_file", &self.worker.key_file),
            ("ledger.key_file", &self.ledger.key_file),
        ];
        let ours = ours.into_iter().filter_map(|(setting, file)| secret::exposed(setting, file));
        let theirs = self.tenants.iter().flat_map(|(name, tenant)| {
            tenant.secret_files().filter_map(move |(setting, file)| {
                secret::exposed(&format!("tenants.{name}.{setting}"), file)
            })
        });
        ours.chain(theirs)
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
            ..tenant.settings(shared, self.graph.limits_share.at_first())
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
    pub fn concurrency(&self) -> u16 {
        self.worker.concurrency.get()
    }

    /// Number of leavers locked out at the same time besides them.
    pub fn lock_out_places(&self) -> u16 {
        (self.worker.concurrency.get() / 4).max(1)
    }
}

fn secret(key: &str, file: &Path, value: &Secret) -> Result<SecretString, ConfigError> {
    if file.as_os_str().is_empty() {
        return Ok(value.0.clone());
    }
    read_secret(key, file)
}

#[cfg(test)]
mod tests;
