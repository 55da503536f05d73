//! One attempt of a request, ready to be sent.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::{Method, Url};

use crate::error::Error;
use crate::error::context::Context;
use crate::fence::Fence;
use crate::http::links::LinkWatch;
use crate::lane::priority::Priority;
use crate::observer::{CallObserver, Destination, Service};
use crate::route;

/// One attempt of a request: everything it needs to be sent.
pub(crate) struct Call {
    pub service: Service,
    pub priority: Priority,
    pub method: Method,
    pub url: Url,
    /// The encoded path below the version, with its query.
    pub path: String,
    /// The address as a batch writes it; `None` for a call that cannot be sent in a batch.
    pub relative: Option<String>,
    pub body: Option<Bytes>,
    /// Whether the body is a file's content instead of JSON.
    pub is_file: bool,
    pub extra_headers: Vec<(&'static str, String)>,
    pub wants_answer: bool,
    /// Who wants to know the link to the next page while the page still arrives.
    pub watch: Option<LinkWatch>,
    /// Asked before it is sent; nothing for a read.
    pub fence: Option<Arc<dyn Fence>>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Who wants to know of this call besides the client's observer.
    pub observer: Option<Arc<dyn CallObserver>>,
    pub context: Context,
}

/// As Graph spells it: in a batch it took the name in this spelling alone (microsoft-graph-docs-contrib 8032, 2017).
pub(crate) const CONTENT_TYPE: &str = "Content-Type";

impl Call {
    /// Whether its method is one whose requests have a body, be it an empty one.
    pub(crate) fn takes_a_body(&self) -> bool {
        matches!(self.method, Method::POST | Method::PUT | Method::PATCH)
    }

    /// Where it goes, without anybody's name or id.
    pub(crate) fn destination(&self) -> Destination<'_> {
        Destination {
            host: self.url.host_str().unwrap_or_default(),
            port: self.url.port_or_known_default(),
            route: route::of(&self.path),
        }
    }

    /// Why it must not be sent now.
    pub(crate) async fn refusal(&self) -> Option<Error> {
        match &self.fence {
            Some(fence) if !fence.may_send().await => Some(Error::fenced(&self.context)),
            _ => None,
        }
    }

    /// The headers of the request, except the token.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let id =
            [("client-request-id", self.context.request_id.as_str()), ("return-client-request-id", "true")];
        let kind = if self.is_file { "application/octet-stream" } else { "application/json" };
        let kind = self.body.as_ref().map(|_| (CONTENT_TYPE, kind));
        let priority = self.priority.header().map(|priority| ("x-ms-throttle-priority", priority));
        let extra = self.extra_headers.iter().map(|(name, value)| (*name, value.as_str()));
        id.into_iter().chain(kind).chain(priority).chain(extra)
    }
}
