//! A tenant and the command, without a broker: a sync needs none.

use std::path::PathBuf;

use msgraph_emulator::{Application, CLIENT_ID, CLIENT_SECRET, Emulator, Options, TENANT_ID, Tenant};
use serde_json::Value;
use system_tests::worker_process::{self, Finished};
use tempfile::TempDir;

/// Everything that the syncs can use.
pub const ROLES: [&str; 6] = [
    "AuditLog.Read.All",
    "GroupMember.Read.All",
    "LicenseAssignment.Read.All",
    "Organization.Read.All",
    "User-LifeCycleInfo.Read.All",
    "User.Read.All",
];

pub struct Bench {
    pub emulator: Emulator,
    pub folder: TempDir,
}

impl Bench {
    pub fn of(tenant: Tenant) -> Self {
        Self::with(tenant, &ROLES)
    }

    /// With these permissions alone.
    pub fn with(tenant: Tenant, roles: &[&str]) -> Self {
        let tenant = tenant.application(Application::default().roles(roles));
        let emulator = Emulator::start(Options::new(tenant)).unwrap();
        Self { emulator, folder: TempDir::new().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn name(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names of all files in the folder.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs `gatehouse sync` with these arguments in a terminal of 80 columns, if it were one.
    pub async fn sync(&self, arguments: &[&str]) -> Finished {
        self.sync_with(arguments, &[]).await
    }

    /// The same with further settings.
    pub async fn sync_with(&self, arguments: &[&str], more: &[(&str, String)]) -> Finished {
        let arguments: Vec<&str> = std::iter::once("sync").chain(arguments.iter().copied()).collect();
        worker_process::gatehouse(&arguments, &self.settings(more)).await
    }

    /// The settings of a command.
    pub fn settings(&self, more: &[(&str, String)]) -> Vec<(String, String)> {
        let setting = |key: &str, value: String| (format!("GATEHOUSE__{key}"), value);
        let settings = [
            setting("TENANTS__CONTOSO__TENANT_ID", TENANT_ID.to_string()),
            setting("TENANTS__CONTOSO__CLIENT_ID", CLIENT_ID.to_owned()),
            setting("TENANTS__CONTOSO__CLIENT_SECRET", CLIENT_SECRET.to_owned()),
            setting("TENANTS__CONTOSO__SIZE", "large".to_owned()),
            setting("GRAPH__URL", self.emulator.url()),
            setting("GRAPH__LOGIN_URL", self.emulator.url()),
            setting("GRAPH__RETRY_BUDGET_SECONDS", "0".to_owned()),
            // The emulator has no limits here, so nobody waits for Microsoft's.
            setting("GRAPH__LIMITS_SHARE", "1000".to_owned()),
            ("COLUMNS".to_owned(), "80".to_owned()),
        ];
        let more = more.iter().map(|(key, value)| setting(key, value.clone()));
        settings.into_iter().chain(more).collect()
    }

    /// What a command says as JSON.
    pub async fn report(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--output", "json"]).collect();
        serde_json::from_str(&self.sync(&arguments).await.ok()).unwrap()
    }
}
