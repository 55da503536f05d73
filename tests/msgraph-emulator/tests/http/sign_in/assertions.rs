//! Applications that prove themselves without a secret: the signature is verified, and every claim counts.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use msgraph_emulator::{Application, CERTIFICATE, CLIENT_ID, Options, TENANT_ID, Tenant};
use pki_types::pem::PemObject;
use pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use serde_json::{Value, json};

use crate::harness::{Desk, read};

const ISSUER: &str = "https://issuer.contoso.example";
const SUBJECT: &str = "system:serviceaccount:gatehouse:worker";
const AUDIENCE: &str = "api://AzureADTokenExchange";

async fn ask(desk: &Desk, assertion: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    let address = format!("{}/{TENANT_ID}/oauth2/v2.0/token", desk.emulator.url());
    read(desk.http.post(address).form(&form).send().await.unwrap()).await
}

async fn desk(application: Application) -> Desk {
    Desk::unsigned(Options::new(Tenant::empty().application(application)))
}

fn header() -> Value {
    let der = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let thumbprint = ring::digest::digest(&ring::digest::SHA256, &der);
    json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(thumbprint) })
}

fn claims(desk: &Desk) -> Value {
    let now = jiff::Timestamp::now().as_second();
    let endpoint = format!("{}/{TENANT_ID}/oauth2/v2.0/token", desk.emulator.url());
    json!({
        "aud": endpoint, "iss": CLIENT_ID, "sub": CLIENT_ID, "jti": "1", "nbf": now, "iat": now, "exp": now + 300,
    })
}

fn signed(header: &Value, claims: &Value, padding: &'static dyn RsaEncoding) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = RsaKeyPair::from_pkcs8(pkcs8.secret_pkcs8_der()).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(padding, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn an_assertion_signed_with_a_registered_certificate_gets_a_token() {
    let desk = desk(Application::default().certificate(CERTIFICATE)).await;
    let (status, body) = ask(&desk, &signed(&header(), &claims(&desk), &RSA_PSS_SHA256)).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn every_part_of_an_assertion_counts() {
    let desk = desk(Application::default().certificate(CERTIFICATE)).await;
    let right = claims(&desk);
    let now = right["nbf"].as_i64().unwrap();
    let rows = [
        (header(), "aud", json!("https://login.microsoftonline.com/x/oauth2/v2.0/token"), 700_023),
        (header(), "sub", json!("somebody"), 700_021),
        (header(), "jti", json!(""), 700_021),
        (header(), "exp", json!(now - 1), 700_024),
        (header(), "exp", json!(now + 601), 700_024),
        (header(), "exp", Value::Null, 700_024),
        (header(), "nbf", json!(now + 60), 700_024),
        (header(), "iss", json!("somebody"), 70_021),
        (json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": "AAAA" }), "jti", json!("2"), 700_027),
        (json!({ "alg": "PS256", "typ": "JWT", "x5t": "AAAA" }), "jti", json!("2"), 700_027),
        (json!({ "alg": "none", "typ": "JWT" }), "jti", json!("2"), 5_002_723),
    ];
    for (header, claim, value, code) in rows {
        let mut claims = right.clone();
        claims[claim] = value.clone();
        let (status, body) = ask(&desk, &signed(&header, &claims, &RSA_PSS_SHA256)).await;
        assert_eq!((status, &body["error_codes"][0]), (401, &Value::from(code)), "{claim} {value}");
        assert_eq!(body["error"], "invalid_client");
    }
}

#[tokio::test]
async fn a_signature_that_is_not_one_is_refused() {
    let desk = desk(Application::default().certificate(CERTIFICATE)).await;
    let right = signed(&header(), &claims(&desk), &RSA_PSS_SHA256);
    let (_, signature) = right.rsplit_once('.').unwrap();
    let mut later = claims(&desk);
    later["jti"] = json!("2");
    let other = signed(&header(), &later, &RSA_PSS_SHA256);
    let forged = format!("{}.{signature}", other.rsplit_once('.').unwrap().0);
    let padded_otherwise = signed(&header(), &claims(&desk), &RSA_PKCS1_SHA256);
    for (assertion, code) in [(forged, 700_027), (padded_otherwise, 700_027), ("a.b".to_owned(), 50_027)] {
        let (status, body) = ask(&desk, &assertion).await;
        assert_eq!((status, &body["error_codes"][0]), (401, &Value::from(code)));
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_registered_is_refused() {
    let desk = desk(Application::default()).await;
    let (status, body) = ask(&desk, &signed(&header(), &claims(&desk), &RSA_PSS_SHA256)).await;
    assert_eq!((status, &body["error_codes"][0]), (401, &Value::from(700_027)));
    let wrong = Tenant::empty().application(Application::default().certificate("no certificate"));
    assert!(wrong.check().unwrap_err().to_string().contains("the certificate is not PEM"));
}

#[tokio::test]
async fn another_issuer_is_trusted_for_one_subject_and_audience() {
    let desk = desk(Application::default().federated(ISSUER, SUBJECT, AUDIENCE)).await;
    let now = jiff::Timestamp::now().as_second();
    let right = json!({ "iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "exp": now + 3600 });
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "1" });
    let (status, body) = ask(&desk, &signed(&header, &right, &RSA_PSS_SHA256)).await;
    assert_eq!(status, 200, "{body}");
    for (claim, value, code) in [
        ("iss", json!("https://elsewhere.contoso.example"), 70_021),
        ("sub", json!("system:serviceaccount:gatehouse:other"), 70_021),
        ("aud", json!("api://elsewhere"), 70_021),
        ("exp", json!(now), 700_024),
    ] {
        let mut claims = right.clone();
        claims[claim] = value;
        let (status, body) = ask(&desk, &signed(&header, &claims, &RSA_PSS_SHA256)).await;
        assert_eq!((status, &body["error_codes"][0]), (401, &Value::from(code)), "{claim}");
    }
}
