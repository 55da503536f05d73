//! Every kind of credential against the emulator, which verifies each: valid ones, ones replaced while a worker runs,
//! and the errors of invalid ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use msgraph::{Client, Credential, Error, SecretSource, Settings};
use msgraph_emulator::{Application, CERTIFICATE, CLIENT_SECRET, Emulator, Fault, Options, Tenant};
use serde_json::json;
use tempfile::TempDir;

use crate::server::client;
use crate::testing::{emulator_client, settings};

const OTHER: &str = include_str!("certificates/other.pem");
const ELLIPTIC: &str = include_str!("certificates/elliptic.pem");
/// `CERTIFICATE` as PKCS#12, encrypted as OpenSSL 3 does, and as Windows and OpenSSL 1 did.
const PKCS12: [&str; 2] =
    [include_str!("certificates/aes.p12.base64"), include_str!("certificates/triple-des.p12.base64")];
const PASSWORD: &str = "p12-passw0rd";

const ISSUER: &str = "https://cluster.contoso.example";
const SUBJECT: &str = "system:serviceaccount:gatehouse:worker";
const AUDIENCE: &str = "api://AzureADTokenExchange";

fn emulator(application: Application) -> Emulator {
    Emulator::start(Options::new(Tenant::contoso().application(application))).unwrap()
}

fn with(emulator: &Emulator, credential: Credential) -> Settings {
    Settings { credential, ..settings(emulator) }
}

async fn read(client: &Client) -> Result<(), Error> {
    client.reader().subscribed_skus().await.map(|_| ())
}

async fn refused(emulator: &Emulator, credential: Credential) -> Error {
    let error = read(&client(with(emulator, credential))).await.unwrap_err();
    assert!(error.is_credentials() && !error.is_transient() && !error.is_ambiguous(), "{error:?}");
    error
}

fn certificate(file: &Path) -> Credential {
    Credential::Certificate { file: file.to_owned(), password: None }
}

fn tokens_asked_for(emulator: &Emulator) -> usize {
    emulator.journal().iter().filter(|entry| entry.token).count()
}

#[tokio::test]
async fn a_secret_in_a_file_is_replaced_while_a_worker_runs() {
    let emulator = emulator(Application::default());
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, format!("{CLIENT_SECRET}\n")).unwrap();
    let client = client(with(&emulator, Credential::Secret(SecretSource::File(file.clone()))));
    read(&client).await.unwrap();
    let second = Application::default().secret("the-second-secret");
    emulator.with_tenant(|tenant| tenant.put_application(second));
    read(&client).await.unwrap();
    emulator.revoke_access_tokens();
    assert_eq!(read(&client).await.unwrap_err().code(), "AADSTS7000215");
    fs::write(&file, "the-second-secret\r\n").unwrap();
    read(&client).await.unwrap();
    fs::remove_file(&file).unwrap();
    read(&client).await.unwrap();
    emulator.revoke_access_tokens();
    let error = read(&client).await.unwrap_err();
    assert!(error.is_credentials() && error.to_string().contains("cannot read the client secret"), "{error}");
}

#[tokio::test]
async fn a_certificate_signs_from_every_kind_of_file() {
    let emulator = emulator(Application::default().certificate(CERTIFICATE));
    let folder = TempDir::new().unwrap();
    let (file, password_file) = (folder.path().join("certificate"), folder.path().join("password"));
    fs::write(&password_file, format!("{PASSWORD}\n")).unwrap();
    // A chain may be in the file, in any order.
    for pem in [CERTIFICATE.to_owned(), format!("{}{CERTIFICATE}", certificates_of(OTHER))] {
        fs::write(&file, pem).unwrap();
        read(&client(with(&emulator, certificate(&file)))).await.unwrap();
    }
    for (base64, password) in
        PKCS12.into_iter().zip([SecretSource::Value(PASSWORD.into()), SecretSource::File(password_file)])
    {
        fs::write(&file, STANDARD.decode(base64.replace('\n', "")).unwrap()).unwrap();
        let credential = Credential::Certificate { file: file.clone(), password: Some(password) };
        let settings = with(&emulator, credential);
        settings.check().unwrap();
        read(&client(settings)).await.unwrap();
    }
    assert_eq!(tokens_asked_for(&emulator), 4);
}

fn certificates_of(pem: &str) -> &str {
    pem.split("-----BEGIN PRIVATE KEY").next().unwrap()
}

#[tokio::test]
async fn a_certificate_is_replaced_while_a_worker_runs() {
    let emulator = emulator(Application::default().certificate(CERTIFICATE));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("certificate.pem");
    fs::write(&file, CERTIFICATE).unwrap();
    let client = client(with(&emulator, certificate(&file)));
    read(&client).await.unwrap();
    emulator.with_tenant(|tenant| tenant.put_application(Application::default().certificate(OTHER)));
    emulator.revoke_access_tokens();
    let error = read(&client).await.unwrap_err();
    assert_eq!(error.code(), "AADSTS700027");
    assert!(error.to_string().contains("upload it to the application"), "{error}");
    fs::write(&file, OTHER).unwrap();
    read(&client).await.unwrap();
}

