//! The client: gets a token, sends a request in its lane, replaces a rejected token once, retries.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::error::Error;
use crate::error::context::{Context, Peer, without_names};
use crate::fence::Fence;
use crate::http::call::Call;
use crate::http::paging::Pages;
use crate::http::path;
use crate::http::request::{Query, Reference, Request, Target, Write};
use crate::http::response::Response;
use crate::http::retry::Retry;
use crate::http::transport::{Transport, http_client};
use crate::lane::Lanes;
use crate::lane::priority::Priority;
use crate::lane::waiting::Answered;
use crate::observer::{Observer, RetryReport};
use crate::onedrive::seal::Seal;
use crate::request_log::RequestLog;
use crate::server_clock::ServerClock;
use crate::settings::Settings;
use crate::settings::access::Access;
use crate::settings::endpoints::Endpoints;
use crate::settings::exchange_admin;
use crate::token::Tokens;
use crate::token::access_token::Token;
use crate::token::endpoint::SignInService;
use crate::token::grants::Grants;

/// One tenant's Graph. Clones share connections and tokens.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    priority: Priority,
    pub(crate) log: Option<RequestLog>,
    fence: Option<Arc<dyn Fence>>,
}

struct Inner {
    endpoints: Endpoints,
    client_id: String,
    tenant_id: String,
    access: Access,
    batching: bool,
    retry_budget: Duration,
    seal: Seal,
    tokens: Tokens,
    /// The tokens for the administration of Exchange, and the mailbox that its requests name.
    exchange_admin: Option<(Tokens, String)>,
    lanes: Lanes,
    transport: Arc<Transport>,
    observer: Arc<dyn Observer>,
}

/// The reads of a tenant, and nothing else. Each resource's file adds its own.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    client: &'a Client,
}

/// The writes of a tenant, and nothing else. Each resource's file adds its own.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    pub(crate) client: &'a Client,
}

impl Client {
    /// A client for the tenant in the settings. It does not connect yet.
    ///
    /// TLS is rustls with the ring provider, installed as the process's default unless it has one already.
    /// The client trusts the system's certificates. If both addresses are plain `http://` on this machine, it does
    /// not read them and uses no proxy.
    ///
    /// # Errors
    ///
    /// Invalid settings, or no CA certificates on this machine.
    pub fn new(settings: Settings, observer: Arc<dyn Observer>) -> Result<Self, Error> {
        let endpoints = Endpoints::of(&settings)?;
        let http = http_client(&settings, &endpoints)?;
        let clock = Arc::new(ServerClock::default());
        let service = |endpoints| SignInService::new(&http, endpoints, &settings.client_id, &clock);
        let tokens = Tokens::new(service(endpoints.clone()), &settings, Arc::clone(&observer));
        let exchange_admin = settings.exchange_admin.as_ref().map(|admin| {
            let endpoints = endpoints.for_exchange_admin(&admin.scope);
            let tokens = Tokens::new(service(endpoints), &settings, Arc::clone(&observer));
            (tokens, exchange_admin::organization_mailbox(settings.tenant_id.trim()))
        });
        let transport = Arc::new(Transport {
            http,
            endpoints: endpoints.clone(),
            max_body_bytes: settings.max_body_bytes,
            observer: Arc::clone(&observer),
            clock,
        });
        let lanes = Lanes::new(&transport, settings.limits, settings.batching);
        let (access, batching, retry_budget) = (settings.access, settings.batching, settings.retry_budget);
        let inner = Inner {
            endpoints,
            client_id: settings.client_id.trim().to_owned(),
            tenant_id: settings.tenant_id.trim().to_owned(),
            access,
            batching,
            retry_budget,
            seal: settings.seal,
            tokens,
            exchange_admin,
            lanes,
            transport,
            observer,
        };
        Ok(Self { inner: Arc::new(inner), priority: Priority::default(), log: None, fence: None })
    }

    /// The same client with a log of its requests.
    pub fn logged(&self) -> (Self, RequestLog) {
        let log = RequestLog::default();
        (Self { log: Some(log.clone()), ..self.clone() }, log)
    }

    /// The same client, which asks this fence before each write.
    #[must_use]
    pub fn fenced(&self, fence: Arc<dyn Fence>) -> Self {
        Self { fence: Some(fence), ..self.clone() }
    }

    /// The same client for calls of this priority.
    #[must_use]
    pub fn with_priority(&self, priority: Priority) -> Self {
        Self { priority, ..self.clone() }
    }

