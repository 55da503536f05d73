//! Getting tokens, keeping them, and failing to get them.

use std::sync::Arc;
use std::time::Duration;

use msgraph::{Client, Error, Settings};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::server::{Reply, SECRET, Seen, Server, client, granted, json, refusal};

fn nothing(_: &Seen, _: usize) -> Reply {
    json(200, r#"{"value":[]}"#)
}

fn sign_in_refusal(status: u16, number: u32) -> Reply {
    let body = format!(
        r#"{{"error":"invalid_client","error_description":"AADSTS{number}: for app {SECRET}. Trace ID: t",
            "error_codes":[{number}],"trace_id":"t-1"}}"#
    );
    json(status, &body)
}

async fn read(client: &Client) -> Result<(), Error> {
    client.reader().subscribed_skus().await.map(|_| ())
}

/// Reads that all start before the first of them ends.
async fn read_together(client: &Client, count: usize) -> Vec<Result<(), Error>> {
    let mut reads = JoinSet::new();
    for _ in 0..count {
        let client = client.clone();
        reads.spawn(async move { read(&client).await });
    }
    reads.join_all().await
}

/// Advances the clock at once, without any request.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

fn bearers(server: &Server) -> Vec<String> {
    let requests = server.graph_requests();
    requests.iter().map(|seen| seen.header("authorization").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn requests_identify_the_application() {
    let server = Server::start(nothing).await;
    read(&server.client()).await.unwrap();

    let token = &server.token_requests()[0];
    assert_eq!(token.line(), "POST /contoso.example/oauth2/v2.0/token");
    for field in ["grant_type=client_credentials", "client_id=client-id"] {
        assert!(token.body.contains(field), "{}", token.body);
    }
    let scope = format!("scope={}%2F.default", server.url.replace(':', "%3A").replace('/', "%2F"));
    assert!(token.body.contains(&scope), "{} in {}", scope, token.body);

    let request = &server.graph_requests()[0];
    assert_eq!(request.header("authorization"), Some("Bearer token-1"));
    assert_eq!(request.header("return-client-request-id"), Some("true"));
    assert_eq!(request.header("client-request-id").map(str::len), Some(36));
    assert!(request.header("user-agent").unwrap().starts_with("NONISV|Gatehouse|"));
}

#[tokio::test]
async fn one_token_is_fetched_for_all_callers() {
    let server = Server::start(nothing).await;
    let outcomes = read_together(&server.client(), 100).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!((server.token_requests().len(), server.graph_requests().len()), (1, 100));
}

#[tokio::test]
async fn a_refused_secret_is_tried_once_for_all_callers() {
    let server = Server::with_tokens(|_, _| sign_in_refusal(401, 7_000_222), nothing).await;
    let outcomes = read_together(&server.patient_client(), 20).await;
    assert_eq!((server.token_requests().len(), server.graph_requests().len()), (1, 0));
    for error in outcomes.into_iter().map(Result::unwrap_err) {
        assert!(error.is_credentials() && !error.is_transient() && !error.is_unauthorized());
        assert_eq!((error.code(), error.status()), ("AADSTS7000222", Some(401)));
        assert!(error.to_string().contains("the client secret has expired"), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_that_may_end_by_itself_is_asked_again_within_the_budget() {
    for number in [7_000_215, 700_016, 700_027, 70_021, 700_213] {
        let tokens = move |_: &Seen, n| if n < 3 { sign_in_refusal(401, number) } else { granted(n, 3600) };
        let server = Server::with_tokens(tokens, nothing).await;
        let impatient = server.client().sign_in().await.unwrap_err();
        assert!(impatient.is_shut_out() && impatient.may_settle(), "{impatient}");
        read(&server.patient_client()).await.unwrap();
        assert_eq!(server.token_requests().len(), 3, "{number}");
    }
    let server = Server::with_tokens(|_, _| sign_in_refusal(401, 7_000_215), nothing).await;
    let settings = Settings { retry_budget: Duration::from_millis(600), ..server.settings() };
    let error = read(&client(settings)).await.unwrap_err();
    assert!(error.to_string().contains("set it to the secret's value"), "{error}");
    assert!((2..6).contains(&server.token_requests().len()), "it is bounded");
}

#[tokio::test]
async fn a_token_whose_successor_is_refused_is_not_used_again() {
    let tokens = |_: &Seen, n| if n == 1 { granted(n, 3600) } else { sign_in_refusal(401, 7_000_222) };
    let server =
        Server::with_tokens(tokens, |_, _| refusal(401, "InvalidAuthenticationToken", "Revoked")).await;
    let client = server.client();
    client.sign_in().await.unwrap();
    assert!(read(&client).await.unwrap_err().is_shut_out());
    assert!(client.sign_in().await.unwrap_err().is_shut_out(), "it is known that there is no token");
    assert_eq!((server.token_requests().len(), server.graph_requests().len()), (3, 1));
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let server = Server::start(nothing).await;
    let client = server.client();
    read(&client).await.unwrap();
    pass(Duration::from_secs(54 * 60)).await;
    read(&client).await.unwrap();
    pass(Duration::from_secs(2 * 60)).await;
    read(&client).await.unwrap();
    assert_eq!(bearers(&server), ["Bearer token-1", "Bearer token-1", "Bearer token-2"]);
}

#[tokio::test]
async fn an_expired_token_is_not_sent() {
    let server = Server::start(nothing).await;
    let client = server.client();
    read(&client).await.unwrap();
    pass(Duration::from_secs(3 * 60 * 60)).await;
    let outcomes = read_together(&client, 5).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(server.token_requests().len(), 2);
    assert_eq!(bearers(&server)[1..], ["Bearer token-2"; 5]);
}

#[tokio::test]
async fn the_old_token_serves_while_its_successor_is_not_to_be_had() {
    let tokens = |_: &Seen, n| if n == 2 { sign_in_refusal(503, 90_033) } else { granted(n, 3600) };
    let server = Server::with_tokens(tokens, nothing).await;
    let client = server.client();
    read(&client).await.unwrap();
    pass(Duration::from_secs(56 * 60)).await;
    read(&client).await.unwrap();
    read(&client).await.unwrap();
    assert_eq!(server.token_requests().len(), 2, "the next try is not made at once");
    pass(Duration::from_secs(31)).await;
    read(&client).await.unwrap();
    assert_eq!(
        bearers(&server)[2..],
        ["Bearer token-1", "Bearer token-2"].map(|bearer| bearer.replace('2', "3"))
    );
}

#[tokio::test]
async fn a_token_graph_does_not_accept_is_replaced_once() {
    let server = Server::start(|seen, _| match seen.header("authorization") {
        Some("Bearer token-1") => refusal(401, "InvalidAuthenticationToken", "Lifetime validation failed"),
        _ => json(200, r#"{"value":[]}"#),
    })
    .await;
    let client = server.client();
    let outcomes = read_together(&client, 5).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(server.token_requests().len(), 2, "five callers met the refusal and share one new token");
}

#[tokio::test]
async fn a_new_token_that_is_refused_too_is_an_error() {
    let server = Server::start(|_, _| refusal(401, "InvalidAuthenticationToken", "No")).await;
    let error = server.patient_client().writer().revoke_sessions("1").await.unwrap_err();
    assert!(error.is_unauthorized() && !error.is_transient() && !error.is_credentials(), "{error}");
    assert_eq!((server.token_requests().len(), server.graph_requests().len()), (2, 2));
}

#[tokio::test]
async fn a_token_that_another_caller_replaced_is_not_replaced_again() {
    let late = Arc::new(Notify::new());
    let held = Arc::clone(&late);
    let server = Server::start(move |seen, n| {
        let refused = refusal(401, "InvalidAuthenticationToken", "Lifetime validation failed");
        match (seen.header("authorization"), n) {
            (Some("Bearer token-1"), 1) => refused,
            (Some("Bearer token-1"), _) => Reply::Held(Arc::clone(&held), Box::new(refused)),
            _ => json(200, r#"{"value":[]}"#),
        }
    })
    .await;
    let client = server.client();
    let mut reads = JoinSet::new();
    for _ in 0..2 {
        let client = client.clone();
        reads.spawn(async move { read(&client).await });
    }
    reads.join_next().await.unwrap().unwrap().unwrap();
    late.notify_one();
    reads.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(server.token_requests().len(), 2);
    assert_eq!(bearers(&server)[2..], ["Bearer token-2"; 2]);
}

#[tokio::test]
async fn a_request_gets_one_new_token_however_long_it_is_repeated() {
    let server = Server::start(|_, n| match n {
        2 => json(503, ""),
        _ => refusal(401, "InvalidAuthenticationToken", "No"),
    })
    .await;
    let error = read(&server.patient_client()).await.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
    assert_eq!((server.token_requests().len(), server.graph_requests().len()), (2, 3));
}

#[tokio::test]
async fn a_write_refused_for_its_token_is_sent_again() {
    let server = Server::start(|_, n| match n {
        1 => refusal(401, "InvalidAuthenticationToken", "Access token has expired"),
        _ => json(200, r#"{"value":true}"#),
    })
    .await;
    server.client().writer().revoke_sessions("1").await.unwrap();
    assert_eq!(bearers(&server), ["Bearer token-1", "Bearer token-2"]);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_its_place_to_the_next() {
    let tokens = |_: &Seen, n| if n == 1 { Reply::Silence } else { granted(n, 3600) };
    let server = Server::with_tokens(tokens, nothing).await;
    let client = server.client();
    let mut reads = JoinSet::new();
    let gone = reads.spawn({
        let client = client.clone();
        async move { read(&client).await }
    });
    while server.token_requests().is_empty() {
        tokio::task::yield_now().await;
    }
    reads.spawn(async move { read(&client).await });
    tokio::task::yield_now().await;
    gone.abort();
    assert!(reads.join_next().await.unwrap().is_err_and(|error| error.is_cancelled()));
    reads.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(server.token_requests().len(), 2);
}

#[tokio::test]
async fn a_sign_in_service_that_is_down_is_asked_again() {
    let tokens = |_: &Seen, n| if n == 1 { sign_in_refusal(503, 90_033) } else { granted(n, 3600) };
    let server = Server::with_tokens(tokens, nothing).await;
    read(&server.patient_client()).await.unwrap();
    assert_eq!(server.token_requests().len(), 2);
}

#[tokio::test]
async fn a_sign_in_service_that_is_down_is_no_wrong_secret() {
    for reply in [|| Reply::Break, || json(503, "<html>"), || sign_in_refusal(429, 0)] {
        let server = Server::with_tokens(move |_, _| reply(), nothing).await;
        let error = read(&server.client()).await.unwrap_err();
        assert!(error.is_transient() && !error.is_credentials() && !error.is_ambiguous(), "{error:?}");
    }
}

#[tokio::test]
async fn a_token_answer_that_is_none_is_a_decode_error() {
    for body in
        ["{}", "<html>", r#"{"access_token":"","expires_in":1}"#, r#"{"access_token":7,"expires_in":1}"#]
    {
        let server = Server::with_tokens(move |_, _| json(200, body), nothing).await;
        let error = read(&server.client()).await.unwrap_err();
        assert!(error.is_decode() && !error.is_transient(), "{body}: {error}");
    }
}

#[tokio::test]
async fn nothing_is_asked_before_the_first_request() {
    let nowhere = "http://127.0.0.1:1".to_owned();
    let settings = Settings {
        login_url: nowhere.clone(),
        graph_url: nowhere,
        retry_budget: Duration::ZERO,
        ..Settings::new("contoso.example", "client-id", SECRET.into())
    };
    let error = read(&client(settings)).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[test]
fn settings_that_would_send_a_token_in_the_clear_make_no_client() {
    let settings = Settings {
        graph_url: "http://graph.contoso.example".to_owned(),
        ..Settings::new("contoso.example", "client-id", SECRET.into())
    };
    let Err(error) = Client::new(settings, Arc::new(())) else { panic!("a client was made") };
    assert!(error.is_settings() && error.to_string().contains("unencrypted"), "{error}");
}
