//! A server on loopback that answers as the test says, up to the moment the connection breaks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use msgraph::{Client, Observer, Settings};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

pub const SECRET: &str = "cl1ent-s3cret~value";

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    /// Path and query, as written on the wire.
    pub path: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn is_for_token(&self) -> bool {
        self.path.ends_with("/oauth2/v2.0/token")
    }
}

/// The answer to a request.
pub enum Reply {
    /// A whole answer.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// An answer that announces more bytes than it sends before the connection ends.
    Truncated { status: u16, body: String },
    /// A body of this many spaces, announced or not, written as long as the client reads; `taken` counts the bytes.
    Large { status: u16, length: usize, announced: bool, taken: Arc<AtomicUsize> },
    /// A body in pieces, each produced when the one before it was taken.
    Pieces(Box<dyn Iterator<Item = String> + Send>),
    /// Raw bytes, then the end of the connection: orderly or by a reset.
    Bytes { bytes: Vec<u8>, reset: bool },
    /// The connection ends without an answer.
    Break,
    /// An answer that waits until the test says so.
    Held(Arc<Notify>, Box<Reply>),
    /// No answer, and the connection stays.
    Silence,
}

/// A whole answer of JSON.
pub fn json(status: u16, body: &str) -> Reply {
    Reply::Answer { status, headers: vec![("Content-Type", "application/json".into())], body: body.into() }
}

/// A refusal in Graph's format.
pub fn refusal(status: u16, code: &str, message: &str) -> Reply {
    let body = serde_json::json!({
        "error": {
            "code": code,
            "message": message,
            "innerError": { "date": "2026-03-02T10:00:00", "request-id": "6e9a3c1c-0001", "client-request-id": "x" },
        }
    });
    json(status, &body.to_string())
}

impl Reply {
    pub fn with(self, header: &'static str, value: impl Into<String>) -> Self {
        match self {
            Self::Answer { status, mut headers, body } => {
                headers.push((header, value.into()));
                Self::Answer { status, headers, body }
            }
            other => other,
        }
    }

    /// Writes the reply; returns whether the connection stays open.
    async fn write(self, stream: &mut OwnedWriteHalf) -> std::io::Result<bool> {
        match self {
            Self::Answer { status, headers, body } => {
                let mut text = format!("HTTP/1.1 {status} Scripted\r\nContent-Length: {}\r\n", body.len());
                for (name, value) in headers {
                    text.push_str(&format!("{name}: {value}\r\n"));
                }
                stream.write_all(format!("{text}\r\n{body}").as_bytes()).await.map(|()| true)
            }
            Self::Truncated { status, body } => {
                let announced = body.len() + 10;
                let head = format!("HTTP/1.1 {status} Scripted\r\nContent-Length: {announced}\r\n\r\n");
                stream.write_all(format!("{head}{body}").as_bytes()).await.map(|()| false)
            }
            Self::Large { status, length, announced, taken } => {
                let length_line = if announced {
                    format!("Content-Length: {length}")
                } else {
                    "Connection: close".to_owned()
                };
                let head = format!("HTTP/1.1 {status} Scripted\r\n{length_line}\r\n\r\n");
                stream.write_all(head.as_bytes()).await?;
                while taken.load(Ordering::Relaxed) < length {
                    stream.write_all(&[b' '; 4096]).await?;
                    taken.fetch_add(4096, Ordering::Relaxed);
                }
                Ok(false)
            }
            Self::Pieces(pieces) => {
                stream.write_all(b"HTTP/1.1 200 Scripted\r\nConnection: close\r\n\r\n").await?;
                for piece in pieces {
                    stream.write_all(piece.as_bytes()).await?;
                }
                Ok(false)
            }
            Self::Bytes { bytes, reset } => {
                if reset {
                    // Also drops bytes that were written and not yet sent.
                    stream.as_ref().set_zero_linger()?;
                }
                stream.write_all(&bytes).await.map(|()| false)
            }
            Self::Break => Ok(false),
            Self::Held(until, reply) => {
                until.notified().await;
                Box::pin(reply.write(stream)).await
            }
            Self::Silence => std::future::pending().await,
        }
    }
}

type Handler = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

/// The server; it ends with the value.
pub struct Server {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    accepting: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    /// A server that grants `token-1`, `token-2`, … for an hour each. `graph` gets each request to Graph and how
    /// many there were, this one included.
    pub async fn start(graph: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::with_tokens(|_, n| granted(n, 3600), graph).await
    }

    /// A server whose token endpoint is scripted as well.
    pub async fn with_tokens(
        tokens: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
        graph: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handlers: Arc<[Box<Handler>; 2]> = Arc::new([Box::new(tokens), Box::new(graph)]);
        let journal = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&handlers), Arc::clone(&journal)));
            }
        });
        Self { url, seen, accepting: accepting.abort_handle() }
    }

    pub fn graph_requests(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| !seen.is_for_token()).cloned().collect()
    }

    pub fn token_requests(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.is_for_token()).cloned().collect()
    }

    /// Settings for this server: no retries, no batches, which it does not know, and a timeout for a busy machine.
    pub fn settings(&self) -> Settings {
        Settings {
            login_url: self.url.clone(),
            graph_url: self.url.clone(),
            retry_budget: Duration::ZERO,
            request_timeout: Duration::from_secs(20),
            batching: false,
            ..Settings::new("contoso.example", "client-id", SECRET.into())
        }
    }

    /// A client that sends every request once.
    pub fn client(&self) -> Client {
        client(self.settings())
    }

    /// A client that retries for up to 20 seconds.
    pub fn patient_client(&self) -> Client {
        client(Settings { retry_budget: Duration::from_secs(20), ..self.settings() })
    }
}

/// A client without an observer.
pub fn client(settings: Settings) -> Client {
    observed_client(settings, ())
}

/// A client that reports to an observer: the one place that makes a client.
pub fn observed_client(settings: Settings, observer: impl Observer) -> Client {
    Client::new(settings, Arc::new(observer)).unwrap()
}

/// A token answer.
pub fn granted(number: usize, seconds: u64) -> Reply {
    let body = format!(r#"{{"token_type":"Bearer","expires_in":{seconds},"access_token":"token-{number}"}}"#);
    json(200, &body)
}

async fn serve(stream: TcpStream, handlers: Arc<[Box<Handler>; 2]>, journal: Arc<Mutex<Vec<Seen>>>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    while let Some(seen) = read_request(&mut read).await {
        let reply = {
            let mut journal = journal.lock().unwrap();
            journal.push(seen.clone());
            let number = journal.iter().filter(|other| other.is_for_token() == seen.is_for_token()).count();
            let [tokens, graph] = &*handlers;
            if seen.is_for_token() { tokens(&seen, number) } else { graph(&seen, number) }
        };
        if !reply.write(&mut write).await.unwrap_or(false) {
            return;
        }
    }
}

async fn read_request(read: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Seen> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if read.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let (first, headers) = lines.split_first()?;
    let headers: Vec<_> = headers
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    read.read_exact(&mut body).await.ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    Some(Seen { method, path, headers, body: String::from_utf8(body).ok()? })
}
