//! Tokens: credentials that get one, and refusals without one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use msgraph_emulator::{Application, CLIENT_ID, CLIENT_SECRET, TENANT_ID};
use serde_json::Value;

use crate::harness::{Desk, read, refused, sign_in};

/// Asks for a token with one field of the form changed, or the tenant.
async fn ask(desk: &Desk, tenant: &str, change: (&str, &str)) -> (u16, Value) {
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    form.retain(|(name, _)| *name != change.0);
    if !change.1.is_empty() {
        form.push(change);
    }
    let address = format!("{}/{tenant}/oauth2/v2.0/token", desk.emulator.url());
    read(desk.http.post(address).form(&form).send().await.unwrap()).await
}

#[tokio::test]
async fn every_mistake_has_its_aadsts_code() {
    let desk = Desk::open().await;
    let here = TENANT_ID.to_string();
    let elsewhere = "99999999-9999-4999-8999-999999999999";
    let cases = [
        (here.as_str(), ("client_secret", "wrong"), 401, "invalid_client", 7_000_215),
        (&here, ("client_secret", ""), 401, "invalid_client", 7_000_218),
        (&here, ("client_id", elsewhere), 400, "unauthorized_client", 700_016),
        (&here, ("client_id", ""), 400, "invalid_request", 900_144),
        (&here, ("scope", "User.Read"), 400, "invalid_scope", 70_011),
        (&here, ("scope", ""), 400, "invalid_request", 900_144),
        (&here, ("grant_type", "password"), 400, "unsupported_grant_type", 70_003),
        (&here, ("colour", "red"), 400, "invalid_request", 9_002_313),
        (elsewhere, ("", ""), 400, "invalid_request", 90_002),
    ];
    for (tenant, change, status, error, code) in cases {
        let (got, body) = ask(&desk, tenant, change).await;
        assert_eq!((got, &body["error"]), (status, &Value::from(error)), "{change:?}");
        assert_eq!(body["error_codes"][0], code, "{change:?}");
        let text = body["error_description"].as_str().unwrap();
        assert!(text.starts_with(&format!("AADSTS{code}: ")), "{text}");
    }
    let journal = desk.emulator.journal();
    assert!(journal.iter().all(|entry| entry.token && !entry.write));
}

#[tokio::test]
async fn an_expired_secret_and_a_wrong_one_have_different_codes() {
    let desk = Desk::open().await;
    let expired = Application::default().secret_expired();
    desk.emulator.with_tenant(|tenant| tenant.put_application(expired));
    let (status, body) = ask(&desk, &TENANT_ID.to_string(), ("", "")).await;
    assert_eq!((status, &body["error_codes"][0]), (401, &Value::from(7_000_222)));
}

#[tokio::test]
async fn a_token_shows_its_roles_and_has_none_without_permission() {
    let claims = |token: &str| -> Value {
        let payload = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    };
    let desk = Desk::allowed(&["User.Read.All"]).await;
    let held = claims(&desk.token);
    assert_eq!(held["roles"][0], "User.Read.All");
    assert_eq!(held["aud"], "https://graph.microsoft.com");
    assert_eq!(held["tid"], TENANT_ID.to_string());
    assert_eq!(held["appid"], CLIENT_ID);
    assert_eq!(held["idtyp"], "app");
    assert!(held["exp"].is_i64());

    let desk = Desk::allowed(&[]).await;
    assert!(claims(&desk.token).get("roles").is_none());
    refused(&desk.get("users").await, 403, "Authorization_RequestDenied", "Insufficient");
}

#[tokio::test]
async fn a_granted_role_needs_a_new_token() {
    let mut desk = Desk::allowed(&[]).await;
    let granted = Application::default();
    desk.emulator.with_tenant(|tenant| tenant.put_application(granted));
    assert_eq!(desk.get("users").await.0, 403);
    desk.token = sign_in(&desk.http, &desk.emulator).await;
    assert_eq!(desk.get("users").await.0, 200);
}

#[tokio::test]
async fn empty_unknown_and_expired_tokens_are_refused() {
    let code = "InvalidAuthenticationToken";
    let mut desk = Desk::as_application(Application::default().expires_in(0)).await;
    refused(&desk.get("users").await, 401, code, "the token is expired");
    desk.token = "not.a.token".to_owned();
    refused(&desk.get("users").await, 401, code, "CompactToken parsing failed");
    desk.token = String::new();
    refused(&desk.get("users").await, 401, code, "Access token is empty.");
    let bare = desk.http.get(format!("{}/v1.0/nothing", desk.emulator.url()));
    let response = bare.send().await.unwrap();
    assert!(response.headers().contains_key("www-authenticate"));
    refused(&read(response).await, 401, code, "Access token is empty.");
}

#[tokio::test]
async fn ids_of_requests_are_echoed() {
    let desk = Desk::open().await;
    let mine = "3f0c8a52-91d2-4b5e-8a01-6a6f1f0c2d11";
    let request = desk.request("GET", "users/nobody@contoso.example");
    let response = request.header("client-request-id", mine).send().await.unwrap();
    assert_eq!(response.headers()["client-request-id"], mine);
    assert!(response.headers().contains_key("date"));
    let id = response.headers()["request-id"].to_str().unwrap().to_owned();
    let (status, body) = read(response).await;
    assert_eq!(status, 404);
    assert_eq!(body["error"]["innerError"]["client-request-id"], mine);
    assert_eq!(body["error"]["innerError"]["request-id"], id.as_str());
    let entry = &desk.emulator.journal()[0];
    assert_eq!((entry.request_id.as_str(), entry.client_request_id.as_str()), (id.as_str(), mine));
}

#[tokio::test]
async fn unknown_paths_versions_and_methods_are_refused() {
    let desk = Desk::open().await;
    refused(&desk.get("teams").await, 400, "BadRequest", "segment 'teams'");
    refused(&desk.get("users/x/planner").await, 400, "BadRequest", "segment 'planner'");
    let put = desk.send("PUT", "users", None).await;
    refused(&put, 405, "Request_BadRequest", "method is not allowed");
    let beta = desk.http.get(format!("{}/beta/users", desk.emulator.url()));
    let answer = read(beta.bearer_auth(&desk.token).send().await.unwrap()).await;
    refused(&answer, 400, "BadRequest", "Invalid version");
}

#[tokio::test]
async fn a_body_larger_than_graph_takes_is_refused() {
    let desk = Desk::open().await;
    let request = desk.request("POST", "users").body(vec![b' '; 4 * 1024 * 1024 + 1]);
    let response = request.send().await.unwrap();
    refused(&read(response).await, 413, "RequestEntityTooLarge", "4 MiB");
}
