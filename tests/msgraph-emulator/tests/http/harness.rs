//! A client with a token, and the checks every test makes.

use std::sync::Once;

use msgraph_emulator::{
    Application, CLIENT_ID, CLIENT_SECRET, Emulator, Group, Options, Sku, StartError, TENANT_ID, Tenant, User,
};
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

pub(crate) const ADA: &str = "ada@contoso.example";
pub(crate) const GRACE: &str = "grace@contoso.example";
pub(crate) const EDSGER: &str = "edsger@contoso.example";

/// An emulator and a client signed in to it.
pub(crate) struct Desk {
    pub(crate) emulator: Emulator,
    pub(crate) http: Client,
    pub(crate) token: String,
}

/// An HTTP client as the tests need it.
pub(crate) fn client() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().unwrap();
    });
    Client::new()
}

/// The one way these tests start an emulator within their process.
pub(crate) fn try_start(options: Options) -> Result<Emulator, StartError> {
    Emulator::start(options)
}

/// An emulator that must start.
pub(crate) fn start(options: Options) -> Emulator {
    try_start(options).unwrap()
}

/// Three people, two subscriptions and a group of every kind.
pub(crate) fn tenant() -> Tenant {
    Tenant::empty()
        .sku(Sku::new("SPE_E3", 2).plan("TEAMS1").plan("EXCHANGE_S_ENTERPRISE"))
        .sku(Sku::new("EMS", 1).plan("INTUNE_A"))
        .user(User::new(GRACE, "Grace Hopper").located("US").licensed("SPE_E3"))
        .user(
            User::new(ADA, "Ada Lovelace")
                .with("employeeId", "1815")
                .with("mail", ADA)
                .located("GB")
                .manager(GRACE),
        )
        .user(User::new(EDSGER, "Edsger Dijkstra").synced())
        .user(User::new("admin@contoso.example", "Administrator").holding_role("User Administrator"))
        .group(Group::security("Engineers").member(GRACE).owner(GRACE))
        .group(Group::microsoft365("Project").with_team())
        .group(Group::dynamic("Everybody", "user.accountEnabled -eq true").member(GRACE))
        .group(Group::synced("Building 7").member(GRACE))
        .group(Group::distribution("Newsletter").member(GRACE))
        .group(Group::mail_enabled_security("Shift Leads").member(GRACE))
        .group(Group::role_assignable("Operators"))
        .group(Group::security("Devices").licensing("EMS"))
}

impl Desk {
    /// The tenant of the tests, with every permission the default application has.
    pub(crate) async fn open() -> Self {
        Self::with(Options::new(tenant())).await
    }

    /// The tenant of the tests for an application with these permissions only.
    pub(crate) async fn allowed(roles: &[&str]) -> Self {
        Self::as_application(Application::default().roles(roles)).await
    }

    /// The tenant of the tests for this application.
    pub(crate) async fn as_application(application: Application) -> Self {
        Self::with(Options::new(tenant().application(application))).await
    }

    /// An emulator and a token, with an empty journal.
    pub(crate) async fn with(options: Options) -> Self {
        let emulator = start(options);
        let http = client();
        let token = sign_in(&http, &emulator).await;
        emulator.clear_journal();
        Self { emulator, http, token }
    }

    /// An emulator and a client that has not signed in.
    pub(crate) fn unsigned(options: Options) -> Self {
        Self { emulator: start(options), http: client(), token: String::new() }
    }

    /// Sets a fault rule by its fields.
    pub(crate) fn spoil(&self, rule: Value) {
        self.emulator.fault(serde_json::from_value(rule).unwrap());
    }

    /// The id of a user, by user principal name.
    pub(crate) fn user(&self, upn: &str) -> String {
        let id = self.emulator.with_tenant(|tenant| tenant.user_id(upn));
        id.unwrap().to_string()
    }

    /// The id of a group, by display name.
    pub(crate) fn group(&self, name: &str) -> String {
        let id = self.emulator.with_tenant(|tenant| tenant.group_id(name));
        id.unwrap().to_string()
    }

    /// The id of a SKU, by part number.
    pub(crate) fn sku(&self, part_number: &str) -> String {
        let id = self.emulator.with_tenant(|tenant| tenant.sku_id(part_number));
        id.unwrap().to_string()
    }

    /// A signed request; `path` is below `/v1.0/`.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let address = format!("{}/v1.0/{path}", self.emulator.url());
        self.http.request(method, address).bearer_auth(&self.token)
    }

    /// Sends a request and hands back status and JSON body, null where there is none.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        request = match body {
            Some(body) => request.json(&body),
            None => request.header(CONTENT_LENGTH, 0),
        };
        read(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, None).await
    }

    /// Reads what must be there.
    pub(crate) async fn found(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Adds a user to a group through Graph.
    pub(crate) async fn add(&self, group: &str, user: &str) -> (u16, Value) {
        let path = format!("groups/{}/members/$ref", self.group(group));
        let id = format!("https://graph.microsoft.com/v1.0/directoryObjects/{user}");
        self.send("POST", &path, Some(json!({ "@odata.id": id }))).await
    }

    /// Takes a user out of a group through Graph.
    pub(crate) async fn remove(&self, group: &str, user: &str) -> (u16, Value) {
        let path = format!("groups/{}/members/{user}/$ref", self.group(group));
        self.send("DELETE", &path, None).await
    }
}

pub(crate) async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    if body.is_empty() {
        return (status, Value::Null);
    }
    (status, serde_json::from_slice(&body).unwrap())
}

/// Asks for a token for the default application.
pub(crate) async fn sign_in(http: &Client, emulator: &Emulator) -> String {
    sign_in_at(http, &format!("{}/{TENANT_ID}/oauth2/v2.0/token", emulator.url())).await
}

/// Asks for a token for the default application, at this address.
pub(crate) async fn sign_in_at(http: &Client, address: &str) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    let (status, body) = read(http.post(address).form(&form).send().await.unwrap()).await;
    assert_eq!(status, 200, "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}

/// Checks that an answer is this refusal, in Graph's format.
#[track_caller]
pub(crate) fn refused(answer: &(u16, Value), status: u16, code: &str, fragment: &str) {
    let (got, body) = answer;
    let error = &body["error"];
    assert_eq!((*got, error["code"].as_str()), (status, Some(code)), "{body}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(fragment), "{message}");
    for id in ["request-id", "client-request-id", "date"] {
        assert!(error["innerError"][id].is_string(), "{id}: {body}");
    }
}
