//! Broken connections, missing answers and invalid bodies.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use msgraph::{NewUser, RestoreTerms, Settings, UserKey};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::server::{Reply, Server, client, json, observed_client, refusal};

const USER: &str = r#"{"id":"1"}"#;
const NONE: &str = r#"{"value":[]}"#;

#[tokio::test]
async fn a_read_whose_connection_broke_is_sent_again() {
    for broken in [|| Reply::Break, || Reply::Truncated { status: 200, body: NONE.into() }] {
        let server = Server::start(move |_, n| if n == 1 { broken() } else { json(200, NONE) }).await;
        server.patient_client().reader().subscribed_skus().await.unwrap();
        assert_eq!(server.graph_requests().len(), 2);
    }
}

#[tokio::test]
async fn a_change_that_can_be_repeated_is_sent_again() {
    let server = Server::start(|_, n| if n % 2 == 1 { Reply::Break } else { json(204, "") }).await;
    let client = server.patient_client();
    client.writer().set_account_enabled("1", false).await.unwrap();
    client.writer().set_manager("1", "2").await.unwrap();
    client.writer().remove_member("g", "1").await.unwrap();
    let methods: Vec<_> = server.graph_requests().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["PATCH", "PATCH", "PUT", "PUT", "DELETE", "DELETE"]);
}

#[tokio::test]
async fn a_post_that_may_have_arrived_is_not_sent_again() {
    let replies: [fn() -> Reply; 6] = [
        || Reply::Break,
        || Reply::Truncated { status: 201, body: USER.into() },
        || refusal(500, "UnknownError", ""),
        || refusal(503, "serviceNotAvailable", "").with("Retry-After", "0"),
        || json(502, "<html>"),
        || json(504, ""),
    ];
    for (number, reply) in replies.into_iter().enumerate() {
        let server = Server::start(move |_, _| reply()).await;
        let error = server.patient_client().writer().create_user(&NewUser::default()).await.unwrap_err();
        assert!(error.is_ambiguous() && error.is_transient(), "{number}: {error}");
        assert_eq!(server.graph_requests().len(), 1, "{number}");
    }
}

#[tokio::test]
async fn every_write_with_a_body_says_its_length_also_where_it_is_none() {
    let server = Server::start(|_, _| json(204, "")).await;
    let client = server.client();
    let writer = client.writer();
    writer.revoke_sessions("1").await.unwrap();
    writer.restore_user("1", &RestoreTerms::default()).await.unwrap();
    writer.upload("d", "", "empty.txt", Default::default()).await.unwrap();
    writer.set_account_enabled("1", false).await.unwrap();
    writer.remove_member("g", "1").await.unwrap();
    let seen = server.graph_requests();
    let lengths: Vec<_> = seen.iter().map(|seen| seen.header("content-length")).collect();
    assert_eq!(lengths, [Some("0"), Some("0"), Some("0"), Some("24"), None]);
}

#[tokio::test]
async fn silence_ends_a_request() {
    let server = Server::start(|_, _| Reply::Silence).await;
    let client = client(Settings { request_timeout: Duration::from_millis(300), ..server.settings() });
    let error = client.reader().subscribed_skus().await.unwrap_err();
    assert!(error.is_transient() && !error.is_ambiguous() && error.status().is_none(), "{error}");
    assert!(error.to_string().contains("did not answer in time"), "{error}");
    let error = client.writer().revoke_sessions("1").await.unwrap_err();
    assert!(error.is_transient() && error.is_ambiguous(), "{error}");
    assert_eq!(server.graph_requests().len(), 2);
}

#[tokio::test]
async fn a_post_that_never_left_is_not_ambiguous_and_is_sent_again() {
    let server = Server::start(|_, _| json(200, NONE)).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let graph_url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let received = crate::observed::Received::default();
    let settings = Settings { graph_url, retry_budget: Duration::from_secs(1), ..server.settings() };
    let error = observed_client(settings, received.clone()).writer().revoke_sessions("1").await.unwrap_err();
    assert!(error.is_transient() && !error.is_ambiguous(), "{error}");
    assert!(
        received.lines().contains(&"request directory POST connect attempt 2".to_owned()),
        "{:?}",
        received.lines()
    );
}

