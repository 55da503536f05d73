//! Round trips: sends one call, or several in a batch, and returns an answer for each.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Method, redirect};
use tokio::time::Instant;

use crate::error::Error;
use crate::error::answer::Answer;
use crate::error::context::{Context, Peer};
use crate::http::batching::{self, Order};
use crate::http::call::Call;
use crate::http::response::{MAX_REFUSAL_BYTES, Response, read_body};
use crate::observer::{
    BatchRefusedReport, Observer, Outcome, RequestReport, RoundTripReport, ThrottleReport,
};
use crate::server_clock::ServerClock;
use crate::settings::Settings;
use crate::settings::endpoints::Endpoints;
use crate::token::access_token::Token;

/// How many calls of a batch may have an answer of the largest size. Their sum bounds the batch's answer.
const LARGE_ANSWERS: usize = 4;

/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an answer that tells the time may take: somebody waits for it.
const TIME_TIMEOUT: Duration = Duration::from_secs(2);

/// How the client talks to Graph.
pub(crate) struct Transport {
    pub http: reqwest::Client,
    pub endpoints: Endpoints,
    pub max_body_bytes: usize,
    pub observer: Arc<dyn Observer>,
    pub clock: Arc<ServerClock>,
}

impl Transport {
    /// Asks Graph for the time: any answer tells it, and none needs a token.
    pub(crate) async fn ask_time(&self) {
        let sent = Timestamp::now();
        let request = self.http.head(self.endpoints.graph_url.clone()).timeout(TIME_TIMEOUT);
        // Without an answer nothing is known, and nothing has to be done about that here.
        if let Ok(answer) = request.send().await {
            self.clock.heard(answer.headers(), sent);
        }
    }

    /// Sends calls of one service in one round trip; returns an answer for each, in their order.
    pub(crate) async fn round_trip(
        &self,
        calls: &[Call],
        order: Order,
        token: &Token,
    ) -> Vec<Result<Response, Error>> {
        let refusals = refusals(calls, order).await;
        let let_through: Vec<&Call> = calls
            .iter()
            .zip(&refusals)
            .filter_map(|(call, refusal)| refusal.is_none().then_some(call))
            .collect();
        let started = Instant::now();
        let outcomes = match *let_through.as_slice() {
            [] => Vec::new(),
            [call] => vec![self.alone(call, token).await],
            ref calls => self.together(calls, order, token).await,
        };
        for (call, outcome) in let_through.iter().zip(&outcomes) {
            self.report(call, outcome, started.elapsed());
        }
        let mut outcomes = outcomes.into_iter();
        let answered = calls.iter().zip(refusals).map(|(call, refusal)| match refusal {
            Some(refusal) => Err(refusal),
            None => outcomes.next().unwrap_or_else(|| Err(Error::lost(&call.context))),
        });
        answered.collect()
    }

    fn report(&self, call: &Call, outcome: &Result<Response, Error>, elapsed: Duration) {
        let (reported, request_id) = match outcome {
            Ok(response) => (Outcome::Status(response.status), Some(response.request_id())),
            Err(error) => (error.outcome(), error.request_id()),
        };
        let report = RequestReport {
            service: call.service,
            method: call.method.as_str(),
            outcome: reported,
            elapsed,
            attempt: call.attempt,
            request_id: request_id.unwrap_or(&call.context.request_id),
        };
        self.observer.request(&report);
        if let Some(observer) = &call.observer {
            observer.attempt(&report, &call.destination());
        }
        if let Err(error) = outcome
            && error.asks_to_slow_down()
        {
            let report = ThrottleReport { service: call.service, retry_after: error.retry_after() };
            self.observer.throttled(&report);
        }
    }

    /// Sends every call as a request of its own.
    async fn each_alone(&self, calls: &[&Call], order: Order, token: &Token) -> Vec<Result<Response, Error>> {
        let ask = async |call: &Call| match call.refusal().await {
            Some(refusal) => Err(refusal),
            None => self.alone(call, token).await,
        };
        if order == Order::AtOnce {
            return join_all(calls.iter().map(|call| ask(call))).await;
        }
        let mut outcomes: Vec<Result<Response, Error>> = Vec::with_capacity(calls.len());
        for call in calls {
            outcomes.push(match outcomes.last() {
                Some(Err(_)) => Err(Error::not_begun(&call.context)),
                _ => ask(call).await,
            });
        }
        outcomes
    }

    /// Sends one call as a request of its own.
    async fn alone(&self, call: &Call, token: &Token) -> Result<Response, Error> {
        let started = Instant::now();
        let outcome = self.ask(call, token).await;
        self.travelled(&[call], started);
        outcome
    }

    async fn ask(&self, call: &Call, token: &Token) -> Result<Response, Error> {
        let context = &call.context;
        let mut builder = self
            .http
            .request(call.method.clone(), call.url.clone())
            .header(AUTHORIZATION, token.header.clone());
        for (name, value) in call.headers() {
            builder = builder.header(name, value);
        }
        match call.body.as_ref().filter(|body| !body.is_empty()) {
            Some(body) => builder = builder.body(body.clone()),
            // The HTTP library leaves the length of an empty body out. Over HTTP/1.1 Graph then answers 411
            // (microsoft-graph-docs 2262, graph-rs-sdk 524; read 2026-11-28).
            None if call.takes_a_body() => builder = builder.header(CONTENT_LENGTH, 0),
            None => {}
        }
        let sent = Timestamp::now();
        let answer = builder.send().await.map_err(|error| Error::transport(error, context))?;
        self.clock.heard(answer.headers(), sent);
        let status = answer.status();
        let head = Answer::of_head(status.as_u16(), answer.headers());
        let limit = if status.is_success() { self.max_body_bytes } else { MAX_REFUSAL_BYTES };
        let watch = call.watch.as_ref().filter(|_| status.is_success());
        let body = read_body(answer, limit, context, watch).await;
        if !status.is_success() {
            return Err(refusal(head, body, context));
        }
        let body = if call.wants_answer { body? } else { body.unwrap_or_default() };
        Ok(Response::new(head, body, context))
    }