    /// The reads.
    pub fn reader(&self) -> Reader<'_> {
        Reader { client: self }
    }

    /// The writes.
    pub fn writer(&self) -> Writer<'_> {
        Writer { client: self }
    }

    /// What the connection may do.
    pub fn access(&self) -> Access {
        self.inner.access
    }

    /// The application's (client) id.
    pub fn client_id(&self) -> &str {
        &self.inner.client_id
    }

    /// How it talks to Graph.
    pub(crate) fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    /// Gets a token if there is none that is valid. Asks once.
    ///
    /// # Errors
    ///
    /// The client got no token.
    pub async fn sign_in(&self) -> Result<(), Error> {
        self.inner.tokens.current(&mut Retry::new(Duration::ZERO)).await.map(|_| ())
    }

    /// The permissions of the connection, from its token; empty if the token cannot be read.
    ///
    /// # Errors
    ///
    /// The client got no token.
    pub async fn grants(&self) -> Result<Grants, Error> {
        self.inner.tokens.grants(self.inner.retry_budget).await
    }

    /// The permissions of the token for the administration of Exchange; nothing if that is not turned on.
    pub async fn exchange_grants(&self) -> Option<Result<Grants, Error>> {
        let (tokens, _) = self.inner.exchange_admin.as_ref()?;
        Some(tokens.grants(self.inner.retry_budget).await)
    }

    /// The lanes in which its calls wait, one for each service.
    pub fn lanes(&self) -> &Lanes {
        &self.inner.lanes
    }

    /// Sends a request until it has a final answer.
    async fn send(&self, request: &Request) -> Result<Response, Error> {
        if self.inner.access == Access::Read && request.is_write {
            return Err(Error::read_only());
        }
        let url = self.url_of(&request.target)?;
        let tokens = match (&request.target, &self.inner.exchange_admin) {
            (Target::ExchangeAdmin, Some((tokens, _))) => tokens,
            _ => &self.inner.tokens,
        };
        let mut retry = Retry::new(self.inner.retry_budget);
        let mut renewed = false;
        loop {
            let token = tokens.current(&mut retry).await.map_err(|error| self.told_apart(error, request))?;
            let (mut outcome, used) = self.attempt(request, &url, token, &mut retry).await;
            if let Some(used) =
                used.filter(|_| !renewed && outcome.as_ref().is_err_and(Error::is_unauthorized))
            {
                // A token ends early when consent or a policy changes. Graph did nothing, so a POST may be repeated.
                renewed = true;
                let token = tokens.replacing(&used, &mut retry).await;
                let token = token.map_err(|error| self.told_apart(error, request))?;
                (outcome, _) = self.attempt(request, &url, token, &mut retry).await;
            }
            let error = match outcome {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let Some(wait) = retry.wait_after(&error) else { return Err(error) };
            self.inner.observer.retry(&RetryReport {
                service: request.service,
                reason: error.outcome(),
                attempt: retry.next_attempt(),
                wait,
            });
            tokio::time::sleep(wait).await;
        }
    }

    /// An error of a token, with which of the two tokens it was.
    fn told_apart(&self, error: Error, request: &Request) -> Error {
        match (&request.target, &self.inner.exchange_admin) {
            (Target::ExchangeAdmin, Some(_)) => error.of_exchange_admin(),
            _ => error,
        }
    }

    /// Sends writes of one service in order. Each is carried out only if the one before it succeeded. With batching
    /// they go in one round trip, else one after the other.
    async fn send_in_order(&self, requests: &[Request]) -> Result<(), Error> {
        let mut retry = Retry::new(self.inner.retry_budget);
        let mut left = requests;
        while let [first, rest @ ..] = left {
            let together = self.inner.batching && left.iter().all(Request::may_travel_in_batch);
            if !together || rest.is_empty() || (self.inner.access == Access::Read && first.is_write) {
                self.send(first).await?;
                left = rest;
                continue;
            }
            let token = self.inner.tokens.current(&mut retry).await?;
            let attempt = retry.begin_attempt();
            let calls =
                left.iter().map(|request| Ok(self.call(request, &self.url_of(&request.target)?, attempt)));
            let answered = self.travel(calls.collect::<Result<_, _>>()?, &token, &retry).await;
            let done = answered.iter().take_while(|answered| answered.outcome.is_ok()).count();
            left = left.get(done..).unwrap_or_default();
            let errors: Vec<_> = answered.into_iter().filter_map(|answered| answered.outcome.err()).collect();
            // If the answer to all of them was lost, the one that must not be repeated decides.
            let decisive = errors.iter().find(|error| error.is_ambiguous()).or(errors.first());
            let Some(error) = decisive else { continue };
            if let (true, [refused, rest @ ..]) = (error.is_unauthorized(), left) {
                // Sent alone, it gets a new token, once.
                self.send(refused).await?;
                left = rest;
            } else if let Some(wait) = retry.wait_after(error) {
                tokio::time::sleep(wait).await;
            } else {
                return Err(error.clone());
            }
        }
        Ok(())
    }

    /// Sends a request once, in its turn. Returns the token it was sent with.
    async fn attempt(
        &self,
        request: &Request,
        url: &Url,
        token: Token,
        retry: &mut Retry,
    ) -> (Result<Response, Error>, Option<Token>) {
        let attempt = retry.begin_attempt();
        let call = self.call(request, url, attempt);
        let lost = Error::lost(&call.context);
        let answered = self.travel(vec![call], &token, retry).await.pop();
        answered.map_or((Err(lost), None), |answered| (answered.outcome, answered.token))
    }

    /// The call for one attempt of a request.
    fn call(&self, request: &Request, url: &Url, attempt: u32) -> Call {
        let below_version = self.below_version(url);
        let path = below_version.clone().unwrap_or_else(|| url.path().to_owned());
        let address = without_names(&path);
        Call {
            service: request.service,
            priority: self.priority,
            method: request.method.clone(),
            url: url.clone(),
            relative: below_version.filter(|_| request.may_travel_in_batch()),
            path,
            body: request.body.clone(),
            is_file: request.is_file,
            extra_headers: self.headers_of(request),
            wants_answer: request.wants_answer,
            watch: request.watch.clone(),
            fence: self.fence.clone().filter(|_| request.is_write),
            attempt,
            observer: self.inner.observer.call(),
            context: Context {
                peer: Peer::Graph,
                method: request.method.clone(),
                address,
                request_id: uuid::Uuid::new_v4().to_string(),
            },
        }
    }

    /// The request's own headers. Exchange routes a command by the mailbox in a header; the mailbox of the
    /// organization, which belongs to no person, works for all commands.
    fn headers_of(&self, request: &Request) -> Vec<(&'static str, String)> {
        match (&request.target, &self.inner.exchange_admin) {
            (Target::ExchangeAdmin, Some((_, mailbox))) => vec![("X-AnchorMailbox", mailbox.clone())],
            _ if request.is_counting => vec![("ConsistencyLevel", "eventual".to_owned())],
            _ => Vec::new(),
        }
    }

    /// Sends calls in their turn and logs their ids.
    async fn travel(&self, calls: Vec<Call>, token: &Token, retry: &Retry) -> Vec<Answered> {
        let sent_ids: Vec<_> = calls.iter().map(|call| call.context.request_id.clone()).collect();
        let answered = self.inner.lanes.send(calls, token, Instant::now() + retry.left()).await;
        if let Some(log) = &self.log {
            for (answered, sent_id) in answered.iter().zip(&sent_ids) {
                let id = match &answered.outcome {
                    Ok(response) => Some(response.request_id()),
                    Err(error) => error.request_id(),
                };
                log.add(id.unwrap_or(sent_id));
            }
        }
        answered.into_iter().map(|answered| answered.for_priority(self.priority)).collect()
    }

    /// Path and query below the version, as a batch writes an address.
    fn below_version(&self, url: &Url) -> Option<String> {
        let path = url.path().strip_prefix(self.inner.endpoints.graph_url.path())?;
        Some(match url.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        })
    }

    /// The address of a request. A link to a next page contains Graph's own token for the page and stays unchanged.
    /// The client follows it to the configured host only: it arrives in a body, and our token would be sent with it.
    fn url_of(&self, target: &Target) -> Result<Url, Error> {
        let endpoints = &self.inner.endpoints;
        match target {
            Target::Path(path) => Url::parse(&format!("{}{path}", endpoints.graph))
                .map_err(|_| Error::internal("the request's path does not form a valid URL")),
            Target::Link(link) => Url::parse(link)
                .ok()
                .filter(|url| url.origin() == endpoints.graph_url.origin() && url.username().is_empty())
                .ok_or_else(Error::foreign_link),
            Target::ExchangeAdmin => endpoints.exchange_admin.clone().ok_or_else(|| {
                Error::settings(
                    "Exchange commands are turned off for this tenant; set `exchange_commands` to true first",
                )
            }),
        }
    }
}

