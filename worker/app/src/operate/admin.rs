//! `/metrics`, `/healthz` and `/readyz`.
//!
//! `/healthz` reports that the process answers. It never depends on the broker: otherwise a restart of the broker would
//! restart its workers as well. `/readyz` reports whether every consumer has a broker session, or had one within the
//! last 15 seconds, whether the ledger answers claims, whether the clock is right, and whether there is a tenant to work
//! in; it names those that are paused.
//!
//! A connection that sends nothing cannot keep others out: at most [`CONNECTIONS`] are open, the oldest makes room for
//! a new one, and a request has to be there within [`HEAD_LIMIT`].

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use broker::Readiness;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::ledger::client::Client;
use crate::ledger::log::Stream;
use crate::operate::metrics::Metrics;
use crate::operate::process;
use crate::runs::turns::Turns;
use crate::tenants::Tenants;

/// Far more than probes and scrapers need, and far fewer than a process may open files.
const CONNECTIONS: usize = 32;
/// How long a request may take to arrive, also the next one on a connection.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// What is asked for.
#[derive(Clone)]
pub struct Health {
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// The sessions of all consumers.
    pub sessions: Vec<Readiness>,
    /// Where to work.
    pub tenants: Tenants,
    /// What is read of the ledger, by every worker.
    pub ledger: Arc<Client<Stream>>,
    /// Who acts for whom, in a worker that serves workflows.
    pub turns: Option<Arc<Turns>>,
}

/// Listens on this address, for [`serve`].
///
/// # Errors
///
/// The address is invalid or in use.
pub async fn listen(address: &str) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let local = listener.local_addr()?;
    Ok((listener, local))
}

/// Answers requests until the process ends.
pub async fn serve(listener: TcpListener, health: Health) {
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // For example, no file descriptor is free: one may become free later.
                tracing::warn!(%error, "the admin port failed to accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        open.push_back(tokio::spawn(converse(stream, health.clone())).abort_handle());
    }
}

/// Answers the requests of one connection.
async fn converse(stream: TcpStream, health: Health) {
    let service = service_fn(|request| {
        let answer = health.answer(&request);
        async { Ok::<_, Infallible>(answer) }
    });
    let mut connection = http1::Builder::new();
    connection.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT);
    if let Err(error) = connection.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection to the admin port ended early");
    }
}

