//! A receiver of traces, written from the protocol: OTLP over HTTP, and the fields of `opentelemetry/proto/trace/v1`
//! (opentelemetry-proto 1.7, read 2026-11-30). It shares no code with the exporter.

use std::collections::BTreeMap;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use system_tests::results::PATIENCE;

/// Takes what `POST /v1/traces` brings.
pub struct Receiver {
    address: String,
    received: watch::Receiver<Vec<Vec<u8>>>,
}

/// A span.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// The trace, in hexadecimal digits.
    pub trace: String,
    /// The span.
    pub id: String,
    /// The span above it; empty at the top.
    pub parent: String,
    /// The name.
    pub name: String,
    /// 1 internal, 3 client, 4 producer, 5 consumer.
    pub kind: u64,
    /// Its attributes, numbers as text.
    pub attributes: BTreeMap<String, String>,
    /// Trace and span of each link.
    pub links: Vec<(String, String)>,
    /// 2 for an error.
    pub status: u64,
}

impl Receiver {
    /// Listens on this machine.
    pub async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, received) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, sender.clone()));
            }
        });
        Self { address, received }
    }

    /// What the exporter needs to know.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, byte for byte.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        self.received.borrow().clone()
    }

    /// Every span so far.
    pub fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies();
        let resources = bodies.iter().flat_map(|body| messages(body, 1));
        let scopes = resources.flat_map(|resource| messages(resource, 2));
        scopes.flat_map(|scope| messages(scope, 2)).map(Span::read).collect()
    }

    /// The attributes of the service.
    pub fn service(&self) -> BTreeMap<String, String> {
        let bodies = self.bodies();
        let resources = bodies.iter().flat_map(|body| messages(body, 1));
        resources.flat_map(|resource| messages(resource, 1)).flat_map(|about| attributes(about, 1)).collect()
    }

    /// Waits until these spans are there.
    pub async fn until(&self, are_there: impl Fn(&[Span]) -> bool) {
        let mut received = self.received.clone();
        let found = async {
            while !are_there(&self.spans()) {
                received.changed().await.unwrap();
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        assert!(found.is_ok(), "spans are missing: {:#?}", self.spans());
    }
}

async fn serve(stream: TcpStream, sender: watch::Sender<Vec<Vec<u8>>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap() == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&lower);
        }
        assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf\r\n"), "{head}");
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        sender.send_modify(|bodies| bodies.push(body));
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    }
}

impl Span {
    fn read(span: &[u8]) -> Self {
        let hex = |number| bytes(span, number).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let link = |link: &[u8]| {
            let hex =
                |number| bytes(link, number).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            (hex(1), hex(2))
        };
        Self {
            trace: hex(1),
            id: hex(2),
            parent: hex(4),
            name: text(span, 5),
            kind: number(span, 6),
            attributes: attributes(span, 9).collect(),
            links: messages(span, 13).map(link).collect(),
            status: messages(span, 15).map(|status| number(status, 3)).next().unwrap_or_default(),
        }
    }

    /// An attribute; empty if it is missing.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

/// A field of a message of protobuf.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Every field of a message, by its number.
fn fields(mut message: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut message)),
            1 => {
                let (eight, rest) = message.split_at(8);
                message = rest;
                Field::Number(u64::from_le_bytes(eight.try_into().unwrap()))
            }
            2 => {
                let length = usize::try_from(varint(&mut message)).unwrap();
                let (bytes, rest) = message.split_at(length);
                message = rest;
                Field::Bytes(bytes)
            }
            5 => {
                let (four, rest) = message.split_at(4);
                message = rest;
                Field::Number(u32::from_le_bytes(four.try_into().unwrap()).into())
            }
            other => panic!("wire type {other}"),
        };
        found.push((tag >> 3, field));
    }
    found
}

fn varint(message: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first().unwrap();
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("a number has more than ten bytes")
}

fn messages(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    let of = move |(found, field)| match field {
        Field::Bytes(bytes) if found == number => Some(bytes),
        Field::Bytes(_) | Field::Number(_) => None,
    };
    fields(message).into_iter().filter_map(of)
}

fn bytes(message: &[u8], number: u64) -> &[u8] {
    messages(message, number).next().unwrap_or_default()
}

fn text(message: &[u8], number: u64) -> String {
    String::from_utf8(bytes(message, number).to_vec()).unwrap()
}

fn number(message: &[u8], number: u64) -> u64 {
    let of = |(found, field)| match field {
        Field::Number(value) if found == number => Some(value),
        Field::Number(_) | Field::Bytes(_) => None,
    };
    fields(message).into_iter().find_map(of).unwrap_or_default()
}

/// Names and values; a value that is no text is a number.
fn attributes(message: &[u8], number_of_pairs: u64) -> impl Iterator<Item = (String, String)> {
    messages(message, number_of_pairs).map(|pair| {
        let value = bytes(pair, 2);
        let written = text(value, 1);
        (text(pair, 1), if written.is_empty() { number(value, 3).to_string() } else { written })
    })
}
