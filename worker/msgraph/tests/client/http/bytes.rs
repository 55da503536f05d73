//! An answer that ends at any of its bytes, or has garbage at any of them, is classified.

use msgraph::{Error, NewUser};

use crate::server::{Reply, Server};

const SKUS: &str = r#"{"value":[{"skuId":"1","skuPartNumber":"SPE_E3","consumedUnits":3}]}"#;
const USER: &str = r#"{"id":"1","displayName":"Ada Lovelace"}"#;
const MISSING: &str =
    r#"{"error":{"code":"Request_ResourceNotFound","message":"Resource '1' does not exist."}}"#;

fn answer(status: u16, body: &str) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\nrequest-id: r-1\r\nContent-Length: {}\r\n",
        body.len()
    );
    format!("{head}\r\n{body}").into_bytes()
}

/// A server that answers the nth request with the nth of these.
async fn answering(answers: Vec<(Vec<u8>, bool)>) -> Server {
    Server::start(move |_, n| {
        let (bytes, reset) = answers.get(n - 1).unwrap().clone();
        Reply::Bytes { bytes, reset }
    })
    .await
}

/// Every beginning of an answer, and how the connection ends after it.
fn cut(whole: &[u8]) -> Vec<(Vec<u8>, bool)> {
    let ends = (0..whole.len()).flat_map(|end| [(end, false), (end, true)]);
    ends.map(|(end, reset)| (whole.iter().take(end).copied().collect(), reset)).collect()
}

#[tokio::test]
async fn a_read_cut_at_any_byte_is_a_broken_connection() {
    let answers = cut(&answer(200, SKUS));
    let server = answering(answers.clone()).await;
    let client = server.client();
    for (bytes, reset) in &answers {
        let error = client.reader().subscribed_skus().await.unwrap_err();
        let case = format!("{} bytes, reset: {reset}: {error}", bytes.len());
        assert!(error.is_transient() && !error.is_ambiguous() && !error.is_decode(), "{case}");
        assert!(error.to_string().contains("broke before the answer was complete"), "{case}");
    }
    assert_eq!(server.graph_requests().len(), answers.len());
}

#[tokio::test]
async fn a_post_cut_at_any_byte_leaves_open_whether_graph_acted() {
    let answers = cut(&answer(201, USER));
    let server = answering(answers.clone()).await;
    let client = server.client();
    for (bytes, reset) in &answers {
        let error = client.writer().create_user(&NewUser::default()).await.unwrap_err();
        assert!(error.is_ambiguous(), "{} bytes, reset: {reset}: {error}", bytes.len());
    }
    assert_eq!(server.graph_requests().len(), answers.len());
}

#[tokio::test]
async fn a_refusal_cut_at_any_byte_keeps_its_status_once_that_is_there() {
    let whole = answer(404, MISSING);
    let head = whole.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let answers = cut(&whole);
    let server = answering(answers.clone()).await;
    let client = server.client();
    for (bytes, reset) in &answers {
        let error = client.reader().subscribed_skus().await.unwrap_err();
        let case = format!("{} bytes, reset: {reset}: {error}", bytes.len());
        // A reset can overtake the bytes before it.
        let is_lost = error.is_transient() && error.status().is_none();
        let is_believed = error.is_not_found() && error.code().is_empty() && bytes.len() >= head;
        assert!(is_believed || (is_lost && (*reset || bytes.len() < head)), "{case}");
    }
}

#[tokio::test]
async fn garbage_at_any_byte_is_classified() {
    for whole in [answer(200, SKUS), answer(404, MISSING)] {
        let spoil = |(at, byte)| {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            (bytes, false)
        };
        let places = (0..whole.len()).flat_map(|at| b"\0\n\"}\xff".map(|byte| (at, byte)));
        let answers: Vec<_> = places.map(spoil).collect();
        let server = answering(answers.clone()).await;
        let client = server.client();
        let is: [fn(&Error) -> bool; 4] =
            [Error::is_transient, Error::is_decode, Error::is_without_list, |error| {
                error.status() == Some(404)
            }];
        let mut read = 0;
        for (bytes, _) in &answers {
            match client.reader().subscribed_skus().await {
                Ok(_) => read += 1,
                Err(error) => {
                    assert!(is.iter().any(|is| is(&error)), "{error:?}: {}", String::from_utf8_lossy(bytes));
                    assert!(error.to_string().is_ascii(), "{error}");
                }
            }
        }
        assert!(read < answers.len() / 2, "{read} of {} were read", answers.len());
    }
}
