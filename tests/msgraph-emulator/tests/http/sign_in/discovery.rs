//! The document that Microsoft's libraries read first, and what they send with a request for a token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use msgraph_emulator::{CLIENT_ID, CLIENT_SECRET, Options, TENANT_ID};
use serde_json::{Value, json};

use crate::harness::{Desk, read, tenant};

#[tokio::test]
async fn it_names_the_endpoints_of_this_tenant() {
    let desk = Desk::unsigned(Options::new(tenant()));
    let root = desk.emulator.url();
    for tenant in [TENANT_ID.to_string(), "contoso.example".to_owned()] {
        let address = format!("{root}/{tenant}/v2.0/.well-known/openid-configuration");
        let (status, body) = read(desk.http.get(&address).send().await.unwrap()).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["token_endpoint"], format!("{root}/{TENANT_ID}/oauth2/v2.0/token"));
        assert_eq!(
            body["device_authorization_endpoint"],
            format!("{root}/{TENANT_ID}/oauth2/v2.0/devicecode")
        );
        assert_eq!(body["issuer"], format!("{root}/{TENANT_ID}/v2.0"));
        assert_eq!(desk.http.post(&address).form(&[("a", "b")]).send().await.unwrap().status(), 405);
    }
    let elsewhere = format!("{root}/elsewhere.example/v2.0/.well-known/openid-configuration");
    let (status, body) = read(desk.http.get(elsewhere).send().await.unwrap()).await;
    assert_eq!((status, &body["error_codes"][0]), (400, &json!(90_002)));
    assert!(desk.emulator.journal().iter().all(|entry| entry.token));
}

#[tokio::test]
async fn claims_and_telemetry_come_with_a_request_for_a_token() {
    let desk = Desk::unsigned(Options::new(tenant()));
    let ask = |claims: &str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("scope", "https://graph.microsoft.com/.default"),
            ("client_info", "1"),
            ("x-client-SKU", "msal.js.node"),
            ("x-client-current-telemetry", "5|771,2,,,|,"),
            ("claims", claims),
        ];
        desk.http.post(format!("{}/{TENANT_ID}/oauth2/v2.0/token", desk.emulator.url())).form(&form).send()
    };
    let claims_of = |body: &Value| -> Value {
        let token = body["access_token"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).unwrap()).unwrap()
    };
    let wanted = r#"{"access_token":{"xms_cc":{"values":["CP1"]}}}"#;
    let (status, body) = read(ask(wanted).await.unwrap()).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(claims_of(&body)["xms_cc"], json!(["CP1"]));
    let (_, body) = read(ask("{}").await.unwrap()).await;
    assert!(claims_of(&body).get("xms_cc").is_none());
    let (status, body) = read(ask("[").await.unwrap()).await;
    assert_eq!((status, &body["error_codes"][0]), (400, &json!(9_002_313)));
}
