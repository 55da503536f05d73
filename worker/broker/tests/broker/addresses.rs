//! Several addresses, and addresses of a broker that speaks TLS.

use std::time::Duration;

use broker::{Certificate, Client, Settings, Tls};
use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::{
    proxy::{Proxy, split},
    support::{Running, amqp_url, id, with_broker, within},
    tls::TlsProxy,
};

/// An address on which nobody listens.
async fn away() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (before, _, after) = split(&amqp_url());
    format!("{before}{}{after}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_node_that_is_away_or_frozen_leaves_the_others() {
    with_broker(async |fixture| {
        let frozen = Proxy::start(&amqp_url()).await;
        frozen.go_dead();
        let away = away().await;
        // Whichever is asked first, all three are asked in one of these.
        let orders = [
            [&away, &frozen.url, &amqp_url()],
            [&frozen.url, &amqp_url(), &away],
            [&amqp_url(), &away, &frozen.url],
        ];
        for order in orders {
            let mut settings = fixture.settings.clone();
            settings.url = order.map(String::as_str).join(",").into();
            settings.connect_timeout = Duration::from_secs(3);
            within("a node to answer", Client::connect(&settings)).await.unwrap();
        }
        frozen.wait_until_left().await;
    })
    .await;
}

#[tokio::test]
async fn a_worker_goes_on_with_another_node_when_its_own_is_gone() {
    with_broker(async |fixture| {
        let (one, two) = (Proxy::start(&amqp_url()).await, Proxy::start(&amqp_url()).await);
        let mut settings = fixture.settings.clone();
        settings.url = format!("{}, {}", one.url, two.url).into();
        settings.connect_timeout = Duration::from_secs(2);
        settings.heartbeat = Duration::from_secs(1);
        fixture.publish_work("m-1").await;
        let mut running = Running::start(settings);
        assert_eq!(id(&running.next_settled().await), "m-1");
        let (own, other) = if one.is_used() { (one, two) } else { (two, one) };
        assert!(!other.is_used(), "one node has all connections of a process");
        own.go_dead();
        running.recorder.wait_for("session ended connection_lost", 1).await;
        fixture.publish_work("m-2").await;
        assert_eq!(id(&running.next_settled().await), "m-2");
        other.go_dead();
        running.recorder.wait_for("session failed unreachable", 1).await;
        running.stop().await;
    })
    .await;
}

#[tokio::test]
async fn when_no_node_answers_the_error_names_each_and_no_password() {
    with_broker(async |fixture| {
        let (one, two) = (away().await, away().await);
        let mut settings = fixture.settings.clone();
        settings.url = format!("{one},{two}").into();
        let error = Client::connect(&settings).await.err().unwrap();
        let said = error.to_string();
        let (_, password) = userinfo(&one);
        for address in [&one, &two] {
            let (_, host, _) = split(address);
            assert!(said.contains(&host), "{said}");
        }
        assert!(!error.is_configuration() && !said.contains(&format!(":{password}@")), "{said}");
    })
    .await;
}

fn userinfo(url: &str) -> (String, String) {
    let (_, rest) = url.split_once("://").unwrap();
    let (userinfo, _) = rest.split_once('@').unwrap();
    let (user, password) = userinfo.split_once(':').unwrap();
    (user.to_owned(), password.to_owned())
}

#[tokio::test]
async fn a_broker_that_wants_a_certificate_gets_it_and_only_a_trusted_one_is_spoken_to() {
    with_broker(async |fixture| {
        let proxy = TlsProxy::start(&amqp_url()).await;
        let with = |tls: Tls| {
            let mut settings: Settings = fixture.settings.clone();
            settings.url = proxy.url.clone().into();
            settings.tls = tls;
            settings
        };
        let certificate =
            |(chain, key): (String, String)| Certificate { chain, key: SecretString::from(key) };
        let authorities = Some(proxy.authority.clone());
        let good = with(Tls {
            authorities: authorities.clone(),
            certificate: Some(certificate(proxy.certificate())),
        });
        let mut running = Running::start(good);
        fixture.publish_work("m-1").await;
        assert_eq!(id(&running.next_settled().await), "m-1");
        running.stop().await;

        let refused = async |tls: Tls| {
            let error = within("the refusal", Client::connect(&with(tls))).await.err().unwrap();
            error.to_string()
        };
        let unknown = refused(Tls { authorities: None, certificate: Some(certificate(proxy.certificate())) });
        assert!(unknown.await.contains("UnknownIssuer"), "the broker is not trusted");
        let stranger = TlsProxy::start(&amqp_url()).await.certificate();
        for certificate in [None, Some(certificate(stranger))] {
            let tls = Tls { authorities: authorities.clone(), certificate };
            assert!(refused(tls).await.contains("cannot connect to the broker"));
        }
        assert_eq!(proxy.accepted(), 2, "the two connections of the worker");
    })
    .await;
}
