//! A tenant that answers what a test says, over HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use directory_sync::{Error, Prices, Privacy, UsageOptions, UsagePass, UsageSummary};
use jiff::civil::Date;
use msgraph::{Client, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::report::{APPS, Form, PLATFORMS, Row};

/// An answer.
#[derive(Clone)]
pub enum Reply {
    Csv(String),
    /// A file of which only half arrives.
    Half(String),
    Refusal(u16, &'static str, String),
}

/// What the tenant answers.
#[derive(Clone)]
pub struct World {
    pub days: BTreeMap<Date, Reply>,
    pub app_counts: Reply,
    pub platform_counts: Reply,
    /// Whether names are concealed; `None`: it may not be read.
    pub concealed: Option<bool>,
    pub users: Option<Vec<Value>>,
    pub deleted: Vec<Value>,
    pub skus: Option<Vec<Value>>,
    /// A service account instead of an application.
    pub delegated: bool,
}

impl Default for World {
    fn default() -> Self {
        let form = Form::default();
        Self {
            days: BTreeMap::new(),
            app_counts: Reply::Csv(form.counts(&APPS, &[(form.refreshed, vec![0; 6])])),
            platform_counts: Reply::Csv(form.counts(&PLATFORMS, &[])),
            concealed: Some(false),
            users: Some(Vec::new()),
            deleted: Vec::new(),
            skus: Some(Vec::new()),
            delegated: false,
        }
    }
}

impl World {
    /// With the rows of a day.
    pub fn day(mut self, date: Date, rows: &[Row]) -> Self {
        self.days.insert(date, Reply::Csv(Form::default().detail(rows)));
        self
    }

    /// With a person of the directory.
    pub fn user(mut self, user: Value) -> Self {
        self.users.get_or_insert_default().push(user);
        self
    }
}

/// A person of the directory who was there long before, with these licences since then.
pub fn person(upn: &str, skus: &[&str]) -> Value {
    let states = skus.iter().map(|sku| {
        json!({ "skuId": sku, "assignedByGroup": null, "disabledPlans": [], "state": "Active", "error": "None",
            "lastUpdatedDateTime": "2024-01-01T00:00:00Z" })
    });
    let assigned = skus.iter().map(|sku| json!({ "skuId": sku, "disabledPlans": [] }));
    json!({ "id": format!("id-of-{upn}"), "userPrincipalName": upn, "displayName": upn, "accountEnabled": true,
        "userType": "Member", "department": "Research", "createdDateTime": "2023-05-05T10:00:00Z",
        "proxyAddresses": [format!("SMTP:{upn}")], "assignedLicenses": assigned.collect::<Vec<_>>(),
        "licenseAssignmentStates": states.collect::<Vec<_>>() })
}

/// A licence of the tenant with these service plans.
pub fn sku(id: &str, plans: &[&str]) -> Value {
    let plans = plans.iter().enumerate().map(|(number, name)| {
        json!({ "servicePlanId": format!("00000000-0000-0000-0000-0000000000{number:02}"), "servicePlanName": name,
            "appliesTo": "User" })
    });
    json!({ "skuId": id, "skuPartNumber": "SPE_E3", "consumedUnits": 1, "capabilityStatus": "Enabled",
        "appliesTo": "User", "prepaidUnits": { "enabled": 10, "warning": 0, "suspended": 0, "lockedOut": 0 },
        "servicePlans": plans.collect::<Vec<_>>() })
}

/// A running tenant.
pub struct Place {
    pub client: Client,
    pub world: Arc<Mutex<World>>,
    requests: Arc<Mutex<Vec<String>>>,
}

/// Everything that a pass said.
pub struct Read {
    pub rows: Vec<Value>,
    pub summary: UsageSummary,
}

impl Place {
    pub async fn of(world: World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = Arc::new(Mutex::new(world));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answers, seen) = (Arc::clone(&world), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, seen) = (Arc::clone(&answers), Arc::clone(&seen));
                tokio::spawn(async move {
                    // A connection that the client gave up answers nobody.
                    let _ = answer(stream, &answers, &seen).await;
                });
            }
        });
        let settings = Settings {
            login_url: url.clone(),
            graph_url: url,
            retry_budget: Duration::ZERO,
            ..Settings::new("contoso".to_owned(), "client", "secret".into())
        };
        Self { client: Client::new(settings, Arc::new(())).unwrap(), world, requests }
    }

    /// The days that were asked for, in their order.
    pub fn asked(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let days =
            requests.iter().filter_map(|path| path.strip_prefix("/v1.0/reports/getM365AppUserDetail(date="));
        days.map(|rest| rest.trim_end_matches(')').to_owned()).collect()
    }

    pub async fn read(&self, days: u8) -> Read {
        self.read_with(options(days)).await.unwrap()
    }

    pub async fn read_with(&self, options: UsageOptions) -> Result<Read, Error> {
        let mut pass = UsagePass::begin(self.client.reader(), options).await?;
        let mut rows = Vec::new();
        while pass.next_day().is_some() {
            read_day(&mut pass, &mut rows).await?;
        }
        let mut window = pass.window();
        while let Some(batch) = window.next().await? {
            rows.extend(batch.iter().map(|row| serde_json::to_value(row).unwrap()));
        }
        Ok(Read { rows, summary: window.finish().unwrap() })
    }
}

