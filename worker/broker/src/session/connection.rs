//! One connection to the broker, opened within a limit and always closed.

use std::{
    io,
    net::{Shutdown, TcpStream},
    os::fd::BorrowedFd,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use async_rs::Runtime;
use futures_util::{Stream, StreamExt};
use lapin::{
    AsyncTcpStream, Channel, Connection, ConnectionProperties, Event,
    uri::{AMQPScheme, AMQPUri},
};
use tokio::sync::watch;

use super::{
    greeting::Greeting,
    lifetime::SessionLifetime,
    socket::{LapinRuntime, SanitizedSocket},
};
use crate::{Cause, Error, Observer, Settings};

/// How long the broker may take to answer a close.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// lapin keeps two buffers of 32 frames for each connection. A connection that only publishes never reads a large frame,
/// and neither does one that reads our own records (lapin 4.12.3, read 2026-11-21).
const OWN_FRAME_BYTES: u32 = 32 * 1024;
/// What RabbitMQ offers itself: the headers that a publisher gave an event fit into it.
///
/// It is asked for all the same. lapin then makes its buffers as large at once, and they take no memory before they are
/// used. Otherwise it makes them larger once the broker has answered, and overwrites all of them with zeros: 8 MiB.
const EVENT_FRAME_BYTES: u32 = 128 * 1024;

/// Which of several nodes this process asks first.
static FIRST: LazyLock<usize> = LazyLock::new(|| usize::from(uuid::Uuid::new_v4().as_bytes()[15]));

/// What a connection is used for. Publishing and consuming never share one: a broker with an alarm stops
/// reading from a connection that publishes, and acknowledgements would wait behind publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Consume,
    /// Reads what we have written ourselves.
    Read,
    Publish,
}

/// An open connection. Dropping it closes the socket, even while lapin waits for the broker.
pub(crate) struct BrokerConnection {
    connection: Connection,
    socket: CloseOnDrop,
    greeting: Greeting,
}

impl BrokerConnection {
    /// Opens a connection within the connect timeout, to the first node that answers.
    ///
    /// # Errors
    /// When the address is not valid, or no node accepts the connection or answers within the limit.
    pub(crate) async fn open(settings: &Settings, role: Role) -> Result<Self, Error> {
        let mut addresses = settings.addresses()?;
        // A process keeps to one node as long as that answers, and the processes spread over the nodes.
        let first = *FIRST % addresses.len().max(1);
        addresses.rotate_left(first);
        // A frozen node takes a connection and says nothing: it must leave time for the others.
        let limit = settings.connect_timeout / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let mut failures = Vec::new();
        for uri in addresses {
            let host = format!("{}:{}", uri.authority.host, uri.authority.port);
            let opening = Self::open_unlimited(settings, uri, limit, role);
            let opened = tokio::time::timeout(limit, opening).await;
            match opened.unwrap_or_else(|_| Err(Error::no_answer(limit.as_secs()))) {
                Ok(connection) => return Ok(connection),
                Err(error) => failures.push((host, error)),
            }
        }
        Err(Error::of_nodes(failures))
    }

