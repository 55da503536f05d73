//! How a request becomes an answer: token, attempt, new token once, retries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Url, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::error::{Context, Error, Peer};
use crate::log::RequestLog;
use crate::observer::{Observer, Outcome, RequestReport, RetryReport, Service, ThrottleReport};
use crate::paging::Pages;
use crate::path;
use crate::request::{Query, Request, Target, Write};
use crate::response::{Answer, Response, read_body};
use crate::retry::Retry;
use crate::settings::{Endpoints, Settings};
use crate::token::{Token, Tokens};

/// Longest time a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One tenant's Graph. Clones share connections and tokens.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    log: Option<RequestLog>,
}

struct Inner {
    http: reqwest::Client,
    endpoints: Endpoints,
    retry_budget: Duration,
    max_body_bytes: usize,
    tokens: Tokens,
    observer: Arc<dyn Observer>,
}

/// A request and where it goes, the same for each of its attempts.
struct Call<'a> {
    request: &'a Request,
    url: Url,
}

/// The reads of a tenant, and nothing else. Each resource file adds its own.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    client: &'a Client,
}

/// The writes of a tenant, and nothing else. Each resource file adds its own.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    client: &'a Client,
}

impl Client {
    /// A client for the tenant in the settings. It connects to nothing yet.
    ///
    /// TLS is rustls with the ring provider, installed as the process's default unless another one is there.
    /// The system's certificates are trusted; where both addresses are plain `http://` on this machine they are
    /// not even read, and no proxy is used.
    ///
    /// # Errors
    ///
    /// Settings that cannot work, or no certificates to trust on this machine.
    pub fn new(settings: Settings, observer: Arc<dyn Observer>) -> Result<Self, Error> {
        let endpoints = Endpoints::of(&settings)?;
        let http = http_client(&settings, &endpoints)?;
        let tokens = Tokens::new(http.clone(), endpoints.clone(), &settings, Arc::clone(&observer));
        let inner = Inner {
            http,
            endpoints,
            retry_budget: settings.retry_budget,
            max_body_bytes: settings.max_body_bytes,
            tokens,
            observer,
        };
        Ok(Self { inner: Arc::new(inner), log: None })
    }

    /// The same client, and a log of the requests that are made with it.
    pub fn logged(&self) -> (Self, RequestLog) {
        let log = RequestLog::default();
        (Self { inner: Arc::clone(&self.inner), log: Some(log.clone()) }, log)
    }