pub fn options(days: u8) -> UsageOptions {
    UsageOptions {
        days,
        known: Vec::new(),
        by_person: true,
        privacy: Privacy::open_names(),
        prices: Prices::default(),
    }
}

pub async fn read_day(pass: &mut UsagePass<'_>, rows: &mut Vec<Value>) -> Result<(), Error> {
    let Some(day) = pass.read_day().await? else { return Ok(()) };
    let mut from = 0;
    loop {
        let batch = pass.rows(&day, &mut from);
        if batch.is_empty() {
            break;
        }
        rows.extend(batch.iter().map(|row| serde_json::to_value(row).unwrap()));
    }
    rows.push(serde_json::to_value(&day).unwrap());
    Ok(())
}

impl Read {
    pub fn of(&self, kind: &str) -> Vec<&Value> {
        self.rows.iter().filter(|row| row["kind"] == kind).collect()
    }

    pub fn find(&self, kind: &str, column: &str, value: &str) -> &Value {
        let found: Vec<_> = self.of(kind).into_iter().filter(|row| row[column] == value).collect();
        assert_eq!(found.len(), 1, "{kind} {column} {value}: {found:?}");
        found[0]
    }

    /// The day with this date.
    pub fn day(&self, date: Date) -> &Value {
        self.find("usage_day", "date", &date.to_string())
    }

    /// How many people used an app in the whole window.
    pub fn people(&self, app: &str, platform: &str) -> Option<u64> {
        let window = self.of("usage_app").into_iter().map(|row| row["window_days"].as_u64()).max().flatten();
        let is = |row: &&&Value| {
            row["app"] == app && row["platform"] == platform && row["window_days"].as_u64() == window
        };
        self.of("usage_app").iter().find(is).unwrap()["people"].as_u64()
    }
}

async fn answer(
    mut stream: TcpStream,
    world: &Mutex<World>,
    requests: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        head.extend_from_slice(&buffer[..read]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    let world = world.lock().unwrap().clone();
    if path.starts_with("/file/") {
        assert!(!head.to_ascii_lowercase().contains("authorization:"), "a file got the token: {head}");
    }
    requests.lock().unwrap().push(path.clone());
    let (status, kind, body, length) = match reply(&world, &path) {
        Found::Json(body) => (200, "application/json", body.to_string(), None),
        Found::Redirect(to) => {
            let head = format!(
                "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            return stream.write_all(head.as_bytes()).await;
        }
        Found::File(Reply::Csv(text)) => (200, "application/octet-stream", text, None),
        Found::File(Reply::Half(text)) => {
            let half = text[..text.len() / 2].to_owned();
            (200, "application/octet-stream", half, Some(text.len()))
        }
        Found::File(Reply::Refusal(status, code, message)) => {
            let error = json!({ "error": { "code": code, "message": message } });
            (status, "application/json", error.to_string(), None)
        }
    };
    let length = length.unwrap_or(body.len());
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await
}

enum Found {
    Json(Value),
    Redirect(String),
    File(Reply),
}

fn reply(world: &World, path: &str) -> Found {
    let forbidden = || Found::File(Reply::Refusal(403, "Authorization_RequestDenied", "no".to_owned()));
    let list = |list: &Option<Vec<Value>>| match list {
        Some(list) => Found::Json(json!({ "value": list })),
        None => forbidden(),
    };
    if path.ends_with("/token") {
        let claims =
            if world.delegated { json!({ "scp": "Reports.Read.All" }) } else { json!({ "roles": ["x"] }) };
        let token = format!("h.{}.s", URL_SAFE_NO_PAD.encode(claims.to_string()));
        return Found::Json(json!({ "access_token": token, "expires_in": 3600, "token_type": "Bearer" }));
    }
    if let Some(report) = path.strip_prefix("/v1.0/reports/") {
        let refused = match report_of(world, report) {
            Reply::Refusal(..) => Some(report_of(world, report)),
            _ => None,
        };
        return refused.map_or_else(|| Found::Redirect(format!("/file/{report}")), Found::File);
    }
    if let Some(report) = path.strip_prefix("/file/") {
        return Found::File(report_of(world, report));
    }
    match path {
        "/v1.0/admin/reportSettings" => match world.concealed {
            Some(concealed) => Found::Json(json!({ "displayConcealedNames": concealed })),
            None => forbidden(),
        },
        "/v1.0/users" => list(&world.users),
        "/v1.0/subscribedSkus" => list(&world.skus),
        "/v1.0/directory/deletedItems/microsoft.graph.user" => Found::Json(json!({ "value": world.deleted })),
        _ => Found::File(Reply::Refusal(404, "NotFound", path.to_owned())),
    }
}

fn report_of(world: &World, report: &str) -> Reply {
    let Some(date) = report.strip_prefix("getM365AppUserDetail(date=") else {
        assert!(report.ends_with("(period='D30')"), "{report}");
        let is_apps = report.starts_with("getM365AppUserCounts");
        return if is_apps { world.app_counts.clone() } else { world.platform_counts.clone() };
    };
    let date = date.trim_end_matches(')');
    assert!(!date.contains('\''), "a date in quotes is refused: {date}");
    let known = world.days.get(&date.parse::<Date>().unwrap()).cloned();
    known.unwrap_or_else(|| {
        let message =
            format!("Invalid date value specified: {date}. Only support data for the past 28 days.");
        Reply::Refusal(400, "InvalidArgument", message)
    })
}
