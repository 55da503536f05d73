//! The request an error belongs to.

use reqwest::Method;

/// Who was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Graph,
    SignIn,
    /// Whoever keeps the files Graph redirects to.
    Download,
}

/// The request an error belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub peer: Peer,
    pub method: Method,
    pub request_id: String,
}
