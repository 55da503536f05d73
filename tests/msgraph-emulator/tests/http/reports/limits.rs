//! Limits: 14 files of each report in ten minutes for an application, 40 for the tenant, 100 pages of JSON.

use msgraph_emulator::{Application, Limits, Options, TENANT_ID, Tenant};

use super::three;
use crate::harness::{Desk, read, refused};

const DETAIL: &str = "reports/getM365AppUserDetail(period='D7')";
const APPLICATIONS: [&str; 3] = ["first", "second", "third"];

/// The tenant of three for three applications, under the published limits, and a token of each application.
async fn desk() -> (Desk, Vec<String>) {
    let applications = APPLICATIONS.map(|id| Application::new(id, "s3cret").roles(&["Reports.Read.All"]));
    let tenant = applications.into_iter().fold(three(), Tenant::application);
    let mut desk = Desk::unsigned(Options::new(tenant).limits(Limits::small()));
    desk.http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let address = format!("{}/{TENANT_ID}/oauth2/v2.0/token", desk.emulator.url());
    let mut tokens = Vec::new();
    for id in APPLICATIONS {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", "s3cret"),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let (status, body) = read(desk.http.post(&address).form(&form).send().await.unwrap()).await;
        assert_eq!(status, 200, "{body}");
        tokens.push(body["access_token"].as_str().unwrap().to_owned());
    }
    desk.token.clone_from(&tokens[0]);
    (desk, tokens)
}

/// How many of so many requests are not refused.
async fn accepted(desk: &Desk, path: &str, times: usize) -> usize {
    let mut accepted = 0;
    for _ in 0..times {
        let status = desk.request("GET", path).send().await.unwrap().status();
        accepted += usize::from(status != 429);
    }
    accepted
}

#[tokio::test]
async fn an_application_gets_fourteen_files_of_each_report_and_then_has_to_wait() {
    let (desk, _) = desk().await;
    assert_eq!(accepted(&desk, DETAIL, 14).await, 14);
    let answer = desk.request("GET", DETAIL).send().await.unwrap();
    let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    // Fourteen in ten minutes are one in 43 seconds.
    assert!((35..=86).contains(&wait), "{wait}");
    refused(&read(answer).await, 429, "TooManyRequests", "");
    assert_eq!(accepted(&desk, "reports/getM365AppUserCounts(period='D7')", 14).await, 14, "another report");
}

#[tokio::test]
async fn pages_of_json_have_a_limit_of_their_own() {
    let (desk, _) = desk().await;
    let json = format!("{DETAIL}?$format=application%2Fjson");
    assert_eq!(accepted(&desk, &json, 104).await, 100);
    assert_eq!(accepted(&desk, DETAIL, 16).await, 14);
}

#[tokio::test]
async fn all_applications_of_a_tenant_share_forty() {
    let (mut desk, tokens) = desk().await;
    let mut all = Vec::new();
    for token in tokens {
        desk.token = token;
        all.push(accepted(&desk, DETAIL, 14).await);
    }
    assert_eq!(all, [14, 14, 12]);
}
