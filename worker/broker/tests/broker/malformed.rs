//! Messages that only a broken or hostile client sends. lapin cannot write them, so the test writes the frames.

use broker::{DeadLetter, DeadLetters, Filter, Outgoing, Value};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    proxy::split,
    support::{Fixture, QUEUE, amqp_url, id, with_broker, within},
};

const HEADERS: u16 = 1 << 13;
const MESSAGE_ID: u16 = 1 << 7;

#[tokio::test]
async fn text_that_is_not_utf8_arrives_with_question_marks() {
    with_broker(async |fixture| {
        let work = (fixture.topology.work(), fixture.work_queue());
        let table = [short(b"\xFF-name"), vec![b'V']].concat();
        let properties = [long(&table), short(b"m-\xC3\x28")].concat();
        publish(fixture, &work.0, work.1.as_bytes(), (HEADERS | MESSAGE_ID, properties)).await;
        let mut running = fixture.start();
        let (delivery, publisher) = running.next().await;
        let (message, receipt) = delivery.split();
        assert_eq!((id(&message), message.body.as_slice()), ("m-?(", b"{}".as_slice()));
        assert_eq!(message.headers.get("?-name"), Some(&Value::Null));
        // It can be set aside, listed and read.
        let letter = DeadLetter::new("undecodable", "its message id is not text");
        publisher.publish(&Outgoing::dead(QUEUE, &letter, &message)).await.unwrap();
        receipt.ack().await.unwrap();
        assert_eq!(running.recorder.count("session started"), 1);
        running.stop().await;
        let letters = DeadLetters::open(&fixture.settings, QUEUE).await.unwrap();
        assert_eq!(letters.get("m-?(").await.unwrap().unwrap().1.body, b"{}");
        letters.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_routing_key_that_is_not_utf8_is_kept_in_the_unrouted_queue() {
    with_broker(async |fixture| {
        publish(fixture, &fixture.topology.events(), b"or\xFFder", (0, Vec::new())).await;
        let letters = DeadLetters::open(&fixture.settings, "unrouted").await.unwrap();
        let entries = letters.list(&Filter::default()).await.unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].routing_key, "or?der");
        letters.close().await;
    })
    .await;
}

/// Without `session/sanitize.rs` this aborts the process: a stack overflow cannot be caught.
#[tokio::test]
async fn deeply_nested_headers_do_not_abort_the_worker() {
    with_broker(async |fixture| {
        let (exchange, queue) = (fixture.topology.work(), fixture.work_queue());
        for kind in [b'A', b'F'] {
            let deep = (0..8_000).fold(vec![b'V'], |inner, _| {
                let inner = if kind == b'F' { [short(b""), inner].concat() } else { inner };
                [vec![kind], long(&inner)].concat()
            });
            let table = long(&[short(b"deep"), deep].concat());
            publish(fixture, &exchange, queue.as_bytes(), (HEADERS, table)).await;
        }
        fixture.publish_work("next").await;
        let mut running = fixture.start();
        for _ in 0..2 {
            let message = running.next_settled().await;
            assert_eq!(message.body, b"{}");
            let depth = std::iter::successors(message.headers.get("deep"), |value| match value {
                Value::List(values) => values.first(),
                Value::Table(values) => values.values().next(),
                _ => None,
            });
            assert_eq!(depth.count(), 17, "sixteen levels, and opaque bytes below them");
        }
        assert_eq!(id(&running.next_settled().await), "next");
        assert_eq!(running.recorder.count("session started"), 1);
        running.stop().await;
    })
    .await;
}

/// Publishes `{}` with these property flags and bytes, and waits for the confirm.
async fn publish(fixture: &Fixture, exchange: &str, key: &[u8], (flags, properties): (u16, Vec<u8>)) {
    let mut client = RawClient::connect().await;
    let method = [&[0, 60, 0, 40, 0, 0][..], &short(exchange.as_bytes()), &short(key), &[0]].concat();
    client.send(1, 1, &method).await;
    let mut header = vec![0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
    header.extend(flags.to_be_bytes());
    header.extend(properties);
    client.send(2, 1, &header).await;
    client.send(3, 1, b"{}").await;
    let answer = within("the confirm", client.receive()).await;
    assert_eq!(answer[..4], [0, 60, 0, 80], "not confirmed by the broker of {:?}", fixture.settings);
}

struct RawClient(TcpStream);

impl RawClient {
    async fn connect() -> Self {
        let url = amqp_url();
        let (before, broker, _) = split(&url);
        let user = before.split_once("://").unwrap().1.trim_end_matches('@');
        let (name, password) = user.split_once(':').unwrap_or(("guest", "guest"));
        let mut client = Self(TcpStream::connect(broker).await.unwrap());
        client.0.write_all(b"AMQP\0\0\x09\x01").await.unwrap();
        client.receive().await;
        let login = long(format!("\0{name}\0{password}").as_bytes());
        let start = [&[0, 10, 0, 11][..], &long(b""), &short(b"PLAIN"), &login, &short(b"en_US")].concat();
        client.send(1, 0, &start).await;
        client.receive().await;
        client.send(1, 0, &[0, 10, 0, 31, 0, 100, 0, 2, 0, 0, 0, 0]).await;
        client.send(1, 0, &[&[0, 10, 0, 40][..], &short(b"/"), &short(b""), &[0]].concat()).await;
        client.receive().await;
        client.send(1, 1, &[&[0, 20, 0, 10][..], &short(b"")].concat()).await;
        client.receive().await;
        client.send(1, 1, &[0, 85, 0, 10, 0]).await;
        client.receive().await;
        client
    }

    async fn send(&mut self, kind: u8, channel: u8, payload: &[u8]) {
        let frame = [&[kind, 0, channel][..], &long(payload), &[0xCE]].concat();
        self.0.write_all(&frame).await.unwrap();
    }

    async fn receive(&mut self) -> Vec<u8> {
        let mut start = [0; 7];
        self.0.read_exact(&mut start).await.unwrap();
        let size = u32::from_be_bytes(start[3..].try_into().unwrap()) as usize;
        let mut payload = vec![0; size + 1];
        self.0.read_exact(&mut payload).await.unwrap();
        payload.truncate(size);
        payload
    }
}

fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}
