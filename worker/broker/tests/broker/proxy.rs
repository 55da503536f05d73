//! A proxy between client and broker that can cut connections or go dead.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::{Notify, watch},
};

use crate::support::within;

/// Forwards connections to the broker of `url`.
pub struct Proxy {
    pub url: String,
    state: Arc<State>,
}

struct State {
    broker: String,
    cuts: watch::Sender<usize>,
    dead: AtomicBool,
    open: AtomicUsize,
    changed: Notify,
}

impl Proxy {
    pub async fn start(url: &str) -> Self {
        let (before, broker, after) = split(url);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let state = Arc::new(State {
            broker,
            cuts: watch::channel(0).0,
            dead: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            changed: Notify::new(),
        });
        let accepting = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&accepting).serve(client));
            }
        });
        Self { url: format!("{before}{address}{after}"), state }
    }

    /// Cuts every open connection.
    pub fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Stops forwarding the broker's answers, on open and on new connections.
    pub fn go_dead(&self) {
        self.state.dead.store(true, Ordering::SeqCst);
    }

    /// Whether a connection is open.
    pub fn is_used(&self) -> bool {
        self.state.open.load(Ordering::SeqCst) > 0
    }

    /// Waits until the client has closed every connection.
    pub async fn wait_until_left(&self) {
        within("the client to close its connections", async {
            loop {
                let changed = self.state.changed.notified();
                if self.state.open.load(Ordering::SeqCst) == 0 {
                    return;
                }
                changed.await;
            }
        })
        .await;
    }
}

impl State {
    async fn serve(self: Arc<Self>, client: TcpStream) {
        self.open.fetch_add(1, Ordering::SeqCst);
        let mut cuts = self.cuts.subscribe();
        if let Ok(broker) = TcpStream::connect(&self.broker).await {
            let (from_client, to_client) = client.into_split();
            let (from_broker, to_broker) = broker.into_split();
            // The client's side decides: on a dead connection only the client can hang up.
            tokio::spawn(Arc::clone(&self).answers(from_broker, to_client, cuts.clone()));
            tokio::select! {
                _ = requests(from_client, to_broker) => {}
                _ = cuts.changed() => {}
            }
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    async fn answers(
        self: Arc<Self>,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        mut cuts: watch::Receiver<usize>,
    ) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = tokio::select! {
                read = from.read(&mut buffer) => read.unwrap_or(0),
                _ = cuts.changed() => 0,
            };
            let dead = self.dead.load(Ordering::SeqCst);
            if read == 0 && dead {
                // Keeps the client's side open, as a dead connection does.
                return std::future::pending().await;
            }
            if read == 0 || (!dead && to.write_all(&buffer[..read]).await.is_err()) {
                return;
            }
        }
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        // A failed write to the broker must not hide that the client is still connected.
        let _ = to.write_all(&buffer[..read]).await;
    }
}

/// Splits the address into the parts before, at and after host and port.
pub fn split(url: &str) -> (String, String, String) {
    let start = url.rfind('@').map_or_else(|| url.find("://").unwrap() + 3, |at| at + 1);
    let end = url[start..].find(['/', '?']).map_or(url.len(), |length| start + length);
    let host = &url[start..end];
    let broker = if host.contains(':') { host.to_owned() } else { format!("{host}:5672") };
    (url[..start].to_owned(), broker, url[end..].to_owned())
}
