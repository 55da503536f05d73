//! A proxy between worker and broker that can cut connections, drop one direction, hold back what says something, or
//! refuse connections.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::results::PATIENCE;

/// Forwards connections to a broker.
pub struct Proxy {
    url: String,
    wire: Arc<Wire>,
}

/// The direction in which bytes are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Silence {
    /// Both directions work.
    #[default]
    None,
    /// Bytes to the broker are dropped.
    ToBroker,
    /// Bytes to the worker are dropped.
    ToWorker,
}

struct Wire {
    broker: String,
    /// Whether connections are accepted.
    open: watch::Sender<bool>,
    silence: watch::Sender<Silence>,
    cuts: watch::Sender<usize>,
    /// What is held back on its way to the broker, if anything is.
    held_back: watch::Sender<Option<&'static str>>,
    /// How many connections are held.
    holds: watch::Sender<usize>,
}

impl Proxy {
    /// A proxy for the broker with this address. While it is not open it refuses every connection.
    pub async fn start(url: &str, open: bool) -> Self {
        let (before, broker, after) = split(url);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Arc::new(Wire {
            broker,
            open: watch::channel(open).0,
            silence: watch::channel(Silence::None).0,
            cuts: watch::channel(0).0,
            held_back: watch::channel(None).0,
            holds: watch::channel(0).0,
        });
        let accepting = Arc::clone(&wire);
        tokio::spawn(async move {
            while let Ok((worker, _)) = listener.accept().await {
                if *accepting.open.borrow() {
                    tokio::spawn(Arc::clone(&accepting).serve(worker));
                }
            }
        });
        Self { url: format!("{before}{address}{after}"), wire }
    }

    /// The broker's address through this proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Accepts connections from now on.
    pub fn open(&self) {
        self.wire.open.send_replace(true);
    }

    /// Closes every open connection.
    pub fn cut(&self) {
        self.wire.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Drops bytes in this direction from now on, on old connections and new ones.
    pub fn silence(&self, silence: Silence) {
        self.wire.silence.send_replace(silence);
    }

    /// Holds back what says this to the broker, and whatever comes after it on its connection.
    pub fn hold_back(&self, text: &'static str) {
        self.wire.held_back.send_replace(Some(text));
    }

    /// Waits until something is held back.
    pub async fn holds(&self) {
        let mut holds = self.wire.holds.subscribe();
        let held = tokio::time::timeout(PATIENCE, holds.wait_for(|holds| *holds > 0)).await;
        held.expect("something should be held back by now").unwrap();
    }
}

impl Wire {
    async fn serve(self: Arc<Self>, worker: TcpStream) {
        let mut cuts = self.cuts.subscribe();
        let Ok(broker) = TcpStream::connect(&self.broker).await else { return };
        let (from_worker, to_worker) = worker.into_split();
        let (from_broker, to_broker) = broker.into_split();
        tokio::select! {
            _ = self.forward(from_worker, to_broker, Silence::ToBroker) => {}
            _ = self.forward(from_broker, to_worker, Silence::ToWorker) => {}
            _ = cuts.changed() => {}
        }
    }

    /// Ends when one side hangs up, which then ends the connection to the other.
    async fn forward(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        lost_in: Silence,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            let is_held = |text: &str| buffer[..read].windows(text.len()).any(|part| part == text.as_bytes());
            if lost_in == Silence::ToBroker && self.held_back.borrow().is_some_and(is_held) {
                self.holds.send_modify(|holds| *holds += 1);
                // The connection stays open for as long as the worker lives.
                return std::future::pending().await;
            }
            if *self.silence.borrow() != lost_in {
                to.write_all(&buffer[..read]).await?;
            }
        }
    }
}

/// The address before, at and after host and port.
pub(crate) fn split(url: &str) -> (String, String, String) {
    let start = url.rfind('@').map_or_else(|| url.find("://").unwrap() + 3, |at| at + 1);
    let end = url[start..].find(['/', '?']).map_or(url.len(), |length| start + length);
    let host = &url[start..end];
    let broker = if host.contains(':') { host.to_owned() } else { format!("{host}:5672") };
    (url[..start].to_owned(), broker, url[end..].to_owned())
}