    /// Sends several calls in one batch.
    async fn together(&self, calls: &[&Call], order: Order, token: &Token) -> Vec<Result<Response, Error>> {
        let Ok(body) = batching::body(calls, order) else {
            return self.each_alone(calls, order, token).await;
        };
        let context = Context {
            peer: Peer::Graph,
            method: Method::POST,
            address: "/$batch".to_owned(),
            request_id: uuid::Uuid::new_v4().to_string(),
        };
        let started = Instant::now();
        let answer = self.batch(body, calls.len(), &context, token).await;
        self.travelled(calls, started);
        let body = match answer {
            Ok(body) => body,
            Err(error) => return self.failed_whole(calls, order, token, &error).await,
        };
        let Some(parts) = batching::answers(&body, calls.len()) else {
            return each(calls, &Error::decode("`responses`", &context));
        };
        let outcomes = calls.iter().zip(parts).map(|(call, part)| {
            let part = part.ok_or_else(|| Error::lost(&call.context))?;
            match part.head.status {
                Some(200..=299) => Ok(Response::new(part.head, part.body, &call.context)),
                _ => Err(refusal(part.head, Ok(part.body), &call.context)),
            }
        });
        outcomes.collect()
    }

    /// Sends a batch of `calls` calls; returns the answer's body.
    async fn batch(
        &self,
        body: Bytes,
        calls: usize,
        context: &Context,
        token: &Token,
    ) -> Result<Bytes, Error> {
        let request = self
            .http
            .post(format!("{}/$batch", self.endpoints.graph))
            .header(AUTHORIZATION, token.header.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("client-request-id", &context.request_id)
            .body(body);
        let sent = Timestamp::now();
        let answer = request.send().await.map_err(|error| Error::transport(error, context))?;
        self.clock.heard(answer.headers(), sent);
        let status = answer.status();
        let head = Answer::of_head(status.as_u16(), answer.headers());
        if status.is_success() {
            let limit = self.max_body_bytes.saturating_mul(calls.min(LARGE_ANSWERS));
            return read_body(answer, limit, context, None).await;
        }
        let body = read_body(answer, MAX_REFUSAL_BYTES, context, None).await.unwrap_or_default();
        Err(Error::refused(head.with_body(&body), context))
    }

    /// A batch that failed as a whole. If Graph refused it as such, none of its calls was carried out: each goes
    /// alone, and so one that Graph cannot read fails alone. Any other failure is that of every call.
    async fn failed_whole(
        &self,
        calls: &[&Call],
        order: Order,
        token: &Token,
        error: &Error,
    ) -> Vec<Result<Response, Error>> {
        if let ([first, ..], Some(_)) = (calls, error.status()) {
            let report = BatchRefusedReport { service: first.service, calls: calls.len(), error };
            self.observer.batch_refused(&report);
        }
        match error.status() {
            None | Some(401 | 408 | 429 | 500..) => each(calls, error),
            Some(_) => self.each_alone(calls, order, token).await,
        }
    }

    fn travelled(&self, calls: &[&Call], started: Instant) {
        if let [first, ..] = calls {
            let report =
                RoundTripReport { service: first.service, calls: calls.len(), elapsed: started.elapsed() };
            self.observer.round_trip(&report);
        }
    }
}

/// Why calls must not be sent now. What depends on one that must not is not sent either.
async fn refusals(calls: &[Call], order: Order) -> Vec<Option<Error>> {
    let mut refusals = Vec::with_capacity(calls.len());
    for call in calls {
        let is_begun = order == Order::AtOnce || refusals.last().is_none_or(Option::is_none);
        refusals.push(if is_begun { call.refusal().await } else { Some(Error::fenced(&call.context)) });
    }
    refusals
}

/// The failure of the whole batch, for each of its calls: the method of a call decides whether Graph may have acted.
fn each(calls: &[&Call], error: &Error) -> Vec<Result<Response, Error>> {
    calls.iter().map(|call| Err(error.as_of(&call.context))).collect()
}

/// The status decides; an unreadable body only says less. But 400 and 409 mean too many things: without a whole body
/// they are a lost answer.
fn refusal(head: Answer, body: Result<Bytes, Error>, context: &Context) -> Error {
    match body {
        Ok(body) => Error::refused(head.with_body(&body), context),
        Err(error) if error.is_transient() && matches!(head.status, Some(400 | 409)) => error,
        Err(_) => Error::refused(head, context),
    }
}

/// The HTTP client of a tenant.
pub(crate) fn http_client(settings: &Settings, endpoints: &Endpoints) -> Result<reqwest::Client, Error> {
    // Fails only if the process has a provider already; that one is used then.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(settings.user_agent.as_str())
        .timeout(settings.request_timeout)
        .connect_timeout(settings.request_timeout.min(CONNECT_TIMEOUT))
        // Following a redirect would send our token elsewhere; Graph's directory has no redirects.
        .redirect(redirect::Policy::none())
        .https_only(endpoints.encrypted);
    if endpoints.plain {
        builder = builder.no_proxy().tls_certs_only([]);
    }
    builder.build().map_err(|_| {
        Error::settings(
            "cannot create an HTTPS client; check that the machine has CA certificates (package ca-certificates) and \
             that the user agent is plain ASCII",
        )
    })
}
