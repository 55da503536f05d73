//! A gate between a command and the broker: it lets so many frames of the command pass, and holds the rest.
//!
//! Whoever is killed then has sent exactly these frames: every place where a command waits for the broker can be the
//! one where it dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::proxy::split;

/// What comes before the first frame of a connection.
const GREETING_BYTES: usize = 8;
/// The bytes of a frame beside its payload.
const FRAME_BYTES: usize = 8;
/// The first byte of a heartbeat, which nobody counts.
const HEARTBEAT: u8 = 8;

/// Forwards connections to a broker.
pub struct Gate {
    url: String,
    inner: Arc<Inner>,
}

struct Inner {
    broker: String,
    /// How many frames may still pass.
    left: AtomicUsize,
    /// Whether one was held.
    held: watch::Sender<bool>,
    cuts: watch::Sender<usize>,
}

impl Gate {
    /// A gate before the broker with this address, through which nothing passes yet.
    pub async fn start(url: &str) -> Self {
        let (before, broker, after) = split(url);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            broker,
            left: AtomicUsize::new(0),
            held: watch::channel(false).0,
            cuts: watch::channel(0).0,
        });
        let accepting = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Ok((command, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&accepting).serve(command));
            }
        });
        Self { url: format!("{before}{address}{after}"), inner }
    }

    /// The broker's address through this gate.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets so many frames pass from now on.
    pub fn let_pass(&self, frames: usize) {
        self.inner.held.send_replace(false);
        self.inner.left.store(frames, Ordering::SeqCst);
    }

    /// Waits until a frame is held.
    pub async fn held(&self) {
        let _ = self.inner.held.subscribe().wait_for(|held| *held).await;
    }

    /// Closes every open connection, as the broker sees it when a command dies.
    pub fn cut(&self) {
        self.inner.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Inner {
    async fn serve(self: Arc<Self>, command: TcpStream) {
        let mut cuts = self.cuts.subscribe();
        let Ok(broker) = TcpStream::connect(&self.broker).await else { return };
        let (from_command, mut to_command) = command.into_split();
        let (mut from_broker, to_broker) = broker.into_split();
        tokio::select! {
            _ = self.forward(from_command, to_broker) => {}
            _ = copy(&mut from_broker, &mut to_command) => {}
            _ = cuts.changed() => {}
        }
    }

    /// Frame by frame.
    async fn forward(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> std::io::Result<()> {
        let mut frame = vec![0; GREETING_BYTES];
        from.read_exact(&mut frame).await?;
        to.write_all(&frame).await?;
        loop {
            frame.resize(FRAME_BYTES - 1, 0);
            from.read_exact(&mut frame).await?;
            let payload = u32::from_be_bytes(frame[3..7].try_into().unwrap());
            frame.resize(FRAME_BYTES + usize::try_from(payload).unwrap(), 0);
            from.read_exact(&mut frame[FRAME_BYTES - 1..]).await?;
            let may_pass = |left: usize| left.checked_sub(1);
            let passes = frame[0] == HEARTBEAT
                || self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, may_pass).is_ok();
            if !passes {
                self.held.send_replace(true);
                std::future::pending::<()>().await;
            }
            to.write_all(&frame).await?;
        }
    }
}
