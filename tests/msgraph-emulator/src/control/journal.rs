//! The journal: one entry for each request.

use serde::Serialize;

use crate::http::request::Request;

/// One request and its changes. Passwords, secrets and tokens are never in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The number of the request, from 1.
    pub n: u64,
    /// When it was answered, UTC.
    pub at: String,
    /// The HTTP method.
    pub method: String,
    /// The path as sent.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: String,
    /// The status answered; `None` if the connection was closed instead.
    pub status: Option<u16>,
    /// The id the emulator gave the request.
    pub request_id: String,
    /// The id the client gave it, or else the emulator's.
    pub client_request_id: String,
    /// Whether the request asked for a token.
    pub token: bool,
    /// Whether the request was one that may change the tenant.
    pub write: bool,
    /// The changes the request made, one sentence each; empty if it changed nothing.
    pub effects: Vec<String>,
    /// The rule that spoiled the request, if one did.
    pub fault: Option<u64>,
    /// The request id of the `$batch` it travelled in, if it did. A batch has an entry of its own, after
    /// its parts, that is no write and has no effects.
    pub batch: Option<String>,
}

/// The result of a request.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) status: Option<u16>,
    pub(crate) effects: Vec<String>,
    pub(crate) fault: Option<u64>,
}

/// Every entry since the start, the last reset, or the last clearing.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Vec<Entry>,
    last: u64,
}

impl Journal {
    pub(crate) fn write(&mut self, request: &Request, outcome: Outcome) {
        self.last += 1;
        let token = request.is_token_request();
        self.entries.push(Entry {
            n: self.last,
            at: crate::clock::precise(),
            method: request.method.to_string(),
            path: request.path.clone(),
            query: request.query.clone(),
            status: outcome.status,
            request_id: request.request_id.clone(),
            client_request_id: request.client_request_id().to_owned(),
            token,
            write: !token && !request.is_batch() && request.is_write(),
            effects: outcome.effects,
            fault: outcome.fault,
            batch: request.batch.clone(),
        });
    }

    /// The entries after a number.
    pub(crate) fn after(&self, n: u64) -> &[Entry] {
        let start = self.entries.partition_point(|entry| entry.n <= n);
        self.entries.get(start..).unwrap_or_default()
    }

    /// Removes the entries; the numbers continue, so that `after` stays valid.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}