#[tokio::test]
async fn a_write_that_asks_for_nothing_back_trusts_the_status() {
    let replies: [fn() -> Reply; 4] = [
        || json(200, r#"{"value":true}"#),
        || json(204, ""),
        || json(200, "<html>"),
        || Reply::Truncated { status: 200, body: "{".into() },
    ];
    for reply in replies {
        let server = Server::start(move |_, _| reply()).await;
        server.client().writer().revoke_sessions("1").await.unwrap();
    }
}

#[tokio::test]
async fn a_refusal_whose_body_broke_off_is_a_lost_answer_where_the_body_decides() {
    for (status, lost) in [(400, true), (409, true), (403, false), (404, false), (429, false)] {
        let server =
            Server::start(move |_, _| Reply::Truncated { status, body: r#"{"error":"#.into() }).await;
        let error = server.client().writer().add_member("g", "1").await.unwrap_err();
        assert_eq!((error.status().is_none(), error.is_ambiguous()), (lost, lost), "{status}: {error}");
    }
}

#[tokio::test]
async fn https_is_spoken_in_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start(|_, _| json(200, NONE)).await;
    let graph_url = format!("https://{}", listener.local_addr().unwrap());
    let client = client(Settings { graph_url, ..server.settings() });
    let accept = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap()
    };
    let (first, answer) = tokio::join!(accept, client.reader().subscribed_skus());
    assert_eq!(first, 0x16, "the first byte is a handshake record's");
    assert!(answer.is_err_and(|error| error.is_transient()));
}

fn endless() -> Reply {
    Reply::Large { status: 200, length: usize::MAX, announced: false, taken: Arc::default() }
}

#[tokio::test]
async fn a_body_longer_than_allowed_is_not_read() {
    let replies: [fn() -> Reply; 2] = [|| json(200, &" ".repeat(2000)), endless];
    for reply in replies {
        let server = Server::start(move |_, _| reply()).await;
        let client = client(Settings { max_body_bytes: 1000, ..server.settings() });
        let error = client.reader().subscribed_skus().await.unwrap_err();
        assert!(error.is_decode() && !error.is_transient(), "{error}");
        assert!(error.to_string().contains("more than 1000 bytes"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_as_documented_names_the_field_and_no_value() {
    let cases = [
        (r#"{"value":[{"skuId":"1"},{"skuId":"2","servicePlans":"Ada"}]}"#, "`value[1].servicePlans`"),
        (r#"{"value":"Ada"}"#, "`value`"),
        (r#"{"value":[]} Ada"#, "its end"),
        ("Ada", "line 1"),
        ("", "line 1"),
        ("<html>Ada</html>", "line 1"),
    ];
    for (body, place) in cases {
        let server = Server::start(move |_, _| json(200, body)).await;
        let error = server.client().reader().subscribed_skus().await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(error.is_decode() && text.contains(place) && !text.contains("Ada"), "{body}: {text}");
    }
}

#[tokio::test]
async fn a_listing_without_its_list_is_not_an_empty_one() {
    for body in ["{}", r#"{"value":null}"#, r#"{"values":[]}"#] {
        let server = Server::start(move |_, _| json(200, body)).await;
        let error = server.client().reader().subscribed_skus().await.unwrap_err();
        assert!(error.is_without_list() && !error.is_decode(), "{body}: {error:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::start(|_, _| json(302, "").with("Location", "/v1.0/elsewhere")).await;
    let error = server.client().reader().subscribed_skus().await.unwrap_err();
    assert_eq!((error.status(), error.is_transient()), (Some(302), false));
    assert_eq!(server.graph_requests().len(), 1);
}

/// A compressed answer.
fn compressed(body: &[u8]) -> Reply {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(body).unwrap();
    let packed = packed.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 Scripted\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    );
    Reply::Bytes { bytes: [head.as_bytes(), &packed].concat(), reset: false }
}

#[tokio::test]
async fn answers_may_be_compressed_and_their_limit_is_that_of_what_they_hold() {
    let server = Server::start(|_, n| match n {
        1 => compressed(USER.as_bytes()),
        // 64 MiB in 64 kB: whoever reads all of it needs a thousand times what came.
        _ => compressed(&vec![b' '; 64 * 1024 * 1024]),
    })
    .await;
    let client = server.client();
    let user = client.reader().user(&UserKey::Id("1".into()), &["id"]).await.unwrap().unwrap();
    assert_eq!(user.id, "1");
    let accepted = server.graph_requests()[0].header("accept-encoding").map(str::to_owned);
    assert_eq!(accepted.as_deref(), Some("gzip"));
    let error = client.reader().user(&UserKey::Id("1".into()), &["id"]).await.unwrap_err();
    assert!(error.to_string().contains("an answer of more than"), "{error}");
}