impl Health {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, content_type, body) = match (request.method(), request.uri().path()) {
            (&Method::GET, "/metrics") => (StatusCode::OK, prometheus::TEXT_FORMAT, self.metrics()),
            (&Method::GET, "/healthz") => (StatusCode::OK, "text/plain", "ok\n".to_owned()),
            (&Method::GET, "/readyz") => {
                let (status, body) = self.readiness();
                (status, "text/plain", body)
            }
            _ => (
                StatusCode::NOT_FOUND,
                "text/plain",
                "not found; available: /metrics, /healthz, /readyz\n".to_owned(),
            ),
        };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        if let Ok(value) = content_type.parse() {
            response.headers_mut().insert(CONTENT_TYPE, value);
        }
        response
    }

    fn metrics(&self) -> String {
        for (tenant, pause) in self.tenants.pauses() {
            self.metrics.tenant_paused.with_label_values(&[tenant]).set(pause.is_some().into());
        }
        self.metrics.clock_wrong.set(self.tenants.clock().is_wrong().into());
        self.count_calls();
        self.count_records();
        process::look(&self.metrics);
        self.metrics.render()
    }

    /// The calls that every tenant's lanes have to send now.
    fn count_calls(&self) {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for (tenant, client) in self.tenants.iter() {
            for load in client.lanes().load() {
                let labels = [tenant, load.service.as_str()];
                self.metrics.graph_calls_waiting.with_label_values(&labels).set(count(load.waiting));
                self.metrics.graph_calls_under_way.with_label_values(&labels).set(count(load.under_way));
            }
        }
    }

    /// What was read of the ledger since the last time. A worker that serves only syncs reads it as well.
    fn count_records(&self) {
        let (counts, lag, is_ready) = {
            let book = self.ledger.book();
            (book.counts(), book.lag(), book.is_ready())
        };
        let Metrics { ledger_cuts_total, ledger_records_skipped_total, .. } = &*self.metrics;
        ledger_cuts_total.inc_by(counts.cuts.saturating_sub(ledger_cuts_total.get()));
        let skipped = counts.skipped.saturating_add(counts.contradictions);
        ledger_records_skipped_total.inc_by(skipped.saturating_sub(ledger_records_skipped_total.get()));
        self.metrics.ledger_lag_seconds.set(lag.as_secs_f64());
        self.metrics.ledger_ready.set(is_ready.into());
    }

    fn readiness(&self) -> (StatusCode, String) {
        let pauses: Vec<_> = self.tenants.pauses().collect();
        let clock = self.tenants.clock().problem();
        let (status, mut body) = if !self.sessions.iter().all(Readiness::is_ready) {
            (StatusCode::SERVICE_UNAVAILABLE, "a broker session is missing\n".to_owned())
        } else if self.turns.as_ref().is_some_and(|turns| !turns.is_ready()) {
            (StatusCode::SERVICE_UNAVAILABLE, "the ledger does not answer\n".to_owned())
        } else if self.turns.is_some() && clock.is_some() {
            (StatusCode::SERVICE_UNAVAILABLE, "the clock is wrong\n".to_owned())
        } else if pauses.iter().all(|(_, pause)| pause.is_some()) {
            (StatusCode::SERVICE_UNAVAILABLE, "every tenant is paused\n".to_owned())
        } else {
            (StatusCode::OK, "ready\n".to_owned())
        };
        if let Some(problem) = clock {
            // Writing to a string cannot fail.
            let _ = writeln!(body, "{problem}");
        }
        for (tenant, pause) in pauses.into_iter().filter_map(|(tenant, pause)| Some((tenant, pause?))) {
            // Writing to a string cannot fail.
            let _ = writeln!(body, "tenant {tenant} is paused: {pause}");
        }
        (status, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn health() -> Health {
        let settings = msgraph::Settings {
            graph_url: "http://127.0.0.1:1".into(),
            login_url: "http://127.0.0.1:1".into(),
            ..msgraph::Settings::new("t", "c", String::new().into())
        };
        let client = msgraph::Client::new(settings, Arc::new(())).unwrap();
        let tenants = Tenants::of([("contoso".to_owned(), client)]);
        let stream = Stream::new(broker::Settings::new("amqp://127.0.0.1:1".to_owned().into(), Vec::new()));
        let ledger = Client::new(stream, "test".to_owned(), ledger::Timing::default());
        Health {
            metrics: Arc::new(Metrics::new().unwrap()),
            sessions: Vec::new(),
            tenants,
            ledger,
            turns: None,
        }
    }

    #[tokio::test]
    async fn connections_that_say_nothing_keep_nobody_out() {
        let (listener, address) = listen("127.0.0.1:0").await.unwrap();
        tokio::spawn(serve(listener, health()));
        let mut silent = Vec::new();
        for _ in 0..300 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let asked = Instant::now();
        let mut probe = TcpStream::connect(address).await.unwrap();
        probe.write_all(b"GET /readyz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        probe.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\nready\n"), "{answer}");
        assert!(asked.elapsed() < HEAD_LIMIT, "{:?}", asked.elapsed());
        let mut closed = 0;
        for connection in &mut silent {
            let mut byte = [0];
            let read = tokio::time::timeout(Duration::from_millis(1), connection.read(&mut byte)).await;
            closed += usize::from(read.is_ok());
        }
        assert!(closed >= 300 - CONNECTIONS, "{closed} were closed");
    }
}
