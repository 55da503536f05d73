//! An access token, as requests carry it.

use reqwest::header::HeaderValue;
use tokio::time::Instant;

/// A token as the header that carries it; the header is marked sensitive and prints as such.
#[derive(Clone)]
pub(crate) struct Token {
    pub header: HeaderValue,
    pub(super) generation: u64,
    pub(super) renew_at: Instant,
    pub(super) expires_at: Instant,
}

impl Token {
    /// Grows with every token of a tenant.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// An invalid token.
    #[cfg(test)]
    pub(crate) fn empty() -> Self {
        let now = Instant::now();
        Self { header: HeaderValue::from_static(""), generation: 0, renew_at: now, expires_at: now }
    }
}
