//! The lower bounds of a sync: a client that downloads the same pages and throws them away, and a publisher of the same
//! bodies.

use std::time::Instant;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};

use crate::bare_sign_in;

/// As many as a worker has in flight.
const WINDOW: usize = 16;

/// `bare-pages URL TENANT CLIENT SECRET PATH`: downloads a listing page by page, reads nothing but the link to the next
/// page, and prints the seconds it took.
pub async fn download(arguments: &[&str]) {
    let [url, tenant, client, secret, path] = arguments else { panic!("{arguments:?}") };
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().unwrap();
    let token = bare_sign_in::token(&http, url, tenant, client, secret).await;
    let started = Instant::now();
    let mut next = Some(format!("{url}{path}"));
    while let Some(page) = next {
        let answer = http.get(page).bearer_auth(&token).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        next = link(&answer.bytes().await.unwrap());
    }
    println!("{}", started.elapsed().as_secs_f64());
}

/// The link to the next page, which stands before the rows or after them.
fn link(body: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"\"@odata.nextLink\":\"";
    let near = |part: &[u8]| {
        let at = part.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
        let rest = &part[at..];
        let end = rest.iter().position(|byte| *byte == b'"')?;
        Some(String::from_utf8(rest[..end].to_vec()).unwrap())
    };
    near(&body[..body.len().min(4096)]).or_else(|| near(&body[body.len().saturating_sub(4096)..]))
}

/// Publishes these bodies with a confirm each, and answers with the seconds it took.
pub async fn publish(url: &str, exchange: &str, key: &str, bodies: &[Vec<u8>]) -> f64 {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let mut channels = Vec::new();
    for _ in 0..WINDOW {
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        channels.push(channel);
    }
    let started = Instant::now();
    let mut in_flight = FuturesUnordered::new();
    for body in bodies {
        let channel = match channels.pop() {
            Some(channel) => channel,
            None => in_flight.next().await.unwrap(),
        };
        in_flight.push(one(channel, exchange, key, body));
    }
    while in_flight.next().await.is_some() {}
    let took = started.elapsed().as_secs_f64();
    // The channels have been dropped, and one that is still closing refuses this.
    let _ = connection.close(200, "".into()).await;
    took
}

async fn one(channel: Channel, exchange: &str, key: &str, body: &[u8]) -> Channel {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default().with_delivery_mode(2);
    let confirm =
        channel.basic_publish(exchange.into(), key.into(), options, body, properties).await.unwrap();
    assert!(confirm.await.unwrap().is_ack());
    channel
}