#[tokio::test]
async fn an_invalid_certificate_file_is_explained_without_its_content() {
    let emulator = emulator(Application::default().certificate(CERTIFICATE));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("certificate");
    let key = CERTIFICATE.split_once("-----BEGIN PRIVATE KEY").unwrap().1;
    let pkcs12 = STANDARD.decode(PKCS12[0].replace('\n', "")).unwrap();
    let rows: [(Vec<u8>, &str); 7] = [
        (certificates_of(CERTIFICATE).into(), "no private key"),
        (format!("-----BEGIN PRIVATE KEY{key}").into(), "no certificate that belongs to its private key"),
        (
            format!("{}-----BEGIN PRIVATE KEY{key}", certificates_of(OTHER)).into(),
            "no certificate that belongs to its private key",
        ),
        (ELLIPTIC.into(), "not an RSA key"),
        (pkcs12, "certificate password"),
        (b"s3cret-nonsense".to_vec(), "neither PEM nor PKCS#12"),
        (Vec::new(), "neither PEM nor PKCS#12"),
    ];
    for (content, says) in rows {
        fs::write(&file, &content).unwrap();
        let error = refused(&emulator, certificate(&file)).await;
        assert!(error.to_string().contains(says), "{error}");
        let words = format!("{error} {error:?}");
        assert!(!words.contains("s3cret") && !words.contains(key.lines().nth(1).unwrap()), "{words}");
        assert!(with(&emulator, certificate(&file)).check().unwrap_err().is_credentials());
    }
    let error = refused(&emulator, certificate(&folder.path().join("nowhere"))).await;
    assert!(error.to_string().contains("check the path"), "{error}");
    assert_eq!(emulator.journal().len(), 0, "none of it was sent anywhere");
}

#[tokio::test]
async fn a_broken_pkcs12_file_is_an_error_wherever_it_breaks() {
    let emulator = emulator(Application::default());
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("certificate.p12");
    let whole = STANDARD.decode(PKCS12[1].replace('\n', "")).unwrap();
    for length in (0..whole.len()).step_by(7) {
        fs::write(&file, &whole[..length]).unwrap();
        let password = Some(SecretSource::Value(PASSWORD.into()));
        let settings = with(&emulator, Credential::Certificate { file: file.clone(), password });
        assert!(settings.check().unwrap_err().is_credentials(), "{length}");
    }
}

/// A token as a cluster writes it to a file. The emulator checks its claims.
fn federated(subject: &str, seconds: i64) -> String {
    let claims = json!({
        "iss": ISSUER, "sub": subject, "aud": AUDIENCE, "exp": jiff::Timestamp::now().as_second() + seconds,
    });
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2ln\n", part(json!({ "alg": "RS256" }).to_string()), part(claims.to_string()))
}

#[tokio::test]
async fn a_federated_token_is_read_again_for_every_token() {
    let emulator = emulator(Application::default().federated(ISSUER, SUBJECT, AUDIENCE));
    let folder = TempDir::new().unwrap();
    let token_file = folder.path().join("token");
    let credential = Credential::WorkloadIdentity { token_file: token_file.clone() };
    fs::write(&token_file, federated(SUBJECT, -1)).unwrap();
    let error = refused(&emulator, credential.clone()).await;
    assert_eq!(error.code(), "AADSTS700024");
    assert!(error.to_string().contains("the federated token is renewed"), "{error}");

    let client = client(with(&emulator, credential.clone()));
    for subject in [SUBJECT, SUBJECT] {
        fs::write(&token_file, federated(subject, 3600)).unwrap();
        emulator.revoke_access_tokens();
        read(&client).await.unwrap();
    }
    fs::write(&token_file, federated("system:serviceaccount:gatehouse:other", 3600)).unwrap();
    let error = refused(&emulator, credential).await;
    assert_eq!(error.code(), "AADSTS70021");
    assert!(error.to_string().contains("issuer, subject and audience"), "{error}");
}

#[tokio::test]
async fn a_run_longer_than_a_token_s_lifetime_is_not_disturbed() {
    let emulator = emulator(Application::default().expires_in(1));
    let client = emulator_client(&emulator);
    // Slow enough for Microsoft's limits, which the client keeps.
    let mut turns = tokio::time::interval(Duration::from_millis(25));
    while tokens_asked_for(&emulator) < 4 {
        turns.tick().await;
        read(&client).await.unwrap();
    }
    let journal = emulator.journal();
    assert!(journal.iter().all(|entry| entry.status == Some(200)), "no request met an expired token");
}

#[tokio::test]
async fn a_token_that_expires_during_a_run_is_replaced_and_nothing_is_done_twice() {
    let emulator = emulator(Application::default());
    let client = emulator_client(&emulator);
    let ada = emulator.with_tenant(|tenant| tenant.user_id("ada@contoso.example")).unwrap().to_string();
    client.writer().set_account_enabled(&ada, false).await.unwrap();
    emulator.revoke_access_tokens();
    client.writer().revoke_sessions(&ada).await.unwrap();
    assert_eq!(emulator.effects().len(), 2, "{:?}", emulator.effects());
    assert_eq!(tokens_asked_for(&emulator), 2);
}

#[tokio::test]
async fn an_outage_of_the_sign_in_service_is_transient() {
    let emulator = emulator(Application::default());
    emulator.fault(Fault::status(503).path("oauth2").times(1));
    let error = read(&emulator_client(&emulator)).await.unwrap_err();
    assert_eq!(error.code(), "AADSTS90033");
    assert!(error.is_transient() && !error.is_credentials(), "{error}");
}

#[tokio::test]
async fn an_empty_secret_is_not_sent() {
    let emulator = emulator(Application::default());
    let error = refused(&emulator, "".into()).await;
    assert!(error.to_string().contains("the client secret is empty"), "{error}");
    let nowhere = PathBuf::from("/nowhere/token");
    for credential in [
        Credential::Secret(SecretSource::File(nowhere.clone())),
        Credential::WorkloadIdentity { token_file: nowhere.clone() },
        Credential::ServiceAccount(SecretSource::File(nowhere)),
    ] {
        let text = with(&emulator, credential).check().unwrap_err().to_string();
        assert!(text.contains("/nowhere/token"), "{text}");
    }
    assert_eq!(emulator.journal().len(), 0);
}