    /// The reads.
    pub fn reader(&self) -> Reader<'_> {
        Reader { client: self }
    }

    /// The writes.
    pub fn writer(&self) -> Writer<'_> {
        Writer { client: self }
    }

    /// Sends a request until it is answered for good.
    async fn send(&self, request: &Request) -> Result<Response, Error> {
        let call = Call { request, url: self.url_of(&request.target)? };
        let mut retry = Retry::new(self.inner.retry_budget);
        let mut renewed = false;
        loop {
            let token = self.inner.tokens.current(&mut retry).await?;
            let mut outcome = self.attempt(&call, &token, retry.begin_attempt()).await;
            if !renewed && outcome.as_ref().is_err_and(Error::is_unauthorized) {
                // Tokens end early when consent or a policy changes. Nothing was processed, so a POST may go again.
                renewed = true;
                let token = self.inner.tokens.replacing(&token, &mut retry).await?;
                outcome = self.attempt(&call, &token, retry.begin_attempt()).await;
            }
            let error = match outcome {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let Some(wait) = retry.wait_after(&error) else { return Err(error) };
            self.inner.observer.retry(&RetryReport {
                service: Service::Directory,
                reason: error.outcome(),
                attempt: retry.next_attempt(),
                wait,
            });
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends a request once and reports it.
    async fn attempt(&self, call: &Call<'_>, token: &Token, attempt: u32) -> Result<Response, Error> {
        let context = Context {
            peer: Peer::Graph,
            method: call.request.method.clone(),
            request_id: uuid::Uuid::new_v4().to_string(),
        };
        let started = Instant::now();
        let outcome = self.exchange(call, token, &context).await;
        let (reported, request_id) = match &outcome {
            Ok(response) => (Outcome::Status(response.status), Some(response.request_id())),
            Err(error) => (error.outcome(), error.request_id()),
        };
        let request_id = request_id.unwrap_or(&context.request_id);
        if let Some(log) = &self.log {
            log.add(request_id);
        }
        self.inner.observer.request(&RequestReport {
            service: Service::Directory,
            method: call.request.method.as_str(),
            outcome: reported,
            elapsed: started.elapsed(),
            attempt,
            request_id,
        });
        if let Err(error) = &outcome
            && (error.is_throttled() || (error.status() == Some(503) && error.retry_after().is_some()))
        {
            let report = ThrottleReport { service: Service::Directory, retry_after: error.retry_after() };
            self.inner.observer.throttled(&report);
        }
        outcome
    }

    /// One request and its answer on the wire.
    async fn exchange(&self, call: &Call<'_>, token: &Token, context: &Context) -> Result<Response, Error> {
        let request = call.request;
        let mut builder = self
            .inner
            .http
            .request(request.method.clone(), call.url.clone())
            .header(AUTHORIZATION, token.header.clone())
            .header("client-request-id", &context.request_id)
            .header("return-client-request-id", "true");
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let answer = builder.send().await.map_err(|error| Error::transport(error, context))?;
        let status = answer.status();
        let head = Answer::of_head(status.as_u16(), answer.headers());
        let body = read_body(answer, self.inner.max_body_bytes, context).await;
        if !status.is_success() {
            return Err(refusal(head, body, context));
        }
        let body = if request.wants_answer { body? } else { body.unwrap_or_default() };
        Ok(Response::new(head, body, context))
    }

    /// The address of a request. A link to a next page holds Graph's own token for it and is not touched, but it
    /// is followed to the configured host only: it arrives in a body, and our token would go with it.
    fn url_of(&self, target: &Target) -> Result<Url, Error> {
        let endpoints = &self.inner.endpoints;
        match target {
            Target::Path(path) => Url::parse(&format!("{}{path}", endpoints.graph))
                .map_err(|_| Error::internal("a path cannot be made into an address")),
            Target::Link(link) => Url::parse(link)
                .ok()
                .filter(|url| url.origin() == endpoints.graph_url.origin() && url.username().is_empty())
                .ok_or_else(Error::foreign_link),
        }
    }
}

impl Reader<'_> {
    /// Reads one thing.
    pub(crate) async fn get<T: DeserializeOwned>(self, query: Query) -> Result<T, Error> {
        self.client.send(&query.into_request()).await?.json()
    }

    /// Reads a listing to its end.
    pub(crate) async fn list<T: DeserializeOwned>(self, query: Query) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        let mut pages = Pages::of(query);
        while let Some(page) = self.next_page(&mut pages).await? {
            items.extend(page);
        }
        Ok(items)
    }

    /// Reads a listing until it shows what is looked for, and keeps nothing else of it.
    pub(crate) async fn find<T: DeserializeOwned>(
        self,
        query: Query,
        is_it: impl Fn(&T) -> bool + Send,
    ) -> Result<Option<T>, Error> {
        let mut pages = Pages::of(query);
        while let Some(page) = self.next_page(&mut pages).await? {
            if let Some(found) = page.into_iter().find(&is_it) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn next_page<T: DeserializeOwned>(self, pages: &mut Pages) -> Result<Option<Vec<T>>, Error> {
        let Some(request) = pages.next()? else { return Ok(None) };
        let page = self.client.send(&request).await?.json()?;
        Ok(Some(pages.turn(page)))
    }
}

impl Writer<'_> {
    /// Writes, and trusts the status: what a success's body says is not looked at.
    pub(crate) async fn send(self, write: Write) -> Result<(), Error> {
        self.client.send(&write.into_request(false)).await.map(|_| ())
    }

    /// Writes and reads the answer.
    pub(crate) async fn send_for<T: DeserializeOwned>(self, write: Write) -> Result<T, Error> {
        self.client.send(&write.into_request(true)).await?.json()
    }

    /// The address of an object, as a body refers to it.
    pub(crate) fn reference(self, segments: &[&str]) -> Result<Reference, Error> {
        let id = format!("{}{}", self.client.inner.endpoints.graph, path::join(segments)?);
        Ok(Reference { id })
    }
}

/// A reference to another object.
#[derive(Serialize)]
pub(crate) struct Reference {
    #[serde(rename = "@odata.id")]
    id: String,
}

/// The status decides, and a body that cannot be read only tells less; but 400 and 409 mean too many things, and
/// one of those whose body broke off is a lost answer.
fn refusal(head: Answer, body: Result<Bytes, Error>, context: &Context) -> Error {
    match body {
        Ok(body) => Error::refused(head.with_body(&body), context),
        Err(error) if error.is_transient() && matches!(head.status, Some(400 | 409)) => error,
        Err(_) => Error::refused(head, context),
    }
}

fn http_client(settings: &Settings, endpoints: &Endpoints) -> Result<reqwest::Client, Error> {
    // Fails only when a provider is there already, and then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(settings.user_agent.as_str())
        .timeout(settings.request_timeout)
        .connect_timeout(settings.request_timeout.min(CONNECT_TIMEOUT))
        // A redirect would be a request nobody asked for, with our token; Graph's directory has none.
        .redirect(redirect::Policy::none())
        .https_only(endpoints.encrypted);
    if endpoints.plain {
        builder = builder.no_proxy().tls_certs_only([]);
    }
    builder.build().map_err(|_| {
        Error::settings(
            "no HTTPS client can be made here; check that the machine has CA certificates (package \
             ca-certificates) and that the user agent is plain ASCII",
        )
    })
}
