//! HTTP/1.1 on a thread of its own, so that a test's runtime, its paused clock and its end do not
//! touch the emulator's.

use std::error::Error;
use std::future::poll_fn;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::DATE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::clock;
use crate::control::paths;
use crate::http::pace::{CutOff, Paced};
use crate::http::refusal::Refusal;
use crate::http::reply::Reply;
use crate::http::request::{Arrival, Request, Unreadable};
use crate::http::tls::Tls;
use crate::world::World;

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Closes the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was closed on purpose")]
struct HangUp;

impl Server {
    /// Serves the world on a listener until dropped, over TLS if asked to; the host of report files serves nothing else.
    pub(crate) fn start(
        listener: TcpListener,
        world: Arc<World>,
        tls: Option<&Tls>,
        for_files: bool,
    ) -> std::io::Result<Self> {
        let tls = tls.map(|tls| TlsAcceptor::from(Arc::clone(&tls.config)));
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let thread = thread::Builder::new().name("msgraph-emulator".to_owned()).spawn(move || {
            // Dropping the runtime closes every connection still open.
            runtime.block_on(async move {
                tokio::select! {
                    () = accept(listener, world, tls, for_files) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed when it happened; there is nothing left to stop.
            let _ = thread.join();
        }
    }
}

async fn accept(
    listener: tokio::net::TcpListener,
    world: Arc<World>,
    tls: Option<TlsAcceptor>,
    for_files: bool,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, Arc::clone(&world), tls.clone(), for_files));
            }
            // Out of file descriptors, most likely: some come back as connections end.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn connection(stream: TcpStream, world: Arc<World>, tls: Option<TlsAcceptor>, for_files: bool) {
    let arrival = Arrival { secure: tls.is_some(), for_files };
    // Without it small answers would wait for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let cut = match tls {
        None => converse(stream, world, arrival).await,
        // A client that does not trust the authority ends the handshake.
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => converse(stream, world, arrival).await.map(|stream| stream.into_inner().0),
            Err(_) => None,
        },
    };
    if let Some(stream) = cut {
        let _ = stream.set_zero_linger();
    }
}

/// Answers one request after the other; returns the stream if it is to be reset.
async fn converse<S>(stream: S, world: Arc<World>, arrival: Arrival) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(move |incoming| Box::pin(serve(incoming, Arc::clone(&world), arrival)));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let end = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let mut stream = connection.into_parts().io.into_inner();
    match end {
        // A connection may end in any way, often because of a fault.
        Ok(()) => {
            let _ = stream.shutdown().await;
            None
        }
        Err(error) => error.source().is_some_and(is_cut_off).then_some(stream),
    }
}

fn is_cut_off(why: &(dyn Error + 'static)) -> bool {
    why.downcast_ref::<CutOff>().is_some()
}

async fn serve(
    incoming: hyper::Request<Incoming>,
    world: Arc<World>,
    arrival: Arrival,
) -> Result<Response<Paced>, HangUp> {
    let request = match Request::read(incoming, arrival).await {
        Ok(request) => request,
        Err((Unreadable::Gone, _)) => return Err(HangUp),
        Err((Unreadable::TooLarge, request)) => {
            let refusal = Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                "The request is larger than 4 MiB.",
            );
            return Ok(Reply::refusal(&refusal, &request).into_response(&request));
        }
    };
    let control = if request.for_files { None } else { paths::answer(&world, &request) };
    let reply = match control {
        Some(reply) => Some(reply),
        None if request.lacks_length() => Some(Reply::length_required()),
        None => world.answer(&request).await,
    };
    let mut response = reply.map(|reply| reply.into_response(&request)).ok_or(HangUp)?;
    let shift = world.lock().clock_shift;
    // Otherwise `Date` is hyper's.
    if !shift.is_zero()
        && let Some(date) = clock::http_date(shift)
    {
        response.headers_mut().insert(DATE, date);
    }
    Ok(response)
}