impl Reader<'_> {
    /// The permissions of the connection, from its token, and an error without one; see [`Client::grants`].
    pub async fn grants(self) -> Result<Grants, Error> {
        self.client.grants().await
    }

    /// Reads one object.
    pub(crate) async fn get<T: DeserializeOwned>(self, query: Query) -> Result<T, Error> {
        self.client.send(&query.into_request()).await?.json()
    }

    /// Reads one object; `None` if Graph says it does not exist. Absence is data.
    pub(crate) async fn find<T: DeserializeOwned>(self, query: Query) -> Result<Option<T>, Error> {
        match self.get(query).await {
            Ok(thing) => Ok(Some(thing)),
            Err(error) if error.says_missing() => Ok(None),
            Err(error) => Err(error),
        }
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

    /// Reads the next page of a listing; `None` after the last.
    pub(crate) async fn next_page<T: DeserializeOwned>(
        self,
        pages: &mut Pages,
    ) -> Result<Option<Vec<T>>, Error> {
        let Some(request) = pages.next()? else { return Ok(None) };
        let response = self.send(request).await?;
        pages.turn(response.json()?).map(Some).ok_or_else(|| response.without_list())
    }

    /// The tenant, as the settings name it.
    pub fn tenant_id(&self) -> &str {
        &self.client.inner.tenant_id
    }

    /// A client for a task that outlives this reader. It must only read.
    pub(crate) fn owned(self) -> Client {
        self.client.clone()
    }

    /// The application's (client) id.
    pub(crate) fn client_id(&self) -> &str {
        self.client.client_id()
    }

    /// The transport and the retries for a file that Graph stores elsewhere.
    pub(crate) fn outside(&self) -> (&Transport, Retry) {
        (self.client.transport(), Retry::new(self.client.inner.retry_budget))
    }

    /// What opens the addresses of copies.
    pub(crate) fn seal(&self) -> &Seal {
        &self.client.inner.seal
    }

    /// Whether the settings have an address to administer Exchange at.
    pub(crate) fn has_exchange_admin(self) -> bool {
        self.client.inner.exchange_admin.is_some()
    }

    /// Sends a prepared read.
    pub(crate) async fn send(self, request: &Request) -> Result<Response, Error> {
        self.client.send(request).await
    }
}