    async fn open_unlimited(
        settings: &Settings,
        mut uri: AMQPUri,
        limit: Duration,
        role: Role,
    ) -> Result<Self, Error> {
        let (role_name, frame) = match role {
            Role::Consume => ("consume", EVENT_FRAME_BYTES),
            Role::Read => ("consume", OWN_FRAME_BYTES),
            Role::Publish => ("publish", OWN_FRAME_BYTES),
        };
        uri.query.frame_max.get_or_insert(frame);
        let name = format!("{}-{}-{role_name}", settings.process, std::process::id());
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let shows_nothing = uri.scheme == AMQPScheme::AMQPS && settings.tls.certificate.is_none();
        let failed = |error: lapin::Error| {
            let question = if shows_nothing {
                "cannot connect to the broker (is it running, is broker.url correct, and does it want to see a certificate, \
                 that of broker.certificate_file?)"
            } else {
                "cannot connect to the broker (is it running, and is broker.url correct?)"
            };
            Error::from_lapin(question, &error)
        };
        let socket = CloseOnDrop(SocketHandle::default());
        let greeting = Greeting::default();
        let (keep, heard, tls) = (socket.0.clone(), greeting.clone(), settings.tls.config());
        let connection = Connection::connector(
            uri,
            Runtime::new(LapinRuntime::current()),
            async move |uri, _| {
                let hold = |socket: BorrowedFd<'_>| keep.hold(socket);
                let connecting = SanitizedSocket::connect(&uri, &tls, heard.clone(), hold);
                let connected = tokio::time::timeout(limit, connecting).await;
                let socket = connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
                Ok(AsyncTcpStream::Plain(socket?))
            },
            properties,
        );
        let connection = connection.await;
        // Whatever else an old broker refuses, its age is the reason.
        greeting.accept()?;
        Ok(Self { connection: connection.map_err(failed)?, socket, greeting })
    }

    /// The broker's version, if it is a RabbitMQ.
    pub(crate) fn version(&self) -> Option<&str> {
        self.greeting.version()
    }

    /// Opens a channel.
    ///
    /// # Errors
    /// When the connection is closed or has no room for another channel.
    pub(crate) async fn channel(&self) -> Result<Channel, lapin::Error> {
        self.connection.create_channel().await
    }

    /// Closes the connection; if the broker does not answer in time, closes the socket.
    pub(crate) async fn close(&self) {
        let closing = self.connection.close(200, "OK".into());
        if tokio::time::timeout(CLOSE_LIMIT, closing).await.is_err() {
            self.socket.0.close();
        }
    }

    /// Ends `lifetime` when this connection fails, and reports when the broker blocks publishers.
    pub(crate) fn watch(
        &self,
        lifetime: SessionLifetime,
        observer: Arc<dyn Observer>,
    ) -> watch::Receiver<bool> {
        let (blocked, receiver) = watch::channel(false);
        let events = self.connection.events_listener();
        tokio::spawn(async move {
            let lost = watch_events(events, &lifetime, |is_blocked| {
                if blocked.send_replace(is_blocked) != is_blocked {
                    observer.blocked(is_blocked);
                }
            });
            if let Some(detail) = lost.await {
                lifetime.end(Cause::ConnectionLost, detail);
            }
            if blocked.send_replace(false) {
                observer.blocked(false);
            }
        });
        receiver
    }
}

/// Waits until the connection is lost and returns the reason; `None` when `lifetime` ended first.
async fn watch_events(
    events: impl Stream<Item = Event>,
    lifetime: &SessionLifetime,
    blocked: impl Fn(bool),
) -> Option<String> {
    let mut events = std::pin::pin!(events);
    loop {
        let event = tokio::select! {
            () = lifetime.over() => return None,
            event = events.next() => event,
        };
        match event {
            Some(Event::ConnectionBlocked(_)) => blocked(true),
            Some(Event::ConnectionUnblocked) => blocked(false),
            // The user of a channel notices when that channel ends.
            Some(Event::Error(error)) if error.is_amqp_soft_error() => {}
            Some(Event::Error(error)) => return Some(error.to_string()),
            Some(_) => {}
            None => return Some("the connection ended".to_owned()),
        }
    }
}

/// A second handle on the socket. lapin runs a thread for each connection. During the handshake and after
/// a close, that thread waits for the broker without limit; only closing the socket ends it (lapin 4.12.3,
/// read and measured 2026-11-21).
#[derive(Clone, Default)]
struct SocketHandle(Arc<Mutex<Option<TcpStream>>>);

impl SocketHandle {
    fn hold(&self, socket: BorrowedFd<'_>) -> io::Result<()> {
        let stream = TcpStream::from(socket.try_clone_to_owned()?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
        Ok(())
    }

    fn close(&self) {
        if let Some(stream) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // An error means that it is closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

struct CloseOnDrop(SocketHandle);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}
