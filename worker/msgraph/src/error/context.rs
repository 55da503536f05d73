//! The request an error belongs to.

use reqwest::Method;

/// The service that received a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Graph,
    SignIn,
    /// The service that stores the files Graph redirects to.
    Download,
}

/// The request an error belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub peer: Peer,
    pub method: Method,
    pub request_id: String,
}
