//! A call that waits in a lane, and what came of it.

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::Error;
use crate::http::call::Call;
use crate::http::response::Response;
use crate::token::access_token::Token;

/// A call, and how it is to be treated on its way.
pub(crate) struct Waiting {
    pub call: Call,
    pub token: Token,
    /// Until when it is worth waiting for Graph's consent.
    pub patience: Instant,
    pub reply: oneshot::Sender<Answered>,
}

/// Calls that are sent as one: a single call, or several that Graph carries out one after the other.
pub(crate) type Sequence = Vec<Waiting>;

/// What came of a call.
pub(crate) struct Answered {
    pub outcome: Result<Response, Error>,
    /// The token it went with: another caller's may have been newer.
    pub token: Option<Token>,
}