impl Writer<'_> {
    /// What seals the addresses of copies.
    pub(crate) fn seal(&self) -> &Seal {
        &self.client.inner.seal
    }

    /// Writes and trusts the status; ignores the body of a success.
    pub(crate) async fn send(self, write: Write) -> Result<(), Error> {
        self.client.send(&write.into_request(false)).await.map(|_| ())
    }

    /// Sends several writes of one service, each only if the one before it succeeded.
    pub(crate) async fn send_in_order(self, writes: impl IntoIterator<Item = Write>) -> Result<(), Error> {
        let requests: Vec<_> = writes.into_iter().map(|write| write.into_request(false)).collect();
        self.client.send_in_order(&requests).await
    }

    /// Deletes an object; succeeds if it is gone already.
    pub(crate) async fn remove(self, segments: &[&str]) -> Result<(), Error> {
        match self.send(Write::delete(segments)?).await {
            Err(error) if error.is_already_gone() => Ok(()),
            outcome => outcome,
        }
    }

    /// Starts a long-running job; returns the address to monitor it at.
    pub(crate) async fn begin(self, write: Write) -> Result<Option<SecretString>, Error> {
        Ok(self.client.send(&write.into_request(false)).await?.location().cloned())
    }

    /// Sends a prepared write.
    pub(crate) async fn send_request(self, request: &Request) -> Result<(), Error> {
        self.client.send(request).await.map(|_| ())
    }

    /// Writes and reads the answer.
    pub(crate) async fn send_for<T: DeserializeOwned>(self, write: Write) -> Result<T, Error> {
        self.client.send(&write.into_request(true)).await?.json()
    }

    /// The address of an object, as a body refers to it.
    pub(crate) fn reference(self, segments: &[&str]) -> Result<Reference, Error> {
        Ok(Reference::to(self.address(&path::join(segments)?)))
    }

    /// The address of an encoded path.
    pub(crate) fn address(self, path: &str) -> String {
        format!("{}{path}", self.client.inner.endpoints.graph)
    }
}
