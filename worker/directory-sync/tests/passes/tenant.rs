//! A tenant of the emulator, a client of it, and rows as JSON.

use std::sync::Arc;
use std::time::Duration;

use directory_sync::{
    AnyRow, Error, LicensesPass, LicensesSummary, Prices, User, UsersPass, UsersSummary, write_json,
};
use msgraph::{Client, Settings};
use msgraph_emulator::{Application, CLIENT_ID, CLIENT_SECRET, Emulator, Options, TENANT_ID, Tenant};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Everything that the passes can use.
pub const ROLES: [&str; 6] = [
    "AuditLog.Read.All",
    "GroupMember.Read.All",
    "LicenseAssignment.Read.All",
    "Organization.Read.All",
    "User-LifeCycleInfo.Read.All",
    "User.Read.All",
];

/// A running tenant.
pub struct Place {
    pub emulator: Emulator,
    pub client: Client,
}

impl Place {
    pub fn of(tenant: Tenant) -> Self {
        Self::with(tenant, &ROLES)
    }

    /// With these permissions alone.
    pub fn with(tenant: Tenant, roles: &[&str]) -> Self {
        Self::start(Options::new(tenant.application(Application::default().roles(roles))))
    }

    pub fn start(options: Options) -> Self {
        let emulator = Emulator::start(options).unwrap();
        let settings = Settings {
            login_url: emulator.url(),
            graph_url: emulator.url(),
            retry_budget: Duration::ZERO,
            ..Settings::new(TENANT_ID.to_string(), CLIENT_ID, CLIENT_SECRET.into())
        };
        let client = Client::new(settings, Arc::new(())).unwrap();
        Self { emulator, client }
    }

    /// Everyone as rows, and what the pass found.
    pub async fn everyone(&self) -> (Vec<Value>, UsersSummary) {
        let as_rows = |users: &[User<'_>]| users.iter().map(row).collect::<Vec<_>>();
        let mut pass = UsersPass::begin(self.client.reader(), as_rows).await.unwrap();
        let mut rows = Vec::new();
        while let Some(users) = pass.next().await.unwrap() {
            rows.extend(users);
        }
        (rows, pass.finish().unwrap())
    }

    /// All rows of a pass over licences, and what it found.
    pub async fn licenses(&self, prices: &Prices) -> (Vec<Value>, LicensesSummary) {
        let mut pass = LicensesPass::begin(self.client.reader(), prices).await.unwrap();
        let mut rows = Vec::new();
        while let Some(batch) = pass.next().await.unwrap() {
            rows.extend(batch.iter().map(row));
        }
        (rows, pass.finish().unwrap())
    }

    pub fn id(&self, upn: &str) -> String {
        self.emulator.with_tenant(|tenant| tenant.user_id(upn)).unwrap().to_string()
    }

    /// The counts that the emulator makes of its state, and not of what it answered.
    pub async fn totals(&self) -> Value {
        serde_json::from_str(&self.control("GET", "totals", "").await).unwrap()
    }

    /// Asks the emulator's own controls.
    pub async fn control(&self, method: &str, path: &str, body: &str) -> String {
        let url = self.emulator.url();
        let address = url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} /_emulator/{path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 20"), "{head}");
        body.to_owned()
    }

    /// Method, path and query of each request to Graph so far.
    pub fn requests(&self) -> Vec<String> {
        let journal = self.emulator.journal().into_iter().filter(|entry| !entry.token);
        journal.map(|entry| format!("{} {}?{}", entry.method, entry.path, entry.query)).collect()
    }
}

pub fn row(row: &impl AnyRow) -> Value {
    let mut json = String::new();
    write_json(row, &mut json);
    assert_eq!(json, serde_json::to_string(row).unwrap());
    let row: Value = serde_json::from_str(&json).unwrap();
    let is_flat = |value: &Value| match value {
        Value::Object(_) => false,
        Value::Array(list) => list.iter().all(Value::is_string),
        _ => true,
    };
    assert!(row.as_object().unwrap().values().all(is_flat), "{row}");
    row
}

/// The row with this value in a column.
pub fn find<'r>(rows: &'r [Value], column: &str, value: &str) -> &'r Value {
    let found: Vec<_> = rows.iter().filter(|row| row[column] == value).collect();
    assert_eq!(found.len(), 1, "{column} {value}: {found:?}");
    found[0]
}

pub fn of_kind<'r>(rows: &'r [Value], kind: &str) -> Vec<&'r Value> {
    rows.iter().filter(|row| row["kind"] == kind).collect()
}

/// Why a full pass is needed.
pub fn reason(error: &Error) -> &str {
    match error {
        Error::FullPassNeeded(reason) => reason.code(),
        Error::Graph(error) | Error::NoReports(error) | Error::NotGranted(error, _) => panic!("{error}"),
    }
}
