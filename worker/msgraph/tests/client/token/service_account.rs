//! A person signs in once, and the worker continues with the refresh token: its file, its rotation, and a crash.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use msgraph::{Account, Credential, DeviceSignIn, Error, SecretSource, Settings};
use msgraph_emulator::{Application, Decision, Emulator, Fault, Options, TENANT_ID, Tenant, User};
use tempfile::TempDir;

use crate::server::{Reply, Server, client, json};
use crate::testing::settings;

const SERVICE: &str = "service@contoso.example";

/// A tenant with an application for people to sign in to, and a folder for the token.
struct Site {
    emulator: Emulator,
    folder: TempDir,
}

fn application() -> Application {
    let scopes = ["Organization.Read.All", "User.ReadWrite.All", "User.RevokeSessions.All"];
    Application::default().roles(&[]).scopes(&scopes).public().poll_interval(1)
}

impl Site {
    fn new() -> Self {
        let service = User::new(SERVICE, "Service").holding_role("User Administrator");
        let tenant = Tenant::contoso().user(service).application(application());
        let emulator = Emulator::start(Options::new(tenant)).unwrap();
        Self { emulator, folder: TempDir::new().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("contoso")
    }

    fn settings(&self) -> Settings {
        let credential = Credential::ServiceAccount(SecretSource::File(self.file()));
        Settings { credential, ..settings(&self.emulator) }
    }

    fn token(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    /// The person decides after this many polls of the device.
    async fn sign_in(&self, decision: Decision, polls: u64) -> Result<Account, Error> {
        let sign_in = DeviceSignIn::begin(&self.settings()).await?;
        let user_code = sign_in.user_code().to_owned();
        assert_eq!(sign_in.verification_uri(), "https://microsoft.com/devicelogin");
        let finished = tokio::spawn(sign_in.finish());
        while self.emulator.pending_sign_ins().iter().all(|pending| pending.polls < polls) {
            tokio::task::yield_now().await;
        }
        assert!(self.emulator.decide_sign_in(&user_code, &decision));
        finished.await.unwrap()
    }

    async fn connected() -> Self {
        let site = Self::new();
        site.sign_in(Decision::Approve(SERVICE.into()), 0).await.unwrap();
        site
    }
}

async fn read(settings: Settings) -> Result<(), Error> {
    client(settings).reader().subscribed_skus().await.map(|_| ())
}

#[tokio::test]
async fn a_person_signs_in_once_and_the_worker_continues_from_the_file() {
    let site = Site::new();
    let account = site.sign_in(Decision::Approve(SERVICE.into()), 1).await.unwrap();
    assert_eq!(account.user_principal_name.as_deref(), Some(SERVICE));
    assert_eq!(account.tenant_id, Some(TENANT_ID.to_string()));
    assert!(account.permissions.iter().any(|name| name == "User.ReadWrite.All"), "{account:?}");
    assert_eq!(fs::metadata(site.file()).unwrap().permissions().mode() & 0o777, 0o600);

    let first = site.token();
    let client = client(site.settings());
    client.reader().subscribed_skus().await.unwrap();
    let second = site.token();
    site.emulator.revoke_access_tokens();
    client.reader().subscribed_skus().await.unwrap();
    let third = site.token();
    assert!(first != second && second != third, "each token has a new successor");
    let ada = site.emulator.with_tenant(|tenant| tenant.user_id("ada@contoso.example")).unwrap();
    client.writer().set_account_enabled(&ada.to_string(), false).await.unwrap();
    let left: Vec<_> = fs::read_dir(site.folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test]
async fn a_declined_or_expired_sign_in_is_distinguished_from_a_mistake() {
    let site = Site::new();
    for (decision, says) in
        [(Decision::Decline, "was declined"), (Decision::Expire, "before the code expired")]
    {
        let error = site.sign_in(decision, 0).await.unwrap_err();
        assert!(error.is_credentials() && error.to_string().contains(says), "{error}");
        assert!(!site.file().exists());
    }
    site.emulator.with_tenant(|tenant| tenant.put_application(application().scopes(&[])));
    let error = site.sign_in(Decision::Approve(SERVICE.into()), 0).await.unwrap_err();
    assert!(error.code() == "AADSTS65001" && error.to_string().contains("admin consent"), "{error}");
    site.emulator.with_tenant(|tenant| tenant.put_application(Application::default().poll_interval(1)));
    let error = site.sign_in(Decision::Approve(SERVICE.into()), 0).await.unwrap_err();
    assert!(error.to_string().contains("allow public client flows"), "{error}");

    let elsewhere = Credential::ServiceAccount(SecretSource::File(site.folder.path().join("none/contoso")));
    let missing = Settings { credential: elsewhere, ..site.settings() };
    let error = DeviceSignIn::begin(&missing).await.err().unwrap();
    assert!(error.to_string().contains("there is no directory"), "{error}");
    let error = DeviceSignIn::begin(&settings(&site.emulator)).await.err().unwrap();
    assert!(error.is_settings(), "{error}");
}

#[tokio::test]
async fn a_lost_answer_leaves_a_token_that_works() {
    let site = Site::connected().await;
    let before = site.token();
    // The sign-in service has issued the next token, and the process dies before it is on disk.
    site.emulator.fault(Fault::acted_then_dropped().path("oauth2").times(1));
    assert!(read(site.settings()).await.unwrap_err().is_transient());
    assert_eq!(site.token(), before);
    read(site.settings()).await.unwrap();
    assert_ne!(site.token(), before);
}

#[tokio::test]
async fn a_file_left_by_a_crash_does_no_harm() {
    let site = Site::connected().await;
    let half = site.folder.path().join(".contoso.4d1f.tmp");
    fs::write(&half, "1.hal").unwrap();
    for _ in 0..2 {
        read(site.settings()).await.unwrap();
    }
    assert_eq!(fs::read_to_string(half).unwrap(), "1.hal");
}

#[tokio::test]
async fn no_token_is_used_if_its_successor_cannot_be_saved() {
    let site = Site::connected().await;
    // Too long for a name beside it.
    let long = site.folder.path().join("c".repeat(250));
    fs::rename(site.file(), &long).unwrap();
    site.emulator.clear_journal();
    let settings = Settings {
        credential: Credential::ServiceAccount(SecretSource::File(long.clone())),
        ..site.settings()
    };
    let error = read(settings).await.unwrap_err();
    assert!(error.is_credentials() && error.to_string().contains("cannot save the refresh token"), "{error}");
    assert!(site.emulator.journal().iter().all(|entry| entry.token), "Graph was not asked");
    fs::rename(&long, site.file()).unwrap();
    read(site.settings()).await.unwrap();
}

#[tokio::test]
async fn a_file_that_others_can_read_is_not_used() {
    let site = Site::connected().await;
    site.emulator.clear_journal();
    fs::set_permissions(site.file(), fs::Permissions::from_mode(0o644)).unwrap();
    let error = read(site.settings()).await.unwrap_err();
    assert!(error.to_string().contains("chmod 600") && !error.to_string().contains(&site.token()), "{error}");
    assert_eq!(site.emulator.journal().len(), 0);
}

#[tokio::test]
async fn an_expired_sign_in_asks_for_another() {
    let site = Site::connected().await;
    for (end, code) in [
        (Emulator::expire_refresh_tokens as fn(&Emulator), "AADSTS70008"),
        (Emulator::revoke_refresh_tokens, "AADSTS50173"),
    ] {
        end(&site.emulator);
        let error = read(site.settings()).await.unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.is_credentials() && error.to_string().contains("gatehouse connect"), "{error}");
    }
    site.sign_in(Decision::Approve(SERVICE.into()), 0).await.unwrap();
    read(site.settings()).await.unwrap();
}

fn granted(number: usize) -> Reply {
    let body = format!(
        r#"{{"expires_in":3600,"access_token":"token-{number}","refresh_token":"refresh-{number}"}}"#
    );
    json(200, &body)
}

#[tokio::test]
async fn a_refresh_token_from_the_environment_is_followed_in_memory() {
    let server = Server::with_tokens(
        |_, n| granted(n),
        |_, n| if n % 2 == 1 { json(401, "") } else { json(200, r#"{"value":[]}"#) },
    )
    .await;
    let credential = Credential::ServiceAccount(SecretSource::Value("refresh-0".into()));
    let client = client(Settings { credential, ..server.settings() });
    client.reader().subscribed_skus().await.unwrap();
    client.reader().subscribed_skus().await.unwrap();
    let used: Vec<_> = server.token_requests().into_iter().map(|seen| seen.body).collect();
    assert_eq!(used.len(), 3);
    for (number, body) in used.iter().enumerate() {
        assert!(body.contains("grant_type=refresh_token"), "{body}");
        assert!(body.contains(&format!("&refresh_token=refresh-{number}&")), "{body}");
        assert!(body.contains("offline_access"), "{body}");
    }
}
