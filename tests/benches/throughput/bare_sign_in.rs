//! How the bare loops sign in.

use reqwest::Client;
use serde_json::Value;

/// A token for Graph, by the client credentials of an emulated tenant.
pub async fn token(http: &Client, url: &str, tenant: &str, client: &str, secret: &str) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_secret", secret),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    let answer = http.post(format!("{url}/{tenant}/oauth2/v2.0/token")).form(&form).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}
