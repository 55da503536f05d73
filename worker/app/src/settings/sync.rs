//! The settings of syncs: of all, and of one tenant.

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::time::Duration;

use directory_sync::{Prices, SMALLEST_GROUP};
use messages::SyncSubject;
use serde::{Deserialize, Serialize};
use workflow::Delay;

use crate::settings::error::ConfigError;

/// A schedule that fires more often than this has no end of one sync before the next.
const SHORTEST: Duration = Duration::from_secs(300);
/// A pass over usage takes ten minutes for Microsoft's limit of reports, and the figures change once a day.
const SHORTEST_OF_USAGE: Duration = Duration::from_secs(3_600);
/// RabbitMQ keeps a message no longer than 2^32 milliseconds.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    concurrency: NonZeroU16,
    reader_patience_seconds: u64,
}

/// The schedules of one tenant. See `config.default.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TenantSync {
    users: String,
    licenses: String,
    usage: String,
    sign_ins: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    prices_file: Option<PathBuf>,
    /// Whether every sync of usage names people by pseudonyms.
    pub(super) pseudonyms: bool,
    pub(super) pseudonym_key_file: PathBuf,
    /// The fewest people of a department whose usage is shown.
    pub(super) min_group: u64,
}

impl Default for TenantSync {
    fn default() -> Self {
        Self {
            users: String::new(),
            licenses: String::new(),
            usage: String::new(),
            sign_ins: false,
            prices_file: None,
            pseudonyms: false,
            pseudonym_key_file: PathBuf::new(),
            min_group: SMALLEST_GROUP,
        }
    }
}

/// A sync that comes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// What it reads.
    pub what: SyncSubject,
    /// How often.
    pub every: Duration,
    /// Whether it reads sign-ins, too.
    pub sign_ins: bool,
}

impl Sync {
    /// Checks the numbers.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.concurrency.get() > 100 {
            return Err(ConfigError::Invalid("sync.concurrency must be at most 100".to_owned()));
        }
        Ok(())
    }

    /// How many syncs run at the same time.
    pub fn concurrency(&self) -> NonZeroU16 {
        self.concurrency
    }

    /// How long a sync waits for a consumer whose queue is full.
    pub fn reader_patience(&self) -> Duration {
        Duration::from_secs(self.reader_patience_seconds)
    }
}

impl TenantSync {
    /// The schedules of the tenant with this name.
    ///
    /// # Errors
    ///
    /// When an interval is none, or out of bounds; the error names the setting.
    pub fn scheduled(&self, tenant: &str) -> Result<Vec<Scheduled>, ConfigError> {
        let mut scheduled = Vec::new();
        for what in SyncSubject::ALL {
            let (text, sign_ins) = match what {
                SyncSubject::Users => (&self.users, self.sign_ins),
                SyncSubject::Licenses => (&self.licenses, false),
                SyncSubject::Usage => (&self.usage, false),
            };
            if text.is_empty() {
                continue;
            }
            let setting = format!("tenants.{tenant}.sync.{}", what.as_str());
            let invalid = |text: String| ConfigError::Invalid(format!("{setting}: {text}"));
            let every = text
                .parse::<Delay>()
                .map_err(|_| {
                    invalid(format!("`{text}` is no interval; write 15m, 6h or 1d, or leave it empty"))
                })?
                .duration();
            let (shortest, least) = match what {
                SyncSubject::Usage => (SHORTEST_OF_USAGE, "1h"),
                SyncSubject::Users | SyncSubject::Licenses => (SHORTEST, "5m"),
            };
            if !(shortest..=LONGEST).contains(&every) {
                return Err(invalid(format!(
                    "{text} is out of bounds; use at least {least} and at most 30d"
                )));
            }
            scheduled.push(Scheduled { what, every, sign_ins });
        }
        if self.min_group == 0 {
            return Err(ConfigError::Invalid(format!("tenants.{tenant}.sync.min_group must be at least 1")));
        }
        if self.pseudonyms && self.pseudonym_key_file.as_os_str().is_empty() {
            return Err(ConfigError::Invalid(format!(
                "tenants.{tenant}.sync.pseudonyms needs a key: set tenants.{tenant}.sync.pseudonym_key_file as well"
            )));
        }
        if self.sign_ins && self.users.is_empty() {
            return Err(ConfigError::Invalid(format!(
                "tenants.{tenant}.sync.sign_ins belongs to scheduled syncs of users: set tenants.{tenant}.sync.users as \
                 well"
            )));
        }
        Ok(scheduled)
    }
}

