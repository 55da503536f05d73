//! Downloads of files that Graph stores elsewhere. Graph answers with an address that grants access by itself.
//!
//! **Guarantees.** The client follows the address once and without a token, over TLS, or unencrypted on this machine
//! if Graph itself is there. It never prints the address. It returns the file in chunks and does not store it. The
//! duration depends on the file's size, so a pause without data ends a download.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::error::Error;
use crate::error::answer::Answer;
use crate::error::context::{Context, Peer};
use crate::http::response::{MAX_REFUSAL_BYTES, read_body};
use crate::http::retry::Retry;
use crate::http::transport::Transport;
use crate::observer::{Outcome, RequestReport, RetryReport, Service};
use crate::settings::endpoints::is_loopback;

/// The longest duration of a download, even if data keeps arriving.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// A longer pause without data ends a download.
const SILENCE: Duration = Duration::from_secs(60);

/// A download in progress.
pub(crate) struct Download {
    response: reqwest::Response,
    context: Context,
}

impl Transport {
    /// Starts the download from an address that Graph gave.
    pub(crate) async fn download(
        &self,
        service: Service,
        address: &SecretString,
        mut retry: Retry,
    ) -> Result<Download, Error> {
        let url = self.address_of_file(address)?;
        loop {
            let attempt = retry.begin_attempt();
            let error = match self.try_download(service, &url, attempt).await {
                Ok(download) => return Ok(download),
                Err(error) => error,
            };
            // A refused address has expired, and the caller has to request another; further redirects are not followed.
            let may_pass = !matches!(error.status(), Some(300..=428 | 430..=499));
            let Some(wait) = retry.wait_after(&error).filter(|_| may_pass) else { return Err(error) };
            let (reason, attempt) = (error.outcome(), retry.next_attempt());
            self.observer.retry(&RetryReport { service, reason, attempt, wait });
            tokio::time::sleep(wait).await;
        }
    }

    fn address_of_file(&self, address: &SecretString) -> Result<Url, Error> {
        let graph = &self.endpoints.graph_url;
        let is_safe = |url: &Url| match url.scheme() {
            "https" => true,
            "http" => graph.scheme() == "http" && is_loopback(url),
            _ => false,
        };
        // An address without a host is relative to Graph's.
        let url = graph.join(address.expose_secret()).ok();
        url.filter(|url| is_safe(url) && url.username().is_empty()).ok_or_else(Error::unsafe_redirect)
    }

    async fn try_download(&self, service: Service, url: &Url, attempt: u32) -> Result<Download, Error> {
        let request_id = uuid::Uuid::new_v4().to_string();
        let context =
            Context { peer: Peer::Download, method: Method::GET, address: String::new(), request_id };
        let started = Instant::now();
        let outcome = self.begin(url, &context).await;
        self.observer.request(&RequestReport {
            service,
            method: "GET",
            outcome: match &outcome {
                Ok(response) => Outcome::Status(response.status().as_u16()),
                Err(error) => error.outcome(),
            },
            elapsed: started.elapsed(),
            attempt,
            request_id: &context.request_id,
        });
        outcome.map(|response| Download { response, context })
    }

    async fn begin(&self, url: &Url, context: &Context) -> Result<reqwest::Response, Error> {
        let request = self.http.get(url.clone()).timeout(LONGEST).send();
        let response = tokio::time::timeout(SILENCE, request).await.map_err(|_| Error::silence(context))?;
        let response = response.map_err(|error| Error::transport(error, context))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let head = Answer::of_head(response.status().as_u16(), response.headers());
        let body = read_body(response, MAX_REFUSAL_BYTES, context, None).await.unwrap_or_default();
        Err(Error::refused(head.with_body(&body), context))
    }
}

impl Download {
    /// The next bytes; `None` after the last.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match tokio::time::timeout(SILENCE, self.response.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| Error::transport(error, &self.context)),
            Err(_) => Err(Error::silence(&self.context)),
        }
    }

    /// The error of a file that lacks something at this place.
    pub(crate) fn unreadable(&self, at: impl Into<String>) -> Error {
        Error::decode(at, &self.context)
    }
}
