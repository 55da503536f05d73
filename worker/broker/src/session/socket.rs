//! The socket between the broker and lapin; it sanitizes the bytes it reads.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use async_rs::{
    Tokio, TokioRuntime,
    traits::{Executor, Reactor, RuntimeKit},
    util::Task,
};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::Stream;
use lapin::{
    AsyncTcpStream,
    tcp::OwnedTLSConfig,
    uri::{AMQPScheme, AMQPUri},
};

use super::{greeting::Greeting, sanitize::Sanitizer};

const READ_BYTES: usize = 32 * 1024;

type Tcp = <Tokio as Reactor>::TcpStream;

/// A socket, encrypted or not, whose incoming bytes are safe for lapin to parse.
pub(crate) struct SanitizedSocket {
    stream: AsyncTcpStream<Tcp>,
    sanitizer: Sanitizer,
    greeting: Greeting,
    chunk: Box<[u8]>,
}

impl SanitizedSocket {
    /// Connects to the address; `hold` receives the socket before anything is sent, `greeting` what the broker says
    /// first.
    pub(crate) async fn connect(
        uri: &AMQPUri,
        tls: &OwnedTLSConfig,
        greeting: Greeting,
        hold: impl FnOnce(BorrowedFd<'_>) -> io::Result<()>,
    ) -> io::Result<Self> {
        let runtime = TokioRuntime::tokio_current();
        let address = runtime.to_socket_addrs((uri.authority.host.clone(), uri.authority.port));
        let stream = AsyncTcpStream::connect(&runtime, address).await?;
        if let AsyncTcpStream::Plain(tcp) = &stream {
            hold(tcp.get_ref().as_fd())?;
        }
        let stream = match uri.scheme {
            AMQPScheme::AMQP => stream,
            AMQPScheme::AMQPS => stream.into_tls(&uri.authority.host, tls.as_ref()).await?,
        };
        Ok(Self { stream, sanitizer: Sanitizer::default(), greeting, chunk: vec![0; READ_BYTES].into() })
    }
}

impl AsyncRead for SanitizedSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        target: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, sanitizer, greeting, chunk } = &mut *self;
        loop {
            match sanitizer.drain(target) {
                0 if !target.is_empty() => {}
                count => return Poll::Ready(Ok(count)),
            }
            let count = ready!(Pin::new(&mut *stream).poll_read(cx, chunk))?;
            match chunk.get(..count) {
                Some([]) | None => return Poll::Ready(Ok(0)),
                Some(bytes) => {
                    greeting.read(bytes);
                    sanitizer.feed(bytes);
                }
            }
        }
    }
}

impl AsyncWrite for SanitizedSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// Tokio as lapin's runtime, with [`SanitizedSocket`] as the type of its connections.
#[derive(Clone, Debug)]
pub(crate) struct LapinRuntime(Tokio);

impl LapinRuntime {
    pub(crate) fn current() -> Self {
        Self(Tokio::current())
    }
}

impl RuntimeKit for LapinRuntime {}

impl Executor for LapinRuntime {
    type Task<T: Send + 'static> = <Tokio as Executor>::Task<T>;

    fn block_on<T, F: Future<Output = T>>(&self, work: F) -> T {
        self.0.block_on(work)
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        work: F,
    ) -> Task<Self::Task<T>> {
        self.0.spawn(work)
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        work: F,
    ) -> Task<Self::Task<T>> {
        self.0.spawn_blocking(work)
    }
}

impl Reactor for LapinRuntime {
    type TcpStream = SanitizedSocket;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: Read + Write + AsFd + AsRawFd + Send + 'static>(
        &self,
        socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        self.0.register(socket)
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    /// Never called: [`SanitizedSocket::connect`] makes the connection, because it handles encryption.
    fn tcp_connect_addr(
        &self,
        _address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        std::future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}