impl TenantSync {
    /// What the licences of the tenant with this name cost; no prices if no file is set.
    ///
    /// # Errors
    ///
    /// When the file cannot be read; the error names the setting and every line that is wrong.
    pub fn prices(&self, tenant: &str) -> Result<Prices, ConfigError> {
        let file = self.prices_file.as_ref().filter(|file| !file.as_os_str().is_empty());
        file.map_or_else(|| Ok(Prices::default()), |file| read_prices(file))
            .map_err(|problem| ConfigError::Invalid(format!("tenants.{tenant}.sync.prices_file: {problem}")))
    }
}

/// Reads what licences cost; the error names the file and every line that is wrong.
pub fn read_prices(file: &Path) -> Result<Prices, String> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    Prices::read(&text).map_err(|problems| format!("{}:\n  {}", file.display(), problems.join("\n  ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheduled(users: &str, licenses: &str, sign_ins: bool) -> Result<Vec<Scheduled>, String> {
        let settings = TenantSync {
            users: users.to_owned(),
            licenses: licenses.to_owned(),
            sign_ins,
            ..TenantSync::default()
        };
        settings.scheduled("contoso").map_err(|error| error.to_string())
    }

    #[test]
    fn each_subject_has_its_own_interval_or_none() {
        let every =
            |what, seconds, sign_ins| Scheduled { what, every: Duration::from_secs(seconds), sign_ins };
        assert_eq!(scheduled("", "", false).unwrap(), []);
        let both = [every(SyncSubject::Users, 21_600, true), every(SyncSubject::Licenses, 86_400, false)];
        assert_eq!(scheduled("6h", "1d", true).unwrap(), both);
    }

    #[test]
    fn an_interval_that_makes_no_sense_is_refused_by_its_setting() {
        for (users, licenses, setting) in [
            ("6 hours", "", "tenants.contoso.sync.users: `6 hours` is no interval"),
            ("4m", "", "tenants.contoso.sync.users: 4m is out of bounds; use at least 5m and at most 30d"),
            ("", "31d", "tenants.contoso.sync.licenses: 31d is out of bounds"),
        ] {
            let error = scheduled(users, licenses, false).unwrap_err();
            assert!(error.starts_with(setting), "{error}");
        }
        assert!(scheduled("", "1d", true).unwrap_err().contains("set tenants.contoso.sync.users as well"));
        let usage = |usage: &str, pseudonyms, min_group| {
            let settings =
                TenantSync { usage: usage.to_owned(), pseudonyms, min_group, ..TenantSync::default() };
            settings.scheduled("contoso").map_err(|error| error.to_string())
        };
        assert_eq!(usage("1d", false, 5).unwrap().len(), 1);
        assert!(usage("30m", false, 5).unwrap_err().contains("at least 1h"));
        assert!(usage("", true, 5).unwrap_err().contains("set tenants.contoso.sync.pseudonym_key_file"));
        assert!(usage("", false, 0).unwrap_err().contains("min_group must be at least 1"));
    }

    #[test]
    fn a_file_of_prices_that_is_missing_or_wrong_is_refused_by_its_setting() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("prices.csv");
        let prices =
            || TenantSync { prices_file: Some(file.clone()), ..TenantSync::default() }.prices("contoso");
        let error = prices().unwrap_err().to_string();
        assert!(error.starts_with("tenants.contoso.sync.prices_file: cannot read "), "{error}");
        std::fs::write(&file, "SPE_E3,cheap,EUR\nSPE_E5,54.70\n").unwrap();
        let error = prices().unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
        std::fs::write(&file, "SPE_E3,35.70,EUR\n").unwrap();
        assert_ne!(prices().unwrap(), Prices::default());
        assert_eq!(TenantSync::default().prices("contoso").unwrap(), Prices::default());
    }
}
