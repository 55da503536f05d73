//! A call that waits in a lane, and its answer.

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::priority::{PROBE_EVERY, Priority};
use crate::error::Error;
use crate::http::call::Call;
use crate::http::response::Response;
use crate::token::access_token::Token;

/// A call that waits, with what its lane needs to send it.
pub(crate) struct Waiting {
    pub call: Call,
    pub token: Token,
    /// The latest time to wait for room in the limits.
    pub patience: Instant,
    pub reply: oneshot::Sender<Answered>,
}

/// Calls that are sent as one: a single call, or several that Graph carries out one after the other.
pub(crate) type Sequence = Vec<Waiting>;

/// The outcome of a call.
pub(crate) struct Answered {
    pub outcome: Result<Response, Error>,
    /// The token it was sent with. Another caller's may have been newer.
    pub token: Option<Token>,
}

impl Answered {
    /// The same for a caller of this priority: a lock-out asks again within a minute, whatever Graph asked for.
    pub(crate) fn for_priority(self, priority: Priority) -> Self {
        match priority {
            Priority::LockOut => {
                Self { outcome: self.outcome.map_err(|error| error.asked_again_after(PROBE_EVERY)), ..self }
            }
            Priority::Lifecycle | Priority::Sync => self,
        }
    }
}
