//! HTTPS with an authority of its own.

use std::path::Path;

use msgraph_emulator::Options;
use reqwest::{Certificate, Client};
use serde_json::json;

use crate::harness::{Desk, client, read, sign_in, start, tenant};
use crate::program;

/// A client that trusts this authority and no other.
fn trusting(authority: &str) -> Client {
    client();
    let authority = Certificate::from_pem(authority.as_bytes()).unwrap();
    Client::builder().tls_certs_only([authority]).build().unwrap()
}

#[tokio::test]
async fn only_clients_that_trust_the_authority_are_served() {
    let emulator = start(Options::new(tenant()).https());
    let http = trusting(emulator.certificate_authority().unwrap());
    let token = sign_in(&http, &emulator).await;
    let desk = Desk { emulator, http, token };
    let page = desk.found("users?$top=1").await;
    let link = page["@odata.nextLink"].as_str().unwrap();
    assert!(
        link.starts_with(&format!("{}/v1.0/users", desk.emulator.url())) && link.starts_with("https://"),
        "{link}"
    );
    let batch = json!({ "requests": [{ "id": "1", "method": "GET", "url": "/users?$top=1" }] });
    let (_, answers) = desk.send("POST", "$batch", Some(batch)).await;
    assert!(answers["responses"][0]["body"]["@odata.nextLink"].as_str().unwrap().starts_with("https://"));
    desk.spoil(json!({ "cut": 10, "times": 1 }));
    assert!(desk.request("GET", "users").send().await.unwrap().bytes().await.is_err());
    assert_eq!(desk.get("users").await.0, 200);

    let health = format!("{}/_emulator/health", desk.emulator.url());
    let other = start(Options::new(tenant()).https());
    let stranger = trusting(other.certificate_authority().unwrap());
    assert!(stranger.get(&health).send().await.is_err());
    let plain = health.replace("https://", "http://");
    assert!(client().get(plain).send().await.is_err());
    assert_eq!(Desk::open().await.emulator.certificate_authority(), None);
}

#[tokio::test]
async fn the_program_writes_the_authority_to_a_file() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("authority.pem");
    let (_program, url) = program::start(&["--https", path.to_str().unwrap()]);
    let http = trusting(&std::fs::read_to_string(&path).unwrap());
    let health = http.get(format!("{url}/_emulator/health")).send().await.unwrap();
    assert_eq!(read(health).await, (200, json!({ "status": "ok" })));
}
